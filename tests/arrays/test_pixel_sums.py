"""Sums of pixels are exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.arrays import pixel_sums as module
from augfactory.arrays.pixel_sums import pixel_sums
from augfactory.records import UInt8Array


def summed(images: UInt8Array) -> tuple[list[int], list[int]]:
    wide = images.reshape(-1, images.shape[3]).astype(np.int64)
    return wide.sum(axis=0).tolist(), (wide**2).sum(axis=0).tolist()


@given(
    st.integers(0, 5), st.integers(1, 7), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99)
)
def test_sums_are_those_of_whole_numbers(
    count: int, height: int, width: int, channels: int, seed: int
) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), "u1")
    assert pixel_sums(images) == tuple(map(tuple, summed(images)))


def test_many_pixels_are_summed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 11, 3), "u1")
    whole = pixel_sums(images)
    monkeypatch.setattr(module, "SUMMED_PIXELS", 25)
    assert pixel_sums(images) == whole


@pytest.mark.parametrize("level", [0, 1, 127, 254, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_no_sum_is_rounded(level: int, channels: int) -> None:
    """As many as are summed at once, nearly alike: their deviation is as small as it can be."""
    images = np.full((3, 1024, 1023, channels), level, dtype=np.uint8)
    images[0, 0, 0] = 3
    images[2, -1, -1] = 200
    assert pixel_sums(images) == tuple(map(tuple, summed(images)))


def test_noise_of_many_pixels_is_not_rounded() -> None:
    images = np.random.default_rng(1).integers(0, 256, (5, 700, 900, 3), "u1")
    assert pixel_sums(images) == tuple(map(tuple, summed(images)))
