"""Colour operations give the bytes that Pillow gives."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from augfactory.arrays import colour
from augfactory.keyed_random import generator
from augfactory.records import UInt8Array

Numbers = colour.Numbers
ROWS = 6
SHAPES = [
    *((1, 1, 1), (1, 1, 3), (1, 7, 3), (2, 3, 1), (3, 3, 3), (5, 2, 1)),
    *((17, 11, 3), (28, 31, 1), (95, 97, 3)),  # the last is counted by OpenCV, the others by numpy
]
CONTENTS: dict[str, Callable[[UInt8Array], UInt8Array]] = {
    "noise": lambda noise: noise,
    "a narrow range": lambda noise: noise // 4 + np.uint8(90),
    "one value": lambda noise: np.full_like(noise, 77),
    "black and white": lambda noise: np.where(noise > 200, 255, 0).astype(np.uint8),
    "mostly one value": lambda noise: np.where(noise > 20, 130, noise).astype(np.uint8),
    "another value in each channel": lambda noise: np.maximum(
        noise // 8, [[[[9, 60, 200]]]]
    ).astype(np.uint8)[..., : noise.shape[3]],
}
FACTORS = np.array([0.0, 0.1, 0.55, 1.0, 1.37, 1.9])


def picture(image: UInt8Array) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def plain(change: Callable[[UInt8Array], UInt8Array]) -> Callable[..., UInt8Array]:
    return lambda images, _numbers: change(images)


# name -> ours, Pillow's, a number for each row
OPERATIONS: dict[
    str,
    tuple[
        Callable[[UInt8Array, Numbers], UInt8Array],
        Callable[[Image.Image, float], Image.Image],
        Numbers,
    ],
] = {
    "autocontrast": (plain(colour.autocontrast), lambda i, _: ImageOps.autocontrast(i), FACTORS),
    "equalize": (plain(colour.equalize), lambda i, _: ImageOps.equalize(i), FACTORS),
    "posterize": (
        colour.posterize,
        lambda i, bits: ImageOps.posterize(i, int(bits)),
        np.array([1.0, 2, 3, 4, 7, 8]),
    ),
    "solarize": (
        colour.solarize,
        lambda i, threshold: ImageOps.solarize(i, int(threshold)),
        np.array([0.0, 1, 77, 128, 255, 256]),
    ),
    "color": (colour.color, lambda i, f: ImageEnhance.Color(i).enhance(f), FACTORS),
    "contrast": (colour.contrast, lambda i, f: ImageEnhance.Contrast(i).enhance(f), FACTORS),
    "brightness": (colour.brightness, lambda i, f: ImageEnhance.Brightness(i).enhance(f), FACTORS),
    "sharpness": (colour.sharpness, lambda i, f: ImageEnhance.Sharpness(i).enhance(f), FACTORS),
}

every_operation = pytest.mark.parametrize("name", OPERATIONS)


@every_operation
@pytest.mark.parametrize("content", CONTENTS)
def test_gives_the_bytes_that_pillow_gives(name: str, content: str) -> None:
    ours, theirs, numbers = OPERATIONS[name]
    for shape in SHAPES:
        noise = generator("colours", *shape).integers(0, 256, (ROWS, *shape), dtype=np.uint8)
        images = CONTENTS[content](noise)
        before = images.copy()
        changed = ours(images, numbers)
        assert changed.shape == images.shape
        assert changed.dtype == np.uint8
        for row in range(ROWS):
            expected = np.asarray(theirs(picture(images[row]), float(numbers[row]))).reshape(shape)
            np.testing.assert_array_equal(changed[row], expected)
        np.testing.assert_array_equal(images, before)
        assert not np.shares_memory(changed, images)


@pytest.mark.parametrize("name", ["color", "contrast", "brightness", "sharpness"])
def test_random_factors_give_the_bytes_that_pillow_gives(name: str) -> None:
    ours, theirs, _ = OPERATIONS[name]
    random = generator("factors", name)
    images = random.integers(0, 256, (200, 4, 5, 3), dtype=np.uint8)
    factors = random.uniform(0, 2, 200)
    changed = ours(images, factors)
    for row in range(200):
        expected = np.asarray(theirs(picture(images[row]), float(factors[row])))
        np.testing.assert_array_equal(changed[row], expected)


@every_operation
@pytest.mark.parametrize("channels", [1, 3])
def test_no_images_give_none(name: str, channels: int) -> None:
    ours, _, _ = OPERATIONS[name]
    none = np.empty((0, 4, 5, channels), dtype=np.uint8)
    assert ours(none, np.empty(0)).shape == (0, 4, 5, channels)


def test_scaled_rounds_each_value_and_clips() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(4, axis=0)
    factors = np.array([0.0, 0.5, 1.0, 1.3])
    for row, factor in enumerate(factors):
        expected = [min(255, round(value * factor)) for value in range(256)]
        assert colour.scaled(values, factors)[row].ravel().tolist() == expected


def test_tables_are_looked_up_for_each_image_and_channel() -> None:
    random = generator("tables")
    images = random.integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    for kinds in (1, 3):
        tables = random.integers(0, 256, (3, kinds, 256), dtype=np.uint8)
        found = colour.look_up(images, tables)
        for row, y, x, channel in np.ndindex(images.shape):
            table = tables[row, channel % kinds]
            assert found[row, y, x, channel] == table[images[row, y, x, channel]]
