"""A shard is the same bytes each time, and bare h5py reads all of it."""

import json
from pathlib import Path

import h5py
import numpy as np

from augfactory.records import Rows
from augfactory.store import hdf5
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
