"""`reproduce` as a process: interrupted while its workers render, it leaves nothing behind."""

import signal
from pathlib import Path

import pytest

from tests.commands.made import expanded, write_parts
from tests.processes import StopCommand


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a version that takes long enough to render, and is enough for two workers."""
    place = tmp_path_factory.mktemp("version")
    return expanded(write_parts(place), place / "d", factor=300)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_reproduction_leaves_nothing_behind(
    version: Path,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
    stop_command: StopCommand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    first = "temporary/**/.state/0*.json"
    request = ("reproduce", version, "--workers", 2)
    done = stop_command(*request, cwd=tmp_path, once=first, number=number)
    assert done.returncode == code, done.stderr
    assert list(temporary.iterdir()) == []
    assert done.stdout == ""
    assert "to start again" in done.stderr
    assert "Traceback" not in done.stderr
