"""Rows come block by block, and a block is bounded by its bytes."""

from pathlib import Path

import numpy as np
import pytest

from augfactory.store import by_shard
from augfactory.store.reader import open_version, read_row_ranges
from tests.commands.hostile import ROWS, make_version


def test_large_images_come_in_small_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M2: 4,096 images of 4000×3000 pixels at once would take 147 GB."""
    version = open_version(make_version(tmp_path))
    whole = next(read_row_ranges(version))[1]
    assert len(whole) == ROWS
    row_bytes = 9 * 14 * 3 + 4 * 3
    for blocks, most in ((7, 7), (1, 1), (ROWS, 4096)):
        monkeypatch.setattr(by_shard, "BYTES_AT_ONCE", row_bytes * blocks)
        found = list(read_row_ranges(version))
        assert max(len(rows) for _, rows in found) == min(blocks, most)
        assert [first for first, _ in found] == list(range(0, ROWS, blocks))
        assert np.array_equal(np.concatenate([rows.image for _, rows in found]), whole.image)
    monkeypatch.setattr(by_shard, "BYTES_AT_ONCE", 1)
    assert len(next(read_row_ranges(version))[1]) == 1
