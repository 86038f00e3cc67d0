"""A second process that runs one command after another: to start Python is what most of it costs.

For commands that are refused before anything heavy is loaded, and for a user with fewer rights.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = """
import contextlib, io, json, os, sys
from augfactory.cli.app import main
answers = sys.stdout
for line in sys.stdin:
    folder, arguments = json.loads(line)
    os.chdir(folder)
    sys.argv = ["augfactory", *arguments]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    os.chdir("/")
    told = [code, out.getvalue(), err.getvalue(), "torch" in sys.modules]
    print(json.dumps(told), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and whether torch is loaded since."""

    returncode: int
    stdout: str
    stderr: str
    torch: bool


Serve = Callable[..., Ended]  # (folder, *arguments)


@contextlib.contextmanager
def serving(prefix: Sequence[str] = ()) -> Iterator[Serve]:
    """Give a function that runs a command in a folder; ``prefix`` starts the process."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, answered = process.stdin, process.stdout

    def serve(folder: Path, *arguments: str) -> Ended:
        asked.write(json.dumps([str(folder), arguments]) + "\n")
        asked.flush()
        line = answered.readline()
        assert line, f"the process ended at {arguments}"
        return Ended(*json.loads(line))

    try:
        yield serve
    finally:
        asked.close()
        process.wait(timeout=60)
        answered.close()
