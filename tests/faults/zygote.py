"""A process that has everything imported, and forks a child for each command that is to be killed.

It does not use pylance itself: only its children write Lance. augfactory/guarded/lance.py says why.

It reads lines of JSON: {"arguments", "cwd", "kill_at", "kill_after"}; it answers each with the exit
code of the child, negative where a signal ended it, and how many calls it made where it came to its
end.
"""

import importlib
import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from tests.faults.faulty import killing
from tests.faults.running import run
from tests.faults.small import FORMATS, expanding, write_images


@contextmanager
def zygote(place: Path) -> Iterator["Popen[str]"]:
    """Start one that may write in ``place``."""
    started = [sys.executable, "-m", "tests.faults.zygote", str(place)]
    with Popen(started, stdin=PIPE, stdout=PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def ask(
    process: "Popen[str]",
    arguments: tuple[str, ...],
    cwd: Path,
    kill_at: int,
    kill_after: float | None = None,
) -> Any:
    """Let a child run a command in ``cwd`` and be killed; return (exit code, calls).

    It is killed at the call of the number ``kill_at``, 0 for none, or after so many seconds.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    asked = {
        "arguments": arguments,
        "cwd": str(cwd),
        "kill_at": kill_at,
        "kill_after": kill_after,
    }
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def _serve(place: Path) -> None:
    source = write_images(place / "warming-up")
    for storage in FORMATS:  # whatever is imported late is imported now
        if storage != "lance":
            run(*expanding(source, storage, f"warm-{storage}"), cwd=place)
    if "lance" in FORMATS:
        warnings.filterwarnings("ignore", "lance is not fork-safe")
        for module in ("lance.file", "lance.fragment"):  # which starts no thread of it
            importlib.import_module(module)
    for line in sys.stdin:
        asked = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            with killing(asked["kill_at"]) as calls:
                done = run(*asked["arguments"], cwd=Path(asked["cwd"]))
            os.write(writer, str(len(calls.names)).encode())
            os._exit(99 if done.code is None else done.code)
        os.close(writer)
        if asked["kill_after"] is not None:
            time.sleep(asked["kill_after"])
            os.kill(
                child, signal.SIGKILL
            )  # one that has ended stays a zombie until it is waited for
        _, status = os.waitpid(child, 0)
        with os.fdopen(reader) as told:
            calls_made = int(told.read() or 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), calls_made]), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
