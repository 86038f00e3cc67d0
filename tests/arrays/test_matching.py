"""Equal rows are paired as often as both sides have them."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augfactory.arrays.matching import numbered, pair_equal

VALUES = st.lists(st.integers(-2, 4), max_size=12)


@given(rows=st.lists(st.tuples(st.integers(-1, 1), st.integers(0, 2)), max_size=12))
def test_numbers_are_equal_where_rows_are(rows: list[tuple[int, int]]) -> None:
    numbers = numbered(np.array(rows, dtype=np.int64).reshape(-1, 2)).tolist()
    for row, number in zip(rows, numbers, strict=True):
        for other, another in zip(rows, numbers, strict=True):
            assert (number == another) == (row == other)


@given(first=VALUES, second=VALUES)
def test_pairs_are_those_of_multisets_in_order(first: list[int], second: list[int]) -> None:
    ours, theirs = pair_equal(np.array(first, dtype=np.int64), np.array(second, dtype=np.int64))
    expected = []
    for value in sorted(set(first)):
        here = [place for place, each in enumerate(first) if each == value]
        there = [place for place, each in enumerate(second) if each == value]
        expected += list(zip(here, there, strict=False))
    assert sorted(zip(ours.tolist(), theirs.tolist(), strict=True)) == sorted(expected)
    assert len(expected) == (Counter(first) & Counter(second)).total()
