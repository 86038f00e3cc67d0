"""A version may have more shards than 16 bits can count."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from augfactory.records import Int64Array
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
