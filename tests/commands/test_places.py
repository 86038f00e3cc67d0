"""A version finds what it was made from in any working folder, and where all of it was moved."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.versions.export import export
from augfactory.commands.versions.info_row import info_row
from augfactory.commands.versions.reproduce import Reproduced, reproduce
from augfactory.errors import InputDataError
from augfactory.records import SourceSpec
from augfactory.store.manifest import read_manifest
from tests.commands.made import SOURCES, train, write_parts
from tests.pictures import write_class_folders


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source, a model, a version of both and its export, typed as seen there."""
    folder = tmp_path_factory.mktemp("made")
    train(write_parts(folder), folder / "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        request = ExpandRequest(
            SourceSpec("parts:train"),
            Path("deep/typed"),
            (2,),
            model=Path("model"),
            n_train=SOURCES,
        )
        version = expand(request, Progress())[0].path
        export(str(version), "parquet", Path("exported"), Progress())
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Such a folder, and the working folder in it."""
    folder = tmp_path / "place"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    return folder


def edit(version: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = version / "manifest.json"
    values = json.loads(path.read_bytes())
    change(values)
    path.chmod(0o644)
    path.write_text(json.dumps(values))


def again(version: Path, **options: Any) -> Reproduced:
    return reproduce(str(version), Progress(), **options)


@pytest.mark.parametrize("name", ["deep/typed-x2@v1", "exported@v1"])
def test_another_working_folder_finds_source_and_model_again(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert again(Path(name)).rows == SOURCES * 2
    elsewhere = tmp_path / "elsewhere"
    write_class_folders(elsewhere / "parts/train", 8, seed=5)  # what `parts:train` would be there
    train(elsewhere / "parts", elsewhere / "model", seed=1)
    monkeypatch.chdir(elsewhere)
    assert again(place / name).rows == SOURCES * 2
    place.rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    assert again(Path("moved") / name).rows == SOURCES * 2
    assert info_row(f"moved/{name}", 0).parents[0].name == "bar/000.png"


def test_a_manifest_without_places_is_taken_as_typed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_before(values: dict[str, Any]) -> None:
        del values["statistics"], values["source"]["place"], values["model"]["place"]

    version = place / "deep/typed-x2/v1"
    edit(version, as_before)
    assert again(version).rows == SOURCES * 2
    exported = export(str(version), "webdataset", None, Progress()).path
    manifest = read_manifest(exported)
    assert manifest.source.place is None
    assert manifest.model is not None
    assert "place" not in manifest.model
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputDataError, match=r"^parts:train: .*there is no such"):
        again(version)
    assert again(version, source=str(place / "parts"), model=place / "model").rows


def test_a_version_as_source_is_found_from_another_working_folder(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ExpandRequest(SourceSpec("deep/typed-x2"), Path("second"), (2,))
    again_first = expand(first, Progress())[0].path
    assert read_manifest(again_first).source.place == "../../deep/typed-x2/v1"
    monkeypatch.chdir(tmp_path)
    assert again(place / again_first).rows == SOURCES * 4


def test_a_version_moved_by_itself_tells_the_places_that_were_tried(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, elsewhere = tmp_path / "far/away/alone-x2/v1", tmp_path / "elsewhere"
    shutil.copytree(place / "deep/typed-x2/v1", alone)
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    told, typed = "told from the version's folder", "as typed, from the working folder"
    with pytest.raises(InputDataError) as caught:
        again(alone)
    assert f"{tmp_path}/far/parts:train ({told})" in str(caught.value)
    assert f"{elsewhere}/parts:train ({typed})" in str(caught.value)
    assert "--source SOURCE" in caught.value.remedy
    with pytest.raises(InputDataError) as caught:
        again(alone, source=str(place / "parts"))
    assert caught.value.where == "model"
    assert f"{tmp_path}/far/model ({told})" in str(caught.value)
    assert f"{elsewhere}/model ({typed})" in str(caught.value)
    assert "--model MODEL_DIR" in caught.value.remedy
    assert again(alone, source=str(place / "parts"), model=place / "model").rows == SOURCES * 2


def test_a_version_as_source_that_is_gone_tells_the_places_that_were_tried(place: Path) -> None:
    first = ExpandRequest(SourceSpec("deep/typed-x2@v1"), Path("second"), (2,))
    second = expand(first, Progress())[0].path
    assert again(second).rows == SOURCES * 4
    shutil.rmtree(place / "deep")
    with pytest.raises(InputDataError) as caught:
        again(second)
    assert f"{place}/deep/typed-x2/v1 (told from" in str(caught.value)
    assert f"{place}/deep/typed-x2@v1 (as typed" in str(caught.value)
