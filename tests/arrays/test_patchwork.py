"""A patchwork takes every pixel from the crop that its quarter says."""

from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.arrays import patchwork
from augfactory.arrays.boxes import quarters
from augfactory.keyed_random import generator
from augfactory.records import Int64Array, UInt8Array


def case(rows: int, shape: tuple[int, int, int], key: int) -> tuple[UInt8Array, Any, Any]:
    random = generator("patchwork", key)
    images = random.integers(0, 256, (rows, 4, *shape), dtype=np.uint8)
    boundary = random.integers(0, shape[:2], (rows, 2), endpoint=True)
    boxes = quarters(boundary, *shape[:2])
    spare = np.array(shape[:2]) - (boxes[..., 2:] - boxes[..., :2])
    offsets = np.where(random.random((rows, 4, 2)) < 0.5, spare, random.integers(0, spare + 1))
    return images, boundary, offsets


def with_slices(images: UInt8Array, boundary: Int64Array, offsets: Int64Array) -> UInt8Array:
    """Patch together with four slices for each row."""
    result = np.zeros_like(images[:, 0])
    boxes = quarters(boundary, *images.shape[2:4])
    for row, crop in np.ndindex(len(images), 4):
        top, left, bottom, right = boxes[row, crop]
        down, along = offsets[row, crop]
        result[row, top:bottom, left:right] = images[
            row, crop, down : down + bottom - top, along : along + right - left
        ]
    return result


@given(
    rows=st.integers(0, 4),
    shape=st.tuples(st.integers(1, 8), st.integers(1, 8), st.sampled_from([1, 3])),
    key=st.integers(0, 2**40),
    large=st.booleans(),
)
def test_agrees_with_slices(rows: int, shape: tuple[int, int, int], key: int, large: bool) -> None:
    images, boundary, offsets = case(rows, shape, key)
    before = images.copy()
    with mock.patch.object(patchwork, "LARGE_BYTES", 1 if large else 10**9):
        patched = patchwork.patched(images, boundary, offsets)
    np.testing.assert_array_equal(patched, with_slices(images, boundary, offsets))
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("chunk", [1, 1500, 10**9])
def test_the_chunk_changes_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patchwork, "CHUNK_BYTES", chunk)
    images, boundary, offsets = case(13, (6, 5, 3), 0)
    expected = with_slices(images, boundary, offsets)
    np.testing.assert_array_equal(patchwork.patched(images, boundary, offsets), expected)
    # Every other row, and images that may not be written to.
    images.flags.writeable = False
    halved = patchwork.patched(images[::2], boundary[::2], offsets[::2])
    np.testing.assert_array_equal(halved, expected[::2])


def test_a_crop_outside_the_image_is_an_error_not_foreign_memory() -> None:
    images, boundary, offsets = case(1, (6, 5, 3), 1)
    with pytest.raises(IndexError):
        patchwork.patched(images, boundary, offsets + 1000)
