"""A version may have more shards than 16 bits can count."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from augfactory.records import Int64Array
from augfactory.store.formats import hdf5, lance, parquet, webdataset
from augfactory.store.formats.storage_format import Elements, Place, as_elements, open_by_shard


@pytest.mark.parametrize("shards", [2**16, 2**16 + 5, 100_000])
def test_a_row_is_read_from_its_own_shard(tmp_path: Path, shards: int) -> None:
    (tmp_path / "shards").mkdir()

    def open_shard(path: Path) -> Callable[[Int64Array], Elements]:
        number = int(path.stem)

        def read(rows: Int64Array) -> Elements:
            told = np.array([number // 65536, number // 256 % 256, number % 256], dtype=np.uint8)
            images = np.broadcast_to(told, (len(rows), 3, 2, 3)).copy()
            images[:, 0, 0, 0] = rows  # counted from the shard's first
            return as_elements(images)

        return read

    place = Place(tmp_path, (3, 2, 3), 2 * np.arange(1, shards + 1), ("a",), lambda rows: rows)
    read = open_by_shard(place, lambda index, _: f"shards/{index:05d}.h5", open_shard)
    rows = np.array([2 * shards - 1, 0, 2 * shards - 2, 7, 2 * shards - 1, 131_071])
    found = read(rows)
    numbers = found[:, 2, 1].astype(np.int64) @ (65536, 256, 1)
    assert numbers.tolist() == (rows // 2).tolist()
    assert found[:, 0, 0, 0].tolist() == (rows % 2).tolist()


@pytest.mark.parametrize("form", [hdf5, parquet, webdataset, lance])
@pytest.mark.parametrize("count", [1, 100_000, 100_001])
def test_names_of_shards_sort_as_shards_do(form: ModuleType, count: int) -> None:
    last = range(max(0, count - 3), count)
    for split in ("train", "val"):
        numbers = sorted({*range(min(count, 3)), *last})
        names = [form.shard_path(index, count, split) for index in numbers]
        assert names == sorted(names)
        digits = {len(re.findall(r"\d+", name)[0]) for name in names}
        assert digits == {6 if count > 100_000 else 5}
