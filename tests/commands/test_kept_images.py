"""Images of a source are decoded once, however many rows are made of each."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from augfactory.commands.expand import kept_images
from augfactory.commands.expand.kept_images import IMAGES, keep_images, with_kept_images
from augfactory.records import Source, SourceSpec
from augfactory.sources.opening import open_source
from augfactory.store.manifest import read_manifest
from augfactory.store.shards import STATE
from tests.commands.made import expanded, train
from tests.pictures import CLASSES, write_class_folders

PER_CLASS = 5


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = write_class_folders(tmp_path / "photos", PER_CLASS)
    for path in root.rglob("*.png"):
        with Image.open(path) as image:
            image.save(path.with_suffix(".jpg"))
        path.unlink()
    return root


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each picture is decoded from its file."""
    counted: Counter[str] = Counter()
    load = JpegImageFile.load

    def counting(image: JpegImageFile) -> Any:
        if image.tile:  # not decoded yet
            counted["files"] += 1
        return load(image)

    monkeypatch.setattr(JpegImageFile, "load", counting)
    return counted


def test_more_rows_decode_no_more_files(
    photos: Path, tmp_path: Path, decoded: Counter[str]
) -> None:
    expanded(photos, tmp_path / "few", factor=3)
    few = decoded.total()
    expanded(photos, tmp_path / "many", factor=30)
    assert decoded.total() - few == few
    assert few <= 5 * PER_CLASS * len(CLASSES)


@pytest.mark.parametrize("model", [False, True])
def test_the_rows_are_those_that_are_read_anew(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: bool
) -> None:
    source = train(photos, tmp_path / "m") if model else photos
    kept = read_manifest(expanded(source, tmp_path / "kept", factor=4))
    monkeypatch.setattr(kept_images, "MOST_KEPT", 0)
    anew = read_manifest(expanded(source, tmp_path / "anew", factor=4))
    assert kept.content_hash == anew.content_hash


def opened(photos: Path) -> Source:
    return open_source(SourceSpec(str(photos)))


def test_what_is_kept_is_read_in_any_order(photos: Path, tmp_path: Path) -> None:
    source = opened(photos)
    (tmp_path / STATE).mkdir()
    keep_images(tmp_path, source)
    found = with_kept_images(tmp_path, source)
    assert found is not source
    rows = np.array([7, 0, 7, len(source) - 1])
    np.testing.assert_array_equal(found.read_images(rows), source.read_images(rows))


@pytest.mark.parametrize("damage", ["missing", "cut", "of another source", "a link"])
def test_what_was_not_kept_is_read_from_the_source(
    photos: Path, tmp_path: Path, damage: str
) -> None:
    source, path = opened(photos), tmp_path / IMAGES
    path.parent.mkdir()
    keep_images(tmp_path, source.restricted_to(np.arange(3)) if "another" in damage else source)
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "a link":
        path.rename(tmp_path / "elsewhere.npy")
        path.symlink_to(tmp_path / "elsewhere.npy")
    assert with_kept_images(tmp_path, source) is source


def test_too_many_images_are_not_kept(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / STATE).mkdir()
    source = opened(photos)
    monkeypatch.setattr(kept_images, "MOST_KEPT", len(source) * 16 * 20 * 3 - 1)
    keep_images(tmp_path, source)
    assert not (tmp_path / IMAGES).exists()
