"""A shard is the same bytes each time, and bare h5py reads all of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from augfactory.records import Rows
from augfactory.store.formats import hdf5, storage_format
from augfactory.store.formats.storage_format import Place
from tests.store.conftest import make_rows

CLASSES = ["cat", "dog", "emu"]


def test_bare_h5py_reads_what_was_written(tmp_path: Path, rows: Rows) -> None:
    (tmp_path / "shard.h5").write_bytes(hdf5.shard_bytes(rows, CLASSES))

    with h5py.File(tmp_path / "shard.h5", "r") as file:
        assert {name: len(file[name]) for name in file} == dict.fromkeys(hdf5.COLUMNS, 10)
        assert np.array_equal(file["image"][()], rows.image)
        assert file["image"].dtype == np.uint8
        assert np.array_equal(file["soft_label"][()], rows.soft_label)
        assert file["soft_label"].dtype == np.float32
        assert np.array_equal(file["label"][()], np.argmax(rows.soft_label, axis=1))
        assert file["label"].dtype == np.int64
        assert file["method"][()].tolist() == [name.encode() for name in rows.method.tolist()]
        assert np.array_equal(file["source_index"][()], rows.source_index)
        assert np.array_equal(file["weight"][()], rows.weight)
        assert json.loads(file.attrs["class_names"]) == CLASSES


def test_equal_rows_give_equal_bytes(rows: Rows) -> None:
    assert hdf5.shard_bytes(rows, CLASSES) == hdf5.shard_bytes(make_rows(10), CLASSES)


def test_other_rows_give_other_bytes(rows: Rows) -> None:
    assert hdf5.shard_bytes(rows, CLASSES) != hdf5.shard_bytes(make_rows(10, seed=1), CLASSES)


@pytest.mark.parametrize("classes", [1_500, 32_768])
def test_many_long_class_names_are_stored_as_few_short_ones_are(
    tmp_path: Path, classes: int
) -> None:
    """HDF5 takes attributes of more than 64 KiB in files of its release 1.8 and later alone."""
    names = tuple(
        f"{number}-".ljust(255 if classes > 2_000 else 43, "é") for number in range(classes)
    )
    rows = make_rows(3)
    shares = np.zeros((3, classes), dtype=np.float32)
    shares[:, 7] = 1
    path = tmp_path / "shards/00000.h5"
    path.parent.mkdir()
    path.write_bytes(hdf5.shard_bytes(replace(rows, soft_label=shares), names))
    assert hdf5.FORMAT.read_class_names(tmp_path, ["shards/00000.h5"]) == [list(names)]
    with h5py.File(path) as file:  # as a reader without augfactory does
        assert tuple(json.loads(file.attrs["class_names"])) == names
        assert len({len(file[name]) for name in file}) == 1  # nothing but rows at the top level
    place = Place(tmp_path, (5, 7, 3), np.array([3]), names, lambda wanted: rows.label[wanted])
    assert np.array_equal(hdf5.FORMAT.open_images(place)(np.arange(3)), rows.image)


def test_neighbours_are_read_and_others_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is mapped counts as memory of the process: `verify` of a large set reads in order."""
    rows = make_rows(40)
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards/00000.h5").write_bytes(hdf5.shard_bytes(rows, ("a", "b", "c")))
    mapped: list[int] = []
    real = np.memmap

    def counting(*arguments: Any, **more: Any) -> Any:
        mapped.append(1)
        return real(*arguments, **more)

    monkeypatch.setattr(np, "memmap", counting)
    monkeypatch.setattr(storage_format, "READ_AT_ONCE", 10 * 5 * 7 * 3)
    place = Place(tmp_path, (5, 7, 3), np.array([40]), ("a", "b", "c"), lambda wanted: wanted)
    read = hdf5.FORMAT.open_images(place)
    assert np.array_equal(read(np.arange(10, 25)), rows.image[10:25])
    assert not mapped
    for wanted in (np.array([3, 1, 1]), np.arange(4, 7), np.arange(30, 10, -1)):
        assert np.array_equal(read(wanted), rows.image[wanted])
    assert mapped
