"""`held_out`: no image that is tested on is in a row that is trained on."""

import itertools
from pathlib import Path

import numpy as np
import pytest

import augfactory
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec
from augfactory.store.places import path_at
from augfactory.store.reader import open_version
from tests.commands.loaded import ROWS, made, served
from tests.commands.made import expanded, train, write_parts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("loader"), "hdf5")


def roots_by_hand(folder: Path, row: int) -> set[int]:
    """Follow a row through its parents, from version to version, to numbers of the first source."""
    version = open_version(folder)
    parents = version.source_index[row][version.source_index[row] >= 0].tolist()
    rows = [version.manifest.source.rows[parent] for parent in parents]
    place = version.manifest.source.place
    before = Path(version.manifest.source.text) if place is None else Path(path_at(folder, place))
    if not (before / "manifest.json").is_file():
        return set(rows)
    return set().union(*(roots_by_hand(before, parent) for parent in rows))


def test_held_out_images_are_in_no_row_of_a_set_made_of_a_made_set(
    folder: Path, tmp_path: Path
) -> None:
    mixes = (mix_stage("test", "mixup", 1, "expanded", {}),)
    for number, n_train in enumerate((100, 40)):
        spec = SourceSpec(str(folder))
        request = ExpandRequest(spec, tmp_path / f"{number}", (2,), n_train=n_train, mix=mixes)
        folder = expand(request, Progress())[0].path
    version = open_version(folder)
    train, test = augfactory.load(str(folder)).held_out(0.7, seed=1)
    roots = [roots_by_hand(folder, row) for row in range(len(version.source))]
    held = set().union(*(roots[row] for row in test))
    assert len(test) == len(held) > 2
    assert (version.methods[test] == "original").all()
    assert len(train)
    for row, own in enumerate(roots):
        assert (row in train) == (not own & held)
    assert version.manifest.source.originals == len(set().union(*roots))
    # The card and Croissant send nobody to `source_index`, by which made rows would leak.
    card = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    assert "hold out by `source.roots of manifest.json`, never by row" in card
    assert f"derives from {version.manifest.source.originals:,} images" in card
    assert "hold out by source.roots" in (folder / "croissant.json").read_text(encoding="utf-8")


def test_held_out_takes_the_share_of_all_and_of_each_class(folder: Path) -> None:
    # 4 originals of each of 3 classes.
    labels = open_version(folder).source.labels
    for share, total in ((0.25, 3), (0.375, 4), (0.9, 11)):
        _, test = augfactory.load(str(folder)).held_out(share)
        assert len(test) == total
        counts = np.bincount(labels[test], minlength=3)
        assert counts.max() - counts.min() <= 1


def test_held_out_images_are_in_no_training_row(folder: Path) -> None:
    version = open_version(folder)
    train, test = augfactory.load(str(folder)).held_out(0.25, seed=4)
    assert (version.methods[test] == "original").all()
    assert sorted(version.source.labels[test].tolist()) == [0, 1, 2]
    held = set(version.source_index[test, 0].tolist())
    for row in range(ROWS):
        clean = not held & set(version.source_index[row].tolist())
        assert (row in train) == clean
    loader = augfactory.loader(str(folder), 16, rows=train, drop_last=True)
    assert len(loader) == len(train) // 16
    assert set(itertools.chain(*served(loader))) == set(train.tolist())
    assert [len(labels) for _, labels in loader] == [16] * len(loader)


def test_a_warning_tells_that_a_vae_has_learnt_from_what_is_held_out(tmp_path: Path) -> None:
    model = train(write_parts(tmp_path), tmp_path / "model")
    dataset = augfactory.load(str(expanded(model, tmp_path / "d")))
    with pytest.warns(UserWarning, match="its VAE has learnt from the images that are held out"):
        dataset.held_out(0.3)
