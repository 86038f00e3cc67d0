"""Levels are counted as numpy counts them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.arrays import levels
from augfactory.arrays.levels import level_counts


@given(
    st.integers(0, 5), st.integers(1, 7), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99)
)
def test_counts_are_those_of_bincount(
    count: int, height: int, width: int, channels: int, seed: int
) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), "u1")
    expected = [np.bincount(images[..., c].ravel(), minlength=256) for c in range(channels)]
    np.testing.assert_array_equal(level_counts(images), expected)


def test_many_pixels_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 11, 3), "u1")
    whole = level_counts(images)
    monkeypatch.setattr(levels, "COUNTED_PIXELS", 25)
    np.testing.assert_array_equal(level_counts(images), whole)


def test_no_count_is_rounded() -> None:
    images = np.zeros((5, 2048, 2048, 1), dtype=np.uint8)
    images[0, 0, 0] = 1
    assert level_counts(images)[0, :2].tolist() == [5 * 2048 * 2048 - 1, 1]
