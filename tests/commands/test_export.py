"""An export is another way to store the same rows: nothing of them is touched, nothing is lost."""

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augfactory
from augfactory.commands.expand.build import Dataset
from augfactory.commands.opening.sheet import preview
from augfactory.commands.progress import Progress
from augfactory.commands.versions import export as export_module
from augfactory.commands.versions.export import export
from augfactory.commands.versions.info import as_text
from augfactory.commands.versions.verify import verify
from augfactory.errors import InputDataError, RecipeError, ResourceError, VerificationError
from augfactory.names import FORMATS
from augfactory.records import Rows
from augfactory.store import shards
from augfactory.store.manifest import read_manifest
from augfactory.store.reader import open_version, read_rows
from tests.commands.formats import CLASSES, copy_version, make_version


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return copy_version(tmp_path, "hdf5")


def exported(version: Path, to: str, out: Path | None = None) -> Dataset:
    return export(str(version), to, out, Progress())


@pytest.mark.parametrize("channels", [1, 3])
def test_a_round_trip_over_all_formats_changes_nothing(tmp_path: Path, channels: int) -> None:
    first = make_version(tmp_path, "hdf5", channels)
    chain = [first]
    for to in ("png", "parquet", "webdataset", "lance", "hdf5"):
        out = tmp_path / "again" if to == "hdf5" else None
        chain.append(exported(chain[-1], to, out).path)
    manifest = read_manifest(first)
    assert manifest.class_names == list(CLASSES)
    rows = read_rows(open_version(first), 0, 60)
    for folder in chain[1:]:
        verify(str(folder), Progress())
        other = read_manifest(folder)
        assert other.content_hash == manifest.content_hash
        for name in ("source", "model", "counts", "class_names", "versions", "rows", "libraries"):
            assert getattr(other, name) == getattr(manifest, name), name
        assert {**other.recipe, "format": "hdf5"} == manifest.recipe
        found = read_rows(open_version(folder), 0, 60)
        for field in dataclasses.fields(rows):
            assert np.array_equal(getattr(found, field.name), getattr(rows, field.name)), field.name
        assert (folder / "plan.parquet").read_bytes() == (first / "plan.parquet").read_bytes()
    paths = sorted(first.glob("shards/*.h5"))
    assert len(paths) == 3
    for path in paths:
        assert (chain[-1] / "shards" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("to", FORMATS)
def test_an_export_is_what_expand_would_have_written(tmp_path: Path, to: str) -> None:
    origin = make_version(tmp_path / "a", "png" if to == "hdf5" else "hdf5")
    made = make_version(tmp_path / "b", to)
    converted = exported(origin, to).path
    expected, found = read_manifest(made), read_manifest(converted)
    assert found.recipe_id == expected.recipe_id
    described = ("preview.png", "README.md", "croissant.json")
    assert [entry for entry in found.files if entry.path not in described] == [
        entry for entry in expected.files if entry.path not in described
    ]


def test_the_same_export_is_answered_with_the_version_that_exists(version: Path) -> None:
    made = exported(version, "parquet")
    assert (made.version, made.rows, made.existing) == ("v2", 60, False)
    assert exported(version, "parquet") == dataclasses.replace(made, existing=True)
    assert exported(version, "hdf5").path == version
    assert not list(version.parent.glob(".building-*"))


def test_expand_is_answered_with_an_export(version: Path, tmp_path: Path) -> None:
    made = exported(version, "webdataset")
    assert make_version(tmp_path, "webdataset") == made.path


def test_manifest_and_croissant_say_what_was_exported(version: Path, tmp_path: Path) -> None:
    manifest = read_manifest(version)
    semantic = [manifest.semantic_version]
    for to in ("parquet", "webdataset", "lance"):
        made = exported(version, to)
        found = read_manifest(made.path)
        assert found.exported_from is not None
        assert found.exported_from.model_dump() == {
            "name": "d-x3",
            "version": "v1",
            "content_hash": manifest.content_hash,
        }
        described = json.loads((made.path / "croissant.json").read_text(encoding="utf-8"))
        assert described["version"] == found.semantic_version
        assert "d-x3@v1, of which this is an export" in str(described["prov:wasDerivedFrom"])
        assert "Exported from d-x3@v1" in (made.path / "README.md").read_text(encoding="utf-8")
        assert "exported  from d-x3@v1" in as_text(made.path, found)
        semantic.append(found.semantic_version)
    assert semantic == ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]
    elsewhere = exported(version, "parquet", tmp_path / "other")
    assert (elsewhere.name, elsewhere.version) == ("other", "v1")
    assert read_manifest(elsewhere.path).semantic_version == "1.0.1"


@pytest.mark.parametrize("to", ["parquet", "webdataset"])
def test_every_reader_takes_an_export(version: Path, tmp_path: Path, to: str) -> None:
    folder = exported(version, to).path
    stored, found = augfactory.load(str(version)), augfactory.load(str(folder))
    for (image, label), (other_image, other_label) in zip(
        stored.__getitems__([59, 3, 3, 40]), found.__getitems__([59, 3, 3, 40]), strict=True
    ):
        assert image.equal(other_image)
        assert label.equal(other_label)
    preview(str(folder), tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 500
    assert exported(folder, "png").rows == 60


def test_a_killed_export_goes_on_where_it_stood(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    publish = shards.publish_shard

    def noting(*arguments: Any, most: int = 99) -> None:
        if len(written) == most:
            raise KeyboardInterrupt
        written.append(arguments[2].index)
        publish(*arguments)

    monkeypatch.setattr(shards, "publish_shard", partial(noting, most=2))
    with pytest.raises(KeyboardInterrupt):
        exported(version, "parquet")
    assert [path.name for path in version.parent.glob("v*")] == ["v1"]
    building = next(version.parent.glob(".building-*"))
    assert len(list(building.glob("data/*.parquet"))) == 2

    written.clear()
    monkeypatch.setattr(shards, "publish_shard", noting)
    made = exported(version, "parquet")
    assert written == [2]
    assert made.content_hash == read_manifest(version).content_hash
    verify(str(made.path), Progress())
    whole = exported(version, "parquet", tmp_path / "whole").path
    for path in sorted(whole.glob("data/*")):
        assert (made.path / "data" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("damaged", ["shards/00001.h5", "plan.parquet"])
def test_damage_is_named_and_not_passed_on(version: Path, damaged: str) -> None:
    path = version / damaged
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with pytest.raises(VerificationError, match=f"{damaged}: is not as it was published"):
        exported(version, "parquet")
    assert [folder.name for folder in version.parent.glob("v*")] == ["v1"]


def test_other_pixels_than_those_of_the_content_hash_are_not_published(
    version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_rows

    def darker(*arguments: Any) -> Rows:
        rows = read(*arguments)
        return dataclasses.replace(rows, image=rows.image // 2)

    monkeypatch.setattr(export_module, "read_rows", darker)
    with pytest.raises(VerificationError, match="not those of its content hash"):
        exported(version, "parquet")
    monkeypatch.setattr(export_module, "read_rows", read)
    assert exported(version, "parquet").content_hash == read_manifest(version).content_hash


def test_what_a_user_gets_wrong(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecipeError, match=r"--to: there is no format 'parket'.*\n.*'parquet'"):
        exported(version, "parket")
    with pytest.raises(RecipeError, match="a version never changes"):
        exported(version, "parquet", version)
    with pytest.raises(InputDataError, match="there is no v9"):
        export(f"{version.parent}@v9", "png", None, Progress())
    slashed = make_version(tmp_path / "s", "hdf5", classes=("a/b", "c", "d"))
    with pytest.raises(RecipeError, match=r"'a/b'.*cannot be a folder"):
        exported(slashed, "png")
    monkeypatch.setattr("augfactory.store.disk.room.SPARE_BYTES", 2**80)
    with pytest.raises(ResourceError, match="the disk has"):
        exported(version, "parquet")
