"""Pixels from outside: layouts, ranges and types, each with one stated meaning or none."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from augfactory.errors import InputDataError
from augfactory.sources.parsing import arrays
from augfactory.sources.parsing.arrays import (
    check_size,
    layout_of,
    source_of_arrays,
    whole_images,
)
from tests.sources.written import HEIGHT, WIDTH, noise


def refusal(array: np.ndarray[Any, Any]) -> str:
    with pytest.raises(InputDataError) as caught:
        whole_images(array, "file[x]")
    return str(caught.value)


@pytest.mark.parametrize("channels", [1, 3])
def test_layouts_mean_the_same(channels: int) -> None:
    images = noise(7, HEIGHT, WIDTH, channels)
    assert np.array_equal(whole_images(images, "x"), images)
    assert np.array_equal(whole_images(images.transpose(0, 3, 1, 2), "x"), images)
    assert np.array_equal(whole_images(np.asfortranarray(images), "x"), images)
    if channels == 1:
        assert np.array_equal(whole_images(images[..., 0], "x"), images)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((7, 3, 20, 3), "first or last"),
        ((7, 1, 20, 3), "first or last"),
        ((7, 12, 20, 4), "no axis of 1 or 3"),
        ((7, 4, 12, 20), "no axis of 1 or 3"),
        ((7, 784), "not a set of images"),
        ((7,), "not a set of images"),
        ((), "not a set of images"),
        ((7, 1, 12, 20, 3), "not a set of images"),
        ((0, 12, 20), "holds no image"),
        ((7, 0, 20, 3), "holds no image"),
    ],
)
def test_other_layouts_are_refused(shape: tuple[int, ...], reason: str) -> None:
    message = refusal(np.zeros(shape, dtype=np.uint8))
    assert reason in message
    assert "x".join(map(str, shape)) in message
    assert "[rows, height, width, channels]" in message


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_give_back_the_bytes_they_came_from(dtype: str) -> None:
    bytes_ = np.arange(256, dtype=np.uint8).reshape(1, 8, 32)
    assert np.array_equal(whole_images((bytes_ / 255).astype(dtype), "x")[..., 0], bytes_)


def test_floats_are_rounded_not_cut() -> None:
    values = np.array([[[0.5, 0.0039, 0.00195, 0.9999]]])
    assert whole_images(values, "x").ravel().tolist() == [128, 1, 0, 255]


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_sixteen_bits_are_divided_by_257_and_rounded(dtype: str) -> None:
    values = np.arange(65536).reshape(4, 128, 128)
    assert np.array_equal(
        whole_images(values.astype(dtype), "x")[..., 0], np.rint(values / 257).astype(np.uint8)
    )


def test_eight_bits_in_sixteen_are_told() -> None:
    assert 'astype("uint8")' in refusal(noise(4, HEIGHT, WIDTH).astype(np.uint16))


@pytest.mark.parametrize("value", [-0.001, 1.001, 255.0, float("nan"), float("inf")])
def test_floats_of_another_range_name_their_row(value: float) -> None:
    values = np.full((700, HEIGHT, WIDTH), 0.5, dtype=np.float32)
    values[600, 3, 4] = value
    assert refusal(values).startswith("file[x]: row 600 holds the value ")


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint32", "bool", "complex64", "U1", "S1"])
def test_other_types_are_refused(dtype: str) -> None:
    assert "no agreed range" in refusal(np.zeros((4, HEIGHT, WIDTH), dtype=dtype))


@given(st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_blocks_do_not_show(rows: int, block: int, channels_first: bool) -> None:
    values = np.random.default_rng(0).random((rows, 4, 5, 3))
    array = values.transpose(0, 3, 1, 2) if channels_first else values
    before, arrays.BLOCK_ROWS = arrays.BLOCK_ROWS, block
    try:
        images = whole_images(array, "x")
    finally:
        arrays.BLOCK_ROWS = before
    assert np.array_equal(images, np.rint(values * 255))


@given(
    npst.arrays(
        st.sampled_from(["uint8", "uint16", "float16", "float64", "int16", "S2"]),
        npst.array_shapes(max_dims=5, min_side=0, max_side=4),
    )
)
def test_any_array_is_read_or_refused(array: np.ndarray[Any, Any]) -> None:
    try:
        images = whole_images(array, "x")
    except InputDataError:
        return
    assert images.dtype == np.uint8
    assert images.shape[1:] == layout_of(array.shape, "x").image_shape


def test_sizes_are_bounded() -> None:
    assert check_size((10, 12, 20), 4, "x") == 9600
    with pytest.raises(InputDataError, match=r"\.h5"):
        check_size((2**40, 2**40), 8, "x")


def test_rows_read_do_not_alias_the_source() -> None:
    images = noise(4, HEIGHT, WIDTH, 3)
    source = source_of_arrays(
        name="x",
        split=None,
        class_names=("a", "b"),
        images=images,
        labels=np.array([0, 1, 0, 1]),
        soft_labels=None,
        row_name=str,
    )
    source.read_images(np.arange(4))[:] = 0
    assert np.array_equal(source.read_images(np.array([3, 3, 0])), images[[3, 3, 0]])
    assert source.read_images(np.arange(0)).shape == (0, HEIGHT, WIDTH, 3)


def test_images_and_labels_of_different_number() -> None:
    with pytest.raises(InputDataError, match="4 images but 3 labels"):
        source_of_arrays(
            name="x",
            split=None,
            class_names=("a", "b"),
            images=noise(4, HEIGHT, WIDTH, 3),
            labels=np.array([0, 1, 0]),
            soft_labels=None,
            row_name=str,
        )
