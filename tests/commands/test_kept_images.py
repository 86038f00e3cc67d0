"""Images of a source are decoded once, however many rows are made of each."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.rendering import kept_images
from augfactory.commands.expand.rendering.kept_images import IMAGES, keep_images, with_kept_images
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.recipe import Recipe
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
    monkeypatch.setattr(kept_images, "FEWEST_ROWS", 99)
    anew = read_manifest(expanded(source, tmp_path / "anew", factor=4))
    assert kept.content_hash == anew.content_hash


def opened(photos: Path) -> Source:
    return open_source(SourceSpec(str(photos)))


def build_in(folder: Path, source: Source, factor: int = 3) -> Build:
    recipe = Recipe(factor=factor)
    build = Build(folder, recipe, "0" * 64, len(source), source.image_shape, list(CLASSES))
    (build.building / STATE).mkdir(parents=True)
    return build


class Shown(Progress):
    """Remembers the bars."""

    def __init__(self) -> None:
        self.bars: list[str] = []

    def bar(self, text: str, total: int, unit: str, done: int = 0) -> Any:
        self.bars.append(f"{text}: {total} {unit}")
        return super().bar(text, total, unit, done)


def test_what_is_kept_is_read_in_any_order(photos: Path, tmp_path: Path) -> None:
    source = opened(photos)
    build = build_in(tmp_path, source)
    keep_images(build, source, Progress())
    found = with_kept_images(build.building, source)
    assert found is not source
    rows = np.array([7, 0, 7, len(source) - 1])
    np.testing.assert_array_equal(found.read_images(rows), source.read_images(rows))


@pytest.mark.parametrize("damage", ["missing", "cut", "of another source", "a link"])
def test_what_was_not_kept_is_read_from_the_source(
    photos: Path, tmp_path: Path, damage: str
) -> None:
    source = opened(photos)
    build = build_in(tmp_path, source)
    path, few = build.building / IMAGES, source.restricted_to(np.arange(3))
    keep_images(build, few if "another" in damage else source, Progress())
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "a link":
        path.rename(tmp_path / "elsewhere.npy")
        path.symlink_to(tmp_path / "elsewhere.npy")
    assert with_kept_images(build.building, source) is source


@pytest.mark.parametrize(
    ("factor", "large", "kept"),
    [(1, False, False), (2, False, True), (3, True, False), (4, True, True)],
)
def test_images_are_kept_where_it_pays(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    factor: int,
    large: bool,
    kept: bool,
) -> None:
    source, shown = opened(photos), Shown()
    monkeypatch.setattr(kept_images, "MOST_KEPT", len(source) * 16 * 20 * 3 - large)
    build = build_in(tmp_path, source, factor)
    keep_images(build, source, shown)
    assert (build.building / IMAGES).exists() == kept
    assert shown.bars == ["decoding the images: 15 image"] * (kept and large)


def test_images_are_not_kept_where_the_disk_has_no_room(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = opened(photos)
    build = build_in(tmp_path, source)
    room = len(source) * 16 * 20 * 3
    for short in (0, 1):
        free = SimpleNamespace(free=build.expected_size()[0] + room - short)
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: free)
        keep_images(build, source, Progress())
        assert (build.building / IMAGES).exists() == (not short)
        (build.building / IMAGES).unlink(missing_ok=True)


def test_unlabelled_files_are_decoded_as_often_whatever_classifiers_do(
    photos: Path, tmp_path: Path, decoded: Counter[str]
) -> None:
    more = write_class_folders(tmp_path / "more", 9, seed=3)
    for path in more.rglob("*.png"):
        with Image.open(path) as image:
            image.save(path.with_suffix(".jpg"))
        path.unlink()
    found = []
    for rounds in (1, 2):
        stage = {"teachers": 2, "rounds": rounds, "steps": 3, "views": 1}
        request = ExpandRequest(
            SourceSpec(str(photos)), tmp_path / f"d{rounds}", (2,),
            unlabelled=SourceSpec(str(more)), pseudo_label=stage,
        )  # fmt: skip
        decoded.clear()
        expand(request, Progress())
        found.append(decoded.total())
    images = (PER_CLASS + 9) * len(CLASSES)
    # Each is looked at, and read; a few are looked at to know their size.
    assert 2 * images <= found[0] <= 2 * images + 2 * len(CLASSES)
    assert found[1] == found[0]
