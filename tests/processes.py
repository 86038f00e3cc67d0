"""The command in a process of its own: run to its end, or stopped once it has done something."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import CompletedProcess, Popen
from typing import Protocol

SECONDS = 300  # a hang is a failure


class RunCommand(Protocol):
    """Runs the command, holds it to its exit code."""

    def __call__(self, *arguments: object, cwd: Path, code: int = 0) -> CompletedProcess[str]: ...


class StopCommand(Protocol):
    """Starts the command, and stops it when ``count`` files match the pattern ``once``."""

    def __call__(
        self,
        *arguments: object,
        cwd: Path,
        once: str,
        count: int = 1,
        number: signal.Signals = signal.SIGKILL,
    ) -> CompletedProcess[str]: ...


def start(*arguments: object, cwd: Path) -> "Popen[str]":
    """Start the command as a user does, in a process group of its own."""
    return Popen(
        [sys.executable, "-m", "augfactory", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: "Popen[str]") -> CompletedProcess[str]:
    """Wait for the command; return its exit code and what it said."""
    try:
        stdout, stderr = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return CompletedProcess(process.args, process.returncode, stdout, stderr)


def run(*arguments: object, cwd: Path, code: int = 0) -> CompletedProcess[str]:
    """Run the command, and hold it to its exit code."""
    done = end(start(*arguments, cwd=cwd))
    assert done.returncode == code, done.stderr
    return done


def stop(
    *arguments: object,
    cwd: Path,
    once: str,
    count: int = 1,
    number: signal.Signals = signal.SIGKILL,
) -> CompletedProcess[str]:
    """Stop the command when it has done something; a kill takes its workers too."""
    process = start(*arguments, cwd=cwd)
    deadline = time.monotonic() + SECONDS
    try:
        while len(list(cwd.glob(once))) < count:
            assert process.poll() is None, "it ended before it could be stopped"
            assert time.monotonic() < deadline, "it did nothing"
            time.sleep(0.005)
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return end(process)
