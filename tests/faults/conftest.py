"""Figures of the whole session, and no file outside its own folders."""

import importlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults.counting import FOLDER, FULL, TRIED, WRONG, figures


def pytest_configure(config: pytest.Config) -> None:
    """Give all processes of the session one folder for what they count."""
    if FOLDER not in os.environ and not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="faults-")
        os.environ[FOLDER] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures; where ``run.py`` runs the tests, it does so itself."""
    if FOLDER not in os.environ or FULL:
        return
    sums = figures(Path(os.environ[FOLDER]))
    terminalreporter.section("figures of the reduced set of faults")
    for what in (*TRIED, *WRONG):
        terminalreporter.line(f"{what:24s}{sums[what]:>10,}")


@pytest.fixture(autouse=True, scope="session")
def _imported() -> None:
    importlib.import_module("tests.faults.imported")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the test's own folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder
