"""What every command shares: signals, errors as words, exit codes, one JSON object on stdout."""

import contextlib
import json
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
from augfactory.errors import AugfactoryError, RecipeError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


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
    *, as_json: bool, quiet: bool, debug: bool, resumes: bool = False
) -> Iterator[Progress]:
    """Give the progress to report to, and turn what goes wrong into words and an exit code.

    ``resumes`` says that the same command goes on after an interruption.
    """
    from augfactory.cli.progress import StderrProgress

    try:
        yield Progress() if quiet else StderrProgress()
    except AugfactoryError as error:
        if debug:
            traceback.print_exc()
        print(f"augfactory: {error}", file=sys.stderr)
        if as_json:
            print_json_error(error.where, error.what, error.remedy, error.exit_code)
        raise typer.Exit(error.exit_code) from error
    except InterruptedBySignal as interruption:
        how = "go on where it stood" if resumes else "start again"
        print(f"\naugfactory: interrupted; to {how}:\n  {_this_command()}", file=sys.stderr)
        raise typer.Exit(128 + interruption.number) from None
    except MemoryError as error:
        print("augfactory: memory ran out\n  Use fewer --workers.", file=sys.stderr)
        raise typer.Exit(5) from error
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(
            f"augfactory: unexpected {type(error).__name__}: {error}\n"
            "  This is a defect; --debug shows where.",
            file=sys.stderr,
        )
        raise typer.Exit(1) from error


def print_json(value: dict[str, Any]) -> None:
    """Print the one object that ``--json`` promises."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str))


def print_json_error(where: str, what: str, remedy: str, exit_code: int) -> None:
    """Print the one object that ``--json`` promises where something is wrong."""
    print_json({"error": {"where": where, "what": what, "remedy": remedy, "exit_code": exit_code}})


def read_size(text: str | None) -> tuple[int, int] | None:
    """Read ``--size``: "28" or "28x32", height first.

    Raises:
        RecipeError: it is neither.
    """
    if text is None:
        return None
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise RecipeError("--size", f"{text!r} is no size", "Write 28, or 28x32 (height x width).")
    return int(parts[0]), int(parts[-1])


def _this_command() -> str:
    return shlex.join(["augfactory", *sys.argv[1:]])
