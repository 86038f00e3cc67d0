"""What a machine of a cluster does with a task: it works as the process that sent it would."""

import contextlib
import functools
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from augfactory.engines.processes import pinned_threads, portable
from augfactory.errors import AugfactoryError, ResourceError


@dataclass(frozen=True)
class Conditions:
    """What is the same wherever a task runs.

    Attributes:
        folder: the working folder, which relative paths begin at.
        threads: that a task computes on.
        alike: tells versions of libraries.
        versions: what it tells where the tasks come from.
        environment: variables that a task finds.
    """

    folder: str
    threads: int
    alike: Callable[[], Mapping[str, str]]
    versions: dict[str, str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Failed:
    """An error of a task on ``node``; ``unseen`` is what it names that is no path there."""

    error: Exception
    node: str
    unseen: tuple[str, ...] = ()


def run_on_node(conditions: Conditions, function: Callable[[Any], Any], task: Any) -> Any:
    """Run a task; return its result, or ``Failed`` with what it raised."""
    node = platform.node()
    os.environ.update(conditions.environment)
    with contextlib.suppress(OSError):  # a task that needs it says so
        os.chdir(conditions.folder)
    other = _differing(conditions.versions, _versions(conditions.alike))
    if other is not None:
        remedy = "Install the same versions on every machine: others can make other pixels."
        return Failed(ResourceError(f"machine {node}", other, remedy), node)
    try:
        with pinned_threads(conditions.threads):
            return function(task)
    except Exception as error:
        return Failed(portable(error), node, _unseen(error))


def told_here(failed: Failed) -> Exception:
    """Return the error to raise: that of the task, or that its machine does not share a folder."""
    for path in filter(os.path.lexists, failed.unseen):
        return ResourceError(
            path,
            f"is here, and machine {failed.node} does not see it",
            "The folder must be shared by all machines, under the same path: put source, model and "
            "--out on a network disk (NFS or the like).",
        )
    return failed.error


def _differing(here: Mapping[str, str], there: Mapping[str, str]) -> str | None:
    words = [
        f"{name} {there.get(name)} where this one has {version}"
        for name, version in here.items()
        if there.get(name) != version
    ]
    return f"it has {', '.join(words)}" if words else None


@functools.cache
def _versions(alike: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    return alike()  # it reads many files


def _unseen(error: BaseException) -> tuple[str, ...]:
    """Return what an error, and what led to it, names that is not here."""
    named = [
        each.where if isinstance(each, AugfactoryError) else getattr(each, "filename", None)
        for each in _chain(error)
    ]
    paths = [os.fsdecode(name) for name in named if isinstance(name, str | bytes) and name]
    return tuple(path for path in paths if not os.path.lexists(path))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
