"""What a sheet shows is found shard by shard, and is what the whole columns say."""

from pathlib import Path

import numpy as np
import pytest

from augfactory.commands.opening import sheet as opening
from augfactory.commands.opening.sheet_rows import chosen_rows
from augfactory.store.manifest import read_manifest
from augfactory.store.reader import open_chosen, open_rows, read_parents
from tests.cli.in_process import run
from tests.faults.small import FORMATS


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> Path:
    """Make a version of 24 images of three classes in shards of 64 rows."""
    monkeypatch.setattr("augfactory.pipeline.plan.SHARD_ROWS", 64)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, 6, 9, 3), dtype=np.uint8)
    np.savez(tmp_path / "s.npz", images=images, labels=np.arange(24) % 3)
    run("expand", "s.npz", "--out", "d", "--workers", "1", *options, cwd=tmp_path)
    return next(tmp_path.glob("d-x*/v1"))


@pytest.mark.parametrize("storage", FORMATS)
def test_chosen_rows_are_opened_as_if_there_were_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    folder = made(tmp_path, monkeypatch, "--factor", "8", "--mixup", "3", "--format", storage)
    manifest = read_manifest(folder)
    whole = open_rows(folder, manifest)
    rows = np.array([0, 63, 64, 130, 262, 263])
    shard_rows = [264] if storage == "png" else [64, 64, 64, 64, 8]
    some = open_chosen(folder, manifest, rows, shard_rows)
    for ours, theirs in (
        (some.source.read_images(np.arange(6)), whole.source.read_images(rows)),
        (some.source.read_soft_labels(np.arange(6)), whole.source.read_soft_labels(rows)),
        (some.methods, whole.methods[rows]),
        (some.source_index, whole.source_index[rows]),
        (some.weight, whole.weight[rows]),
    ):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("mix_from", ["expanded", "originals"])
def test_lines_are_spread_over_classes_and_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mix_from: str
) -> None:
    options = ("--factor", "20", "--mixup", "4", "--ricap", "3", "--mix-from", mix_from)
    folder = made(tmp_path, monkeypatch, *options)
    manifest = read_manifest(folder)
    version = open_rows(folder, manifest)
    found = chosen_rows(folder, manifest, 6)
    assert sum(found.shard_rows) == manifest.rows == 24 * 27
    single, mixed = found.lines[:6], found.lines[6:]
    assert [version.source_index[line.left[0], 0] for line in single] == [0, 3, 1, 4, 2, 5]
    for line in single:
        (original,) = line.left
        assert version.methods[original] == "original"
        source = version.source_index[original, 0]
        own = np.flatnonzero(
            (version.source_index[:, 0] == source) & (version.methods == "geometry")
        )
        assert line.right == [own[round_ * 18 // 11] for round_ in range(12)]
    assert [line.method for line in mixed] == ["mixup"] * 3 + ["ricap"] * 3
    for line in mixed:
        (parents,) = read_parents(version, np.array(line.right))
        assert line.left == parents.tolist() != []
    rows = np.flatnonzero(version.methods == "mixup")
    assert [line.right[0] for line in mixed[:3]] == [rows[0], rows[47], rows[95]]


def test_mixtures_alone_get_the_room_of_single_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path, monkeypatch, "--factor", "1", "--mixup", "9")
    lines = chosen_rows(folder, read_manifest(folder), 10).lines
    assert [line.method for line in lines] == ["mixup"] * 10


def test_the_title_says_how_many_classes_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, titles = made(tmp_path, monkeypatch, "--factor", "2"), list[str]()

    def titled(title: str, *_: object) -> bytes:
        titles.append(title)
        return b""

    monkeypatch.setattr(opening, "contact_sheet", titled)
    for lines in (2, 3):
        opening.sheet(version, read_manifest(version), lines)
    assert titles[0].endswith("; single ones of 2 of 3 classes")
    assert "classes" not in titles[1]
