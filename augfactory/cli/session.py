"""What every command shares: signals, errors as words, exit codes, one JSON object on stdout."""

import contextlib
import json
import mmap
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Annotated, Any

import typer

from augfactory.commands.progress import Progress
from augfactory.errors import ResourceError, explained
from augfactory.guarded.text import escaped

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Lock = Annotated[
    str,
    typer.Option(
        "--lock",
        metavar="flock|file|none",
        help="How other writers are kept out: by the kernel; by a file, where a network disk has "
        "no locks; or not at all.",
    ),
]


# Bytes of address space, measured on Linux with two cores: with less, numpy, pyarrow and torch
# crash while they are loaded (0.6 to 1.2 GB), and torch waits for ever in its training (1.4 GB).
ROOM = 5 * 2**28
ROOM_TO_TRAIN = 7 * 2**28


class InterruptedBySignal(BaseException):
    """Ctrl-C or a request to end; not an Exception, so that nothing swallows it."""

    def __init__(self, number: int) -> None:
        self.number = number


def catch_signals() -> None:
    """Turn SIGINT and SIGTERM into ``InterruptedBySignal``; a second one ends at once."""

    def first(number: int, frame: FrameType | None) -> None:
        del frame
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda second, _: os._exit(128 + second))
        raise InterruptedBySignal(number)

    signal.signal(signal.SIGINT, first)
    signal.signal(signal.SIGTERM, first)


@contextlib.contextmanager
def session(
    *, as_json: bool, quiet: bool, debug: bool, resumes: bool = False, room: int = ROOM
) -> Iterator[Progress]:
    """Give the progress to report to, and turn what goes wrong into words and an exit code.

    ``resumes`` says that the same command goes on after an interruption; ``room`` is the address
    space that it takes in any case.
    """
    from augfactory.cli.progress import StderrProgress

    try:
        _require_room(room)
        yield Progress() if quiet else StderrProgress()
    except InterruptedBySignal as interruption:
        how = "continue where it stopped" if resumes else "start again"
        show(f"\naugfactory: interrupted; to {how}:\n  {_this_command()}", error=True)
        raise typer.Exit(128 + interruption.number) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if debug:
            traceback.print_exc()
        raise typer.Exit(tell(error, as_json=as_json)) from error


def tell(error: Exception, *, as_json: bool) -> int:
    """Say in words what went wrong; return the exit code."""
    told = explained(error)
    if told is None:
        what = f"unexpected {type(error).__name__}: {error}"
        remedy = "This is a defect; --debug shows where."
        show(f"augfactory: {what}\n  {remedy}", error=True)
        if as_json:
            print_json_error("augfactory", what, remedy, 1)
        return 1
    show(f"augfactory: {told}", error=True)
    if as_json:
        print_json_error(told.where, told.what, told.remedy, told.exit_code)
    return told.exit_code


def _require_room(room: int) -> None:
    """Refuse to begin where libraries would not even load.

    Some of those that compute crash, end the process, or send it an interrupt without room.

    Raises:
        ResourceError: there is less address space than ``room`` bytes.
    """
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows has no such limits
        return
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    try:
        mmap.mmap(-1, room, flags=flags, prot=mmap.PROT_READ).close()  # nothing is taken by that
    except OSError as error:
        raise ResourceError(
            "memory",
            f"there is too little address space: at least {room / 2**30:.2f} GiB are needed",
            "Raise the limit (`ulimit -v`), or free some memory.",
        ) from error


def show(*texts: object, sep: str = " ", error: bool = False) -> None:
    """Print lines for a person, on stdout or stderr; what could fool a terminal comes escaped."""
    text = escaped(sep.join(map(str, texts)), keep="\n\t")
    stream = sys.stderr if error else sys.stdout
    encoding = stream.encoding or "ascii"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=error)


def print_json(value: dict[str, Any]) -> None:
    """Print the one object that ``--json`` promises, in ASCII: whatever reads it can."""
    print(json.dumps(value, allow_nan=False, default=str))


def print_json_error(where: str, what: str, remedy: str, exit_code: int) -> None:
    """Print the one object that ``--json`` promises where something is wrong."""
    print_json({"error": {"where": where, "what": what, "remedy": remedy, "exit_code": exit_code}})


def _this_command() -> str:
    return shlex.join(["augfactory", *sys.argv[1:]])
