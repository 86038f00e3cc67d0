"""Sources read block by block, and kept in memory where they fit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory import records
from augfactory.records import Int64Array, UInt8Array, one_hot
from tests.vae.small import bar_source


def test_a_source_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "DECODED_AT_ONCE", 10)
    source, asked = bar_source(24), []

    def read(rows: Int64Array) -> UInt8Array:
        asked.append(rows.tolist())
        return source.read_images(rows)

    done: list[int] = []
    inside = replace(source, read_images=read).in_memory(done.append)
    assert [len(rows) for rows in asked] == done == [10, 10, 4]
    rows = np.array([23, 0, 11, 11])
    assert np.array_equal(inside.read_images(rows), source.read_images(rows))
    assert np.array_equal(inside.read_soft_labels(rows), source.read_soft_labels(rows))
    assert len(asked) == 3


def test_a_large_source_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    source = bar_source(24)
    taken = 24 * (17 * 22 * 3 + 4 * len(source.class_names))
    monkeypatch.setattr(records, "MOST_HELD", taken - 1)
    assert source.in_memory() is source
    monkeypatch.setattr(records, "MOST_HELD", taken)
    inside = source.in_memory()
    assert inside is not source
    assert inside.in_memory() is inside


@pytest.mark.parametrize(("rows", "sizes"), [(10, [10, 10, 4]), (24, [24]), (100, [24])])
def test_blocks_are_all_rows_in_order(rows: int, sizes: list[int]) -> None:
    blocks = list(bar_source(24).blocks(rows))
    assert [len(block) for block in blocks] == sizes
    assert np.array_equal(np.concatenate(blocks), np.arange(24))


@given(st.lists(st.integers(0, 6), max_size=9))
def test_one_hot_is_a_table_of_ones(values: list[int]) -> None:
    labels = np.array(values, dtype=np.int64)
    found = one_hot(labels, 7)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.eye(7)[labels])
