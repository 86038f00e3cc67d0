"""Jitter does torchvision's four changes in the order drawn, and rounds once."""

import colorsys
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augfactory.keyed_random import generator
from augfactory.methods.jitter import ORDERS, JitterParameters, apply, draw
from augfactory.records import UInt8Array
from augfactory.torchvision_import import import_torchvision
from tests.methods.slots import slots

SHAPE = (5, 8, 3)
ALL = JitterParameters(brightness=0.8, contrast=0.9, saturation=1.0, hue=0.5)
Pixels = dict[tuple[int, int], list[float]]


def noise(count: int, shape: tuple[int, int, int] = SHAPE) -> UInt8Array:
    return generator("noise", count).integers(0, 256, (count, 1, *shape), dtype=np.uint8)


def grey_of(pixel: list[float]) -> float:
    if len(pixel) == 1:
        return pixel[0]
    return 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]


def brighter(pixels: Pixels, factor: float) -> Pixels:
    return {place: [value * factor for value in pixel] for place, pixel in pixels.items()}


def stretched(pixels: Pixels, factor: float) -> Pixels:
    mean = sum(map(grey_of, pixels.values())) / len(pixels)
    return {
        place: [mean + factor * (value - mean) for value in pixel]
        for place, pixel in pixels.items()
    }


def more_colourful(pixels: Pixels, factor: float) -> Pixels:
    return {
        place: [grey_of(pixel) + factor * (value - grey_of(pixel)) for value in pixel]
        for place, pixel in pixels.items()
    }


def of_another_hue(pixels: Pixels, turn: float) -> Pixels:
    if len(pixels[0, 0]) == 1:
        return pixels
    found = {}
    for place, (red, green, blue) in pixels.items():
        hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
        turned = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
        found[place] = [255 * part for part in turned]
    return found


SLOW: list[Callable[[Pixels, float], Pixels]] = [
    brighter,
    stretched,
    more_colourful,
    of_another_hue,
]


@pytest.mark.parametrize("channels", [1, 3])
def test_agrees_with_a_pixel_by_pixel_reference(channels: int) -> None:
    shape = (*SHAPE[:2], channels)
    images, draws = noise(40, shape), draw(ALL, slots(40, shape))
    jittered = apply(ALL, images, draws)
    for image, (*amounts, order), result in zip(
        images[:, 0], draws.tolist(), jittered, strict=True
    ):
        pixels = {place: image[place].astype(float).tolist() for place in np.ndindex(SHAPE[:2])}
        for number in list(itertools.permutations(range(4)))[int(order)]:
            pixels = SLOW[number](pixels, amounts[number])
            pixels = {
                place: [min(max(value, 0), 255) for value in pixel]
                for place, pixel in pixels.items()
            }
        for place, pixel in pixels.items():
            # A mean of multiples of 1/256 may be 1/512 off, and factors are at most 2.
            np.testing.assert_allclose(result[place], pixel, rtol=0, atol=0.51)


@pytest.mark.parametrize("channels", [1, 3])
def test_is_torchvisions(channels: int) -> None:
    """Theirs on floats from 0 to 1, where nothing is rounded; their red counts 0.2989."""
    functional = import_torchvision("torchvision.transforms.v2.functional")
    changes = [
        functional.adjust_brightness,
        functional.adjust_contrast,
        functional.adjust_saturation,
        functional.adjust_hue,
    ]
    shape = (*SHAPE[:2], channels)
    images, draws = noise(60, shape), draw(ALL, slots(60, shape))
    jittered = apply(ALL, images, draws)
    for image, drawn, result in zip(images[:, 0], draws, jittered, strict=True):
        expected = torch.from_numpy(image).permute(2, 0, 1) / 255
        for number in ORDERS[int(drawn[4])]:
            if channels == 3 or number < 2:
                expected = changes[number](expected, float(drawn[number]))
        found = 255 * expected.permute(1, 2, 0).numpy()
        np.testing.assert_allclose(result, found, rtol=0, atol=0.6)


def test_ranges_and_orders_are_those_asked_for() -> None:
    draws = draw(JitterParameters(brightness=0.5, saturation=0), slots(4800, SHAPE))
    ends = np.stack([draws.min(axis=0), draws.max(axis=0)], axis=1)
    expected = [(0.5, 1.5), (0.6, 1.4), (1, 1), (-0.1, 0.1), (0, 23)]
    np.testing.assert_allclose(ends, expected, atol=0.002)
    np.testing.assert_allclose(draws.mean(axis=0), [1, 1, 1, 0, 11.5], atol=0.3)
    assert np.bincount(draws[:, 4].astype(int)).min() > 140  # 200 expected
    assert {tuple(order) for order in ORDERS.tolist()} == set(itertools.permutations(range(4)))


def test_one_range_does_not_alter_anothers_numbers() -> None:
    (first, *_), (second, *_) = (
        draw(JitterParameters(contrast=contrast), slots(50, SHAPE)).T for contrast in (0.0, 0.9)
    )
    np.testing.assert_array_equal(first, second)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])),
    key=st.integers(0, 1000),
)
def test_nothing_changes_where_no_range_is_given(shape: tuple[int, int, int], key: int) -> None:
    parameters = JitterParameters(brightness=0, contrast=0, saturation=0, hue=0)
    images = generator("any", key).integers(0, 256, (3, 1, *shape), dtype=np.uint8)
    jittered = apply(parameters, images, draw(parameters, slots(3, shape)))
    np.testing.assert_array_equal(jittered, images[:, 0])


@given(level=st.integers(0, 255), key=st.integers(0, 1000))
def test_grey_stays_grey(level: int, key: int) -> None:
    images = np.full((4, 1, *SHAPE), level, dtype=np.uint8)
    draws = draw(ALL, slots(4, SHAPE, first=4 * key))
    jittered = apply(ALL, images, draws)
    expected = np.rint((level * draws[:, :1]).clip(0, 255))
    # What is left is brightness, but for the last bits of a float.
    assert np.abs(jittered.reshape(4, -1) - expected).max() <= 1
    assert np.ptp(jittered.astype(int), axis=3).max() <= 1
