"""Names find versions; what is not there is answered with what is."""

from pathlib import Path

import pytest

from augfactory.errors import InputDataError
from augfactory.store import versions


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path = tmp_path / "place"
    for folder in ("digits-x10/v1", "digits-x10/v2", "digits-x10/v10", "data/leaves-x50/v1"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "manifest.json").write_text("{}")
    for name in ("photos-x10", "photos-tar"):
        (tmp_path / "sets" / name / "v1").mkdir(parents=True)
        (tmp_path / "sets" / name / "v1/manifest.json").write_text("{}")
    for name in ("digits", "other"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "config.json").write_text("{}")
    (tmp_path / "digits-x10" / "v11").mkdir()  # without a manifest: not complete
    (tmp_path / "cells-x10" / ".building-abc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("digits-x10", "digits-x10/v10"),
        ("digits-x10@v2", "digits-x10/v2"),
        ("digits-x10/v1", "digits-x10/v1"),
        ("leaves-x50", "data/leaves-x50/v1"),
        ("leaves-x50@v1", "data/leaves-x50/v1"),
    ],
)
def test_names_find_versions(place: Path, text: str, folder: str) -> None:
    assert versions.find_version(text) == Path(folder)


def test_absolute_paths_work(place: Path) -> None:
    assert versions.find_version(f"{place}/digits-x10@v2") == place / "digits-x10" / "v2"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("digits-x10@v3", "There is v1, v2, v10"),
        ("digits-x1", "Did you mean digits-x10"),
        ("digits", "Did you mean digits-x10"),
        ("leaves-x5", "Did you mean leaves-x50"),
        ("cells-x10", "not finished"),
        ("nothing-like-it", "augfactory expand"),
        ("sets/photo", r"Did you mean sets/photos-x10 or sets/photos-tar\?"),
        ("../place/sets/photo", r"Did you mean ../place/sets/photos-x10 or"),
        ("models/digits", r"the folder of a model, and a dataset .*\n.*mean digits-x10\?"),
        ("models/other", r"the folder of a model.*\n.*`augfactory expand models/other --fac"),
    ],
)
def test_what_is_not_there_is_explained(place: Path, text: str, answer: str) -> None:
    with pytest.raises(InputDataError, match=answer):
        versions.find_version(text)


def test_numbers_go_on_after_unfinished_versions(place: Path) -> None:
    assert versions.next_version(place / "digits-x10") == "v12"
    assert versions.next_version(place / "new") == "v1"


@pytest.mark.parametrize(
    "text", ["sets/photo", "../place/sets/photo", "models/digits", "leaves-x5"]
)
def test_what_is_suggested_can_be_pasted(place: Path, text: str) -> None:
    with pytest.raises(InputDataError) as caught:
        versions.find_version(text)
    for name in caught.value.remedy.removeprefix("Did you mean ").rstrip("?").split(" or "):
        assert versions.find_version(name).is_dir()


def test_the_name_that_was_given_to_out_is_understood(place: Path) -> None:
    (place / "digits-x10" / "v1").rename(place / "v1")
    (place / "v-x50").mkdir()
    (place / "v1").rename(place / "v-x50" / "v1")
    with pytest.raises(InputDataError, match=r"Did you mean v-x50\?"):
        versions.find_version("v")
