"""`reproduce` as a process: interrupted while its workers render, it leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands.made import expanded, write_parts


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a version that takes long enough to render, and is enough for two workers."""
    place = tmp_path_factory.mktemp("version")
    return expanded(write_parts(place), place / "d", factor=300)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_reproduction_leaves_nothing_behind(
    version: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "augfactory", "reproduce", str(version), "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    deadline = time.monotonic() + 120
    while not list(temporary.rglob(".state/0*.json")):
        assert process.poll() is None, "it ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert list(temporary.iterdir()) == []
    assert stdout == ""
    assert "to start again" in stderr
    assert "Traceback" not in stderr
