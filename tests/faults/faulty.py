"""In the place of the calls by which the program changes the disk: ones that fail, kill or record.

Calls are counted from 1, over all functions of ``augfactory.store.disk.system`` together.
"""

import contextlib
import errno
import inspect
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from augfactory.store.disk import system

Instead = Callable[[int, str, Callable[..., Any], tuple[Any, ...]], Any]
ONCE = (errno.ENOSPC, errno.EIO, errno.EINTR)
FOR_GOOD = (errno.ENOSPC, errno.EIO, errno.EROFS)  # EINTR asks to try again: it cannot last


@dataclass
class Calls:
    """What was called so far, by name, and at which call a fault struck first."""

    names: list[str] = field(default_factory=list)
    struck: int | None = None


def functions() -> dict[str, Callable[..., Any]]:
    """Return every call that changes the disk, by name."""
    return {
        name: function
        for name, function in vars(system).items()
        if inspect.isfunction(function) and function.__module__ == system.__name__
    }


@contextlib.contextmanager
def replaced(instead: Instead) -> Iterator[Calls]:
    """Let ``instead(number, name, function, arguments)`` answer every call while the block runs."""
    calls, real = Calls(), functions()

    def stand_in(name: str) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            calls.names.append(name)
            return instead(len(calls.names), name, real[name], arguments)

        return called

    try:
        for name in real:
            setattr(system, name, stand_in(name))
        yield calls
    finally:
        for name, function in real.items():
            setattr(system, name, function)


@contextlib.contextmanager
def failing(
    at: int, error: int, *, lasting: bool = False, only: str | None = None
) -> Iterator[Calls]:
    """Fail call ``at`` with ``error``; ``lasting``: all after it too; ``only``: of one function."""
    seen = 0

    def instead(number: int, name: str, real: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        nonlocal seen
        seen += only in (None, name)
        if only in (None, name) and (seen == at or (lasting and seen > at)):
            calls.struck = calls.struck or number
            path = given[0] if given and not isinstance(given[0], int) else None
            raise OSError(error, os.strerror(error), *([] if path is None else [str(path)]))
        return real(*given)

    with replaced(instead) as calls:
        yield calls


@contextlib.contextmanager
def killing(at: int) -> Iterator[Calls]:
    """Kill this process at call ``at``; a write has written half of its bytes by then."""

    def instead(number: int, name: str, real: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        if number == at:
            if name == "write":
                real(given[0], memoryview(given[1])[: len(given[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given)

    with replaced(instead) as calls:
        yield calls


@contextlib.contextmanager
def counted() -> Iterator[Calls]:
    """Only count the calls."""
    with replaced(lambda _number, _name, real, given: real(*given)) as calls:
        yield calls
