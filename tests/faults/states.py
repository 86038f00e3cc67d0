"""The old state or the new one, never a third; and nothing left over."""

import re
from pathlib import Path
from typing import Any

from augfactory.commands.progress import Progress
from augfactory.commands.versions.verify import verify
from augfactory.errors import AugfactoryError
from tests.faults.counting import Problem

LEFT_OVER = re.compile(r"\.tmp-.*|\.building-.*|\.lock(-file)?|\.resume|\.state")


def version_problems(dataset: Path, content_hash: str, rows: int, when: str) -> list[Problem]:
    """Hold every folder of ``dataset`` with the name of a version to the undisturbed content."""
    problems = []
    for folder in sorted(dataset.glob("v*")) if dataset.is_dir() else []:
        try:
            found = verify(str(folder), Progress())
        except AugfactoryError as error:
            problems.append(Problem("wrong states", f"{when}: {error}"))
            continue
        except Exception as error:
            problems.append(Problem("wrong states", f"{when}: verify raised {error!r}"))
            continue
        if found.content_hash != content_hash:
            kind = "rows lost" if found.rows < rows else "wrong states"
            problems.append(Problem(kind, f"{when}: {folder.name} holds other content"))
    return problems


def only_version(dataset: Path, content_hash: str, rows: int, when: str) -> list[Problem]:
    """Hold ``dataset`` to exactly one version, the undisturbed one, and nothing beside it."""
    problems = version_problems(dataset, content_hash, rows, when)
    there = sorted(path.name for path in dataset.iterdir()) if dataset.is_dir() else []
    versions = [name for name in there if name.startswith("v")]
    if not versions:
        problems.append(Problem("rows lost", f"{when}: there is no version"))
    if len(versions) > 1:
        problems.append(Problem("wrong states", f"{when}: there are {versions}"))
    return [*problems, *leftovers(dataset, when)]


def differing(found: dict[str, Any], wanted: dict[str, Any], when: str) -> list[Problem]:
    """Hold what was trained to the undisturbed one, key by key."""
    return [
        Problem("wrong states", f"{when}: {key} is {str(found.get(key))[:200]}")
        for key in wanted
        if found.get(key) != wanted[key]
    ]


def leftovers(folder: Path, when: str) -> list[Problem]:
    """Name what is there that only work in progress needs."""
    return [
        Problem("leftovers", f"{when}: {path.relative_to(folder.parent)}")
        for path in sorted(folder.rglob("*"))
        if LEFT_OVER.fullmatch(path.name)
    ]


def anything_in(folder: Path, when: str) -> list[Problem]:
    """Name everything in a folder for temporary files that is not torch's own."""
    return [
        Problem("leftovers", f"{when}: {path}")
        for path in sorted(folder.iterdir())
        if not path.name.startswith("torchinductor")
    ]
