"""Run a command in this process, where a process of its own is not what a test is about."""

import contextlib
import io
import json
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from augfactory.cli import app


def run(*arguments: object, cwd: Path, code: int = 0) -> CompletedProcess[str]:
    """Run the command in ``cwd`` as ``main`` does, and hold it to its exit code."""
    line = ["augfactory", *map(str, arguments)]
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "oe")
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        patch.setattr(sys, "argv", line)
        patch.setattr(app, "catch_signals", lambda: None)  # they would stay caught afterwards
        with pytest.raises(SystemExit) as end:
            app.main()
    said, told = (stream.buffer.getvalue().decode() for stream in (stdout, stderr))
    assert end.value.code == code, told
    return CompletedProcess(line, code, said, told)


def answer(*arguments: object, cwd: Path) -> dict[str, Any]:
    """Run the command with --json and read its one object."""
    value = json.loads(run(*arguments, "--json", cwd=cwd).stdout)
    assert isinstance(value, dict)
    return value
