"""Figures of the whole session, and no file outside its own folders."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.faults.counting import FOLDER, FULL, TRIED, WRONG, figures


def pytest_configure(config: pytest.Config) -> None:
    """Give all processes of the session one folder for what they count."""
    if FOLDER not in os.environ and not hasattr(config, "workerinput"):
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="faults-")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures where the session was asked for them alone."""
    if FOLDER not in os.environ:
        return
    sums = figures(Path(os.environ[FOLDER]))
    terminalreporter.section(f"figures of the {'full' if FULL else 'reduced'} set of faults")
    for what in (*TRIED, *WRONG):
        terminalreporter.line(f"{what:24s}{sums[what]:>10,}")


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what the program remembers out of the user's folders."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the test's own folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder
