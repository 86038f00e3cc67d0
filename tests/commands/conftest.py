"""A dataset of mixtures, and a copy of it for each test that adds versions."""

import shutil
from pathlib import Path

import pytest

from tests.commands.made import expanded, write_parts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source and a dataset d-x3 of it: varied images, mixtures of these, RICAP."""
    place = tmp_path_factory.mktemp("made")
    expanded(write_parts(place), place / "d", n_train=True)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """The same for one test to add versions to."""
    shutil.copytree(made, tmp_path / "place")
    return tmp_path / "place"
