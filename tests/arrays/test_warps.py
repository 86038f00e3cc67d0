"""Warps sample where they say, to 1/32 pixel, and then to the byte."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from augfactory.arrays import warps
from augfactory.arrays.warps import (
    BORDERS,
    Fill,
    about_centre,
    border_colours,
    shifted,
    warp,
)
from augfactory.keyed_random import generator
from augfactory.records import UInt8Array
from tests.arrays.bilinear import Matrix, exact_value, slow_warp

SHAPES = [(7, 5, 3), (4, 9, 1), (1, 1, 3), (1, 6, 1), (5, 1, 3)]
COLOURS = np.array([[10, 200, 90]], dtype=np.uint8)

every_fill = pytest.mark.parametrize("fill", BORDERS)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def noise(count: int, shape: tuple[int, int, int]) -> UInt8Array:
    return generator("noise", count).integers(0, 256, (count, *shape), dtype=np.uint8)


def smooth(height: int, width: int) -> UInt8Array:
    """Make one colour image whose neighbouring pixels differ by a few grey levels."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(y / 5 + x / 9), np.cos(x / 6), np.sin(y / 7 - x / 8)]
    levels: UInt8Array = np.rint(128 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)
    return levels


def near_identity(count: int, spread: float) -> Matrix:
    """Make maps that turn, scale, shear and shift by about ``spread``, far outside at times."""
    random = generator("maps", count)
    matrices = np.tile(np.eye(2, 3), (count, 1, 1)) + random.normal(0, spread, (count, 2, 3))
    matrices[:, :, 2] += random.normal(0, 4 * spread, (count, 2))
    return matrices


@every_fill
@every_shape
def test_agrees_with_a_pixel_by_pixel_reference_to_the_byte(
    fill: Fill, shape: tuple[int, int, int]
) -> None:
    images, colours = noise(6, shape), COLOURS[:, : shape[2]].repeat(6, axis=0)
    matrices = near_identity(6, 1.0)
    warped = warp(images, matrices, fill, colours)
    for row in range(6):
        expected = slow_warp(images[row], matrices[row], fill, colours[row])
        np.testing.assert_array_equal(warped[row], expected)


@every_fill
def test_stays_within_the_stated_tolerance_of_exact_interpolation(fill: Fill) -> None:
    images, matrices = noise(3, (6, 8, 3)), near_identity(3, 0.4)
    colours = COLOURS.repeat(3, axis=0)
    warped = warp(images, matrices, fill, colours)
    for index, row, column in np.ndindex(3, 6, 8):
        y, x = matrices[index] @ (row, column, 1)
        values, slack = exact_value(images[index], y, x, fill, colours[index])
        error = np.abs(warped[index, row, column] - np.array(values))
        assert (error <= np.array(slack) + 0.501).all()


@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3])),
    steps=st.lists(st.integers(-200, 200), min_size=6, max_size=6),
    fill=st.sampled_from(list(BORDERS)),
)
def test_maps_in_steps_of_a_32nd_are_exact(
    shape: tuple[int, int, int], steps: list[int], fill: Fill
) -> None:
    images, matrix = noise(1, shape), np.array(steps).reshape(2, 3) / 32
    warped = warp(images, matrix[None], fill, COLOURS[:, : shape[2]])
    expected = slow_warp(images[0], matrix, fill, COLOURS[0, : shape[2]])
    np.testing.assert_array_equal(warped[0], expected)


@every_fill
@every_shape
def test_the_identity_and_mirror_images_are_exact(fill: Fill, shape: tuple[int, int, int]) -> None:
    images, colours = noise(1, shape), COLOURS[:, : shape[2]]
    for axes in [(), (0,), (1,), (0, 1)]:
        linear = np.diag([-1.0 if axis in axes else 1.0 for axis in range(2)])[None]
        matrices = about_centre(linear, np.zeros((1, 2)), *shape[:2])
        warped = warp(images, matrices, fill, colours)
        np.testing.assert_array_equal(warped[0], np.flip(images[0], axes))


@pytest.mark.parametrize(("shape", "count"), [((150, 233, 3), 2), ((28, 31, 1), 100)], ids=str)
def test_blocks_of_rows_and_of_images_fit_together(
    shape: tuple[int, int, int], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shape[0] * shape[1] * count > warps._POSITIONS_AT_ONCE
    images, colours = noise(count, shape), COLOURS[:, : shape[2]].repeat(count, axis=0)
    matrices = near_identity(count, 0.1)
    bends = generator("bends").normal(0, 2, (count, 2, *shape[:2]))
    warped = warp(images, matrices, "reflect", colours, bends)
    monkeypatch.setattr(warps, "_POSITIONS_AT_ONCE", 10**9)
    np.testing.assert_array_equal(warp(images, matrices, "reflect", colours, bends), warped)


def test_displacements_are_added_down_and_right() -> None:
    images, matrices = noise(3, (5, 7, 3)), near_identity(3, 0.2)
    bends = generator("bends").normal(0, 1.5, (3, 2, 5, 7))
    colours = COLOURS.repeat(3, axis=0)
    warped = warp(images, matrices, "constant", colours, bends)
    for row in range(3):
        expected = slow_warp(images[row], matrices[row], "constant", colours[row], bends[row])
        np.testing.assert_array_equal(warped[row], expected)


@every_fill
@pytest.mark.parametrize("bent", [False, True])
@pytest.mark.parametrize("shape", [(13, 22, 3), (21, 12, 1)], ids=str)
def test_a_margin_changes_no_byte(
    shape: tuple[int, int, int], bent: bool, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warps, "_SMALLEST_WITH_MARGIN", 0)
    images, matrices = noise(8, shape), near_identity(8, 0.2)
    matrices[0, :, 2] += 50  # too far for a margin
    bends = generator("bends").normal(0, 1, (8, 2, *shape[:2])) if bent else None
    margins = np.array(warps._margins(matrices, *shape[:2], bends))
    assert margins[0] == 0
    assert (margins[1:] > 0).any()
    colours = COLOURS[:, : shape[2]].repeat(8, axis=0)
    warped = warp(images, matrices, fill, colours, bends)
    for row in range(8):
        bend = None if bends is None else bends[row]
        expected = slow_warp(images[row], matrices[row], fill, colours[row], bend)
        np.testing.assert_array_equal(warped[row], expected)


@pytest.mark.parametrize("side", [95, 96])
def test_images_with_and_without_a_margin_agree_with_the_reference(side: int) -> None:
    images, matrices = noise(1, (side, 7, 1)), near_identity(1, 0.05)
    assert (warps._margins(matrices, side, 7, None)[0] > 0) == (side == 96)
    warped = warp(images, matrices, "reflect", COLOURS[:, :1])
    expected = slow_warp(images[0], matrices[0], "reflect", COLOURS[0, :1])
    np.testing.assert_array_equal(warped[0], expected)


def test_agrees_with_pillow_inside_the_image() -> None:
    image = smooth(40, 50)
    matrix = np.array([[0.95, 0.2, -3.3], [-0.15, 1.05, 2.6]])
    ours = warp(image[None], matrix[None], "constant", COLOURS)[0]

    # Pillow has (x, y), and whole numbers at the corners of pixels.
    (a, b, c), (d, e, f) = matrix[::-1, [1, 0, 2]] + [[0, 0, 0.5]] * 2
    corner = (a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)
    picture = Image.fromarray(image)
    theirs = picture.transform(
        picture.size, Image.Transform.AFFINE, corner, Image.Resampling.BILINEAR
    )
    y, x = np.einsum("ij,jhw->ihw", matrix, [*np.mgrid[:40, :50], np.ones((40, 50))])
    inside = (y >= 0) & (y <= 39) & (x >= 0) & (x <= 49)
    assert inside.mean() > 0.6
    # Steps of up to 20 levels a pixel to either side make at most 40 / 64, and both round.
    assert np.abs(ours.astype(int) - np.asarray(theirs))[inside].max() <= 1


def test_no_images_give_none() -> None:
    warped = warp(noise(0, (4, 5, 3)), np.empty((0, 2, 3)), "wrap", np.empty((0, 3), np.uint8))
    assert warped.shape == (0, 4, 5, 3)


def test_refuses_sides_that_positions_cannot_count() -> None:
    with pytest.raises(ValueError, match="1×32767 pixels: no side may exceed 32766"):
        warp(noise(1, (1, 32_767, 1)), np.eye(2, 3)[None], "wrap", COLOURS[:, :1])
    images = noise(1, (1, 32_766, 1))
    np.testing.assert_array_equal(warp(images, np.eye(2, 3)[None], "wrap", COLOURS[:, :1]), images)


def test_opencv_starts_no_threads() -> None:
    assert cv2.getNumThreads() == 1


@pytest.mark.parametrize("move", [(0, 0), (2, -1), (-3, 4), (4, 0), (0, -9), (7, 7), (-1, 0)])
def test_shifted_images_are_copies_with_one_grey_level_beside_them(move: tuple[int, int]) -> None:
    images = noise(2, (4, 6, 3))
    moved = shifted(images, np.array([move[0], 1]), np.array([move[1], 0]), 77)
    for row, column in np.ndindex(4, 6):
        y, x = row - move[0], column - move[1]
        expected = images[0, y, x] if 0 <= y < 4 and 0 <= x < 6 else 77
        assert (moved[0, row, column] == expected).all()
    np.testing.assert_array_equal(moved[1, 1:], images[1, :-1])
    assert (moved[1, 0] == 77).all()


def test_the_centre_stays_but_for_the_shift() -> None:
    linear, shift = generator("linear").normal(0, 1, (4, 2, 2)), np.array([[0, 0], [3, -2]] * 2)
    matrices = about_centre(linear, shift, 8, 5)
    for row in range(4):
        centre = np.array([3.5, 2.0])
        np.testing.assert_allclose(matrices[row] @ [*(centre + shift[row]), 1], centre, atol=1e-12)
        np.testing.assert_array_equal(matrices[row, :, :2], linear[row])


@every_shape
def test_the_colour_of_the_border_is_its_median(shape: tuple[int, int, int]) -> None:
    images = noise(5, shape)
    found = border_colours(images)
    assert found.shape == (5, shape[2])
    inside = np.zeros(shape[:2], dtype=bool)
    inside[1:-1, 1:-1] = True
    for row, channel in np.ndindex(5, shape[2]):
        border = sorted(images[row, ~inside, channel].tolist())
        assert found[row, channel] == border[(len(border) - 1) // 2]
