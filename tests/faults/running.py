"""Run a command of the program in this process, held to time and memory."""

import contextlib
import io
import os
import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import typer

from augfactory.cli.app import app
from augfactory.cli.usage import UsageError

_COMMAND = typer.main.get_command(app)  # once: it takes longer than some commands
TOLD = (0, 2, 3, 4, 5)  # the exit codes that README promises
SECONDS = 120.0
MEGABYTES = 1500
MORE_MEMORY = 3 * 2**30
STATM = Path("/proc/self/statm")


class TooLongError(BaseException):
    """It did not end in time; no Exception, so that nothing swallows it."""


@dataclass(frozen=True)
class Done:
    """How a command ended: ``code`` is None where it had to be stopped."""

    code: int | None
    stdout: str
    stderr: str

    @property
    def defect(self) -> str | None:
        """What is wrong with the end itself; None where it is one that is documented."""
        if self.code in TOLD and "Traceback" not in self.stderr:
            return None
        ending = "hangs" if self.code is None else f"exit {self.code}"
        return f"{ending}: {self.stderr.strip()[-400:]}"


@contextlib.contextmanager
def within(seconds: float = SECONDS) -> Iterator[None]:
    """Raise TooLongError in the block once the time is over, MemoryError beyond 3 GiB more."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, late)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    if STATM.exists():
        held = int(STATM.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MORE_MEMORY, limits[1]))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Change the working folder while the block runs."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run(*arguments: object, cwd: Path, seconds: float = SECONDS) -> Done:
    """Run ``augfactory ARGUMENTS`` in this process; the exit code and all that it printed."""
    out, err = io.StringIO(), io.StringIO()
    told = [str(argument) for argument in arguments]
    peak = memory_peak()
    code: int | None = 0
    with working_in(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            with within(seconds):
                answer = _COMMAND(told, standalone_mode=False)
                code = answer if isinstance(answer, int) else 0
        except TooLongError:
            code = None
        except UsageError:
            code = 2
        except Exception:
            traceback.print_exc()
            code = 1
    if memory_peak() - peak > MEGABYTES:
        err.write(f"\nTraceback: none, but {memory_peak() - peak:,} MB of memory")
    return Done(code, out.getvalue(), err.getvalue())


def memory_peak() -> int:
    """Return the largest memory that this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)
