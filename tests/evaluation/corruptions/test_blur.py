"""Blurs against plain loops."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d, zoom

from augfactory.evaluation.corruptions import blur
from augfactory.keyed_random import generator
from augfactory.records import Float32Array, UInt8Array
from tests.evaluation.corruptions.images import batch, flat, photos

SMALL = np.ascontiguousarray(photos(3)[:, 4:15, 6:20])


def slow_smooth(image: Float32Array, deviation: float) -> Float32Array:
    reach = int(4 * deviation + 0.5)
    height, width, _ = image.shape
    result = np.zeros_like(image)
    for row, column in np.ndindex(height, width):
        total = 0.0
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                weight = np.exp(-(down**2 + right**2) / (2 * deviation**2))
                y, x = (
                    np.clip(p, 0, n - 1) for p, n in ((row + down, height), (column + right, width))
                )
                result[row, column] += weight * image[y, x]
                total += weight
        result[row, column] /= total
    return result


@pytest.mark.parametrize("deviation", [0.25, 0.7, 1.5])
def test_smoothed_is_a_gaussian_with_repeated_border(deviation: float) -> None:
    values = batch(SMALL).values
    smooth = blur.smoothed(values, deviation)
    np.testing.assert_allclose(smooth[1], slow_smooth(values[1], deviation), atol=1e-5)
    assert blur.smoothed(values, 0.05) is values


def test_published_glass_of_digits_is_smoothed_up_and_down_alone() -> None:
    values = batch(SMALL).values
    expected = values
    for _ in range(2):
        expected = gaussian_filter1d(expected, 0.7, axis=1, mode="nearest")
    still = blur.glass_blur(batch(SMALL), 0.7, 1, 0, True, vertical=True)
    np.testing.assert_allclose(still, 255 * expected, atol=0.51)


def test_snow_5_of_26_rows_is_enlarged_as_scipy_rounds() -> None:
    noise = np.random.default_rng(0).random((2, 26, 26, 1), dtype=np.float32)
    found = blur.enlarged(noise, 1.25, (32, 32))
    np.testing.assert_allclose(found[0, :, :, 0], zoom(noise[0, :, :, 0], 1.25, order=1), atol=1e-5)


def test_kernels_sum_to_one() -> None:
    for radius, softness in ((0.3, 0.4), (0.5, 0.6), (1, 0.2), (1.5, 0.1), (9.5, 0.7)):
        assert blur.disc(radius, softness, 1).sum() == pytest.approx(1, abs=1e-6)
    for radius, deviation in ((6, 1), (10, 3), (14, 12)):
        assert blur.motion_weights(radius, deviation).sum() == pytest.approx(1, abs=1e-6)


def test_a_disc_holds_the_pixels_within_its_radius() -> None:
    hard = blur.disc(2.3, 1e-3, 1)
    assert hard.shape == (7, 7)
    inside = [(y, x) for y, x in np.ndindex(7, 7) if (y - 3) ** 2 + (x - 3) ** 2 <= 2.3**2]
    assert sorted(zip(*np.nonzero(hard > 1e-6), strict=True)) == sorted(inside)
    # a single pixel, and the Gaussian of three pixels that softens it
    edge = np.exp(-0.5 / 0.4**2)
    assert blur.disc(0.3, 0.4, 1)[0, 1] == pytest.approx(edge / (1 + 2 * edge) ** 2, rel=1e-4)


@pytest.mark.parametrize("value", [0, 77, 255])
def test_what_is_even_stays_even(value: int) -> None:
    images = flat(value)
    for changed in (
        blur.defocus_blur(batch(images), 1.5, 0.1),
        blur.glass_blur(batch(images), 0.7, 1, 2, True),
        blur.motion_blur(batch(images), 9, 2.5),
        blur.zoom_blur(batch(images), 26),
    ):
        np.testing.assert_array_equal(changed, images)


def test_defocus_averages_over_the_disc() -> None:
    found = blur.defocus_blur(batch(SMALL), 1, 1e-3)
    values = SMALL.astype(np.int64)
    middle = values[:, 1:-1, 1:-1]
    beside = values[:, :-2, 1:-1] + values[:, 2:, 1:-1] + values[:, 1:-1, :-2] + values[:, 1:-1, 2:]
    np.testing.assert_allclose(found[:, 1:-1, 1:-1], (middle + beside) / 5, atol=0.51)


def slow_glass(
    image: UInt8Array, noise: np.random.Generator, distance: int, rounds: int, swap: bool
) -> UInt8Array:
    """Move the pixels of one image about, with the draws in the order that ``blur`` makes them."""
    height, width, _ = image.shape
    places = [
        (row, column)
        for _ in range(rounds)
        for row in range(height - distance, distance, -1)
        for column in range(width - distance, distance, -1)
    ]
    down, right = noise.integers(-distance, distance, (2, len(places)))
    passed_over = noise.random(len(places), dtype=np.float32) < 0.5
    image = image.copy()
    for step, (row, column) in enumerate(places):
        if swap and passed_over[step]:
            continue
        other = row + down[step], column + right[step]
        here = image[row, column].copy()
        image[row, column] = image[other]
        if swap:
            image[other] = here
    return image


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(("distance", "rounds"), [(1, 1), (1, 2), (3, 2)])
def test_glass_moves_pixels_in_turn(distance: int, rounds: int, swap: bool) -> None:
    moved = blur.glass_blur(batch(SMALL), 0.05, distance, rounds, swap)
    for row, image in enumerate(SMALL):
        expected = slow_glass(image, generator("test", row), distance, rounds, swap)
        np.testing.assert_array_equal(moved[row], expected)
    pixels = [sorted(map(tuple, images[0].reshape(-1, 3).tolist())) for images in (SMALL, moved)]
    assert (pixels[0] == pixels[1]) == swap


def test_glass_smooths_before_and_after() -> None:
    values = batch(SMALL).values
    twice = blur.smoothed(blur.smoothed(values, 0.7), 0.7)
    still = blur.glass_blur(batch(SMALL), 0.7, 1, 0, False)
    np.testing.assert_allclose(still, 255 * twice, atol=0.51)


@pytest.mark.parametrize(
    ("angle", "step"), [(0, (0, 1)), (90, (1, 0)), (-45, (-1, 1)), (-90, (-1, 0))]
)
def test_streaks_lead_along_the_angle(angle: float, step: tuple[int, int]) -> None:
    values = np.zeros((1, 31, 33, 1), dtype=np.float32)
    values[0, 15, 16] = 1
    found = blur.streaked(values, np.array([float(angle)]), 5, 3)[0, :, :, 0]
    weights = np.exp(-0.5 * (np.arange(11) / 3) ** 2)
    weights /= weights.sum()
    # At 45 degrees, a step along the diagonal is more than a pixel long.
    at = [np.ceil(k * np.hypot(*step) ** -1 - 0.5) for k in range(11)]
    expected = np.zeros_like(found)
    for weight, k in zip(weights, at, strict=True):
        expected[15 - int(k) * step[0], 16 - int(k) * step[1]] += weight
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_motion_blur_goes_sideways_and_repeats_the_border() -> None:
    ramp = np.tile(np.arange(40, dtype=np.uint8)[:, None] * 6, (8, 30, 1, 1))
    blurred = blur.motion_blur(batch(ramp), 6, 2).astype(np.int64)
    assert (np.diff(blurred, axis=2) >= 0).all()
    # Each pixel averages those to its right, up to the last one.
    assert (blurred[:, :, :-1] > ramp[:, :, :-1]).all()
    assert (blurred[:, :, -1] == 234).all()
    assert len({image.tobytes() for image in blurred}) > 1


@pytest.mark.parametrize("factor", [1.0, 1.05, 1.25, 2.25])
def test_enlarged_spreads_the_middle(factor: float) -> None:
    values = batch(photos(2)).values
    found = blur.enlarged(values, factor, (32, 36))
    expected = values.astype(np.float64)
    for axis, side in ((1, 32), (2, 36)):
        kept = int(np.ceil(side / factor))
        spread = int(np.rint(kept * factor))
        first = (side - kept) // 2
        grid = np.linspace(0, kept - 1, spread)[(spread - side) // 2 :][:side]
        middle = np.moveaxis(expected, axis, -1)[..., first : first + kept]
        lines = [np.interp(grid, np.arange(kept), line) for line in middle.reshape(-1, kept)]
        expected = np.moveaxis(np.reshape(lines, (*middle.shape[:-1], side)), -1, axis)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_zoom_blur_is_the_mean_of_its_zooms() -> None:
    values = batch(photos(2)).values
    zooms = [blur.enlarged(values, factor, (32, 36)) for factor in (1.0, 1.01, 1.02, 1.03)]
    expected = 255 * (values + sum(zooms)) / 5
    np.testing.assert_allclose(blur.zoom_blur(batch(photos(2)), 4), expected, atol=0.51)
