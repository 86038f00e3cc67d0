"""TrivialAugment makes one change, held to Pillow's where Pillow has it."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from augfactory.arrays.changes import CHANGES
from augfactory.methods.trivialaugment import TrivialaugmentParameters, apply, draw
from tests.arrays.bilinear import slow_warp
from tests.methods.slots import slots

SHAPE = (13, 18, 3)
PARAMETERS = TrivialaugmentParameters()
NAMES = list(CHANGES)


def images(count: int) -> np.ndarray:
    """Smooth colours, no two images alike."""
    random = np.random.default_rng(4)
    coarse = random.integers(0, 256, (count, 4, 5, 3)).astype(np.uint8)
    return np.stack(
        [
            np.asarray(Image.fromarray(image).resize(SHAPE[1::-1], Image.Resampling.BICUBIC))
            for image in coarse
        ]
    )[:, None]


def changed(name: str, strength: float, sign: int, count: int = 3) -> np.ndarray:
    draws = np.tile([NAMES.index(name), strength, sign], (count, 1)).astype(np.float64)
    return apply(PARAMETERS, images(count), draws)


PILLOW: dict[str, Callable[[Image.Image, float, float], Image.Image]] = {
    "identity": lambda image, *_: image,
    "brightness": lambda image, _, factor: ImageEnhance.Brightness(image).enhance(factor),
    "color": lambda image, _, factor: ImageEnhance.Color(image).enhance(factor),
    "contrast": lambda image, _, factor: ImageEnhance.Contrast(image).enhance(factor),
    "sharpness": lambda image, _, factor: ImageEnhance.Sharpness(image).enhance(factor),
    "posterize": lambda image, strength, _: ImageOps.posterize(image, 8 - round(6 * strength)),
    "solarize": lambda image, strength, _: ImageOps.solarize(
        image, int(np.ceil(255 - 255 * strength))
    ),
    "autocontrast": lambda image, *_: ImageOps.autocontrast(image),
    "equalize": lambda image, *_: ImageOps.equalize(image),
}


@pytest.mark.parametrize("name", PILLOW)
@pytest.mark.parametrize(("strength", "sign"), [(0.0, 1), (0.5, -1), (0.9, 1), (1.0, -1)])
def test_colours_are_pillows(name: str, strength: float, sign: int) -> None:
    found = changed(name, strength, sign)
    for image, result in zip(images(3)[:, 0], found, strict=True):
        factor = 1 + sign * 0.99 * strength
        expected = np.asarray(PILLOW[name](Image.fromarray(image), strength, factor))
        np.testing.assert_allclose(result.astype(int), expected.astype(int), atol=1)


@pytest.mark.parametrize("sign", [1, -1])
def test_moves_are_those_of_their_matrices(sign: int) -> None:
    """Translations are whole pixels; turns and leans are held to a slow bilinear warp."""
    (first,) = images(1)[:, 0]
    moved = changed("translate_x", 0.5, sign, 1)[0]
    pixels = int(0.5 * 0.45 * SHAPE[1])
    inside = slice(pixels, None) if sign > 0 else slice(None, -pixels)
    come_from = slice(None, -pixels) if sign > 0 else slice(pixels, None)
    np.testing.assert_array_equal(moved[:, inside], first[:, come_from])
    moved = changed("translate_y", 1.0, sign, 1)[0]
    pixels = int(0.45 * SHAPE[0])
    inside = slice(pixels, None) if sign > 0 else slice(None, -pixels)
    come_from = slice(None, -pixels) if sign > 0 else slice(pixels, None)
    np.testing.assert_array_equal(moved[inside], first[come_from])
    angle = np.deg2rad(sign * 0.5 * 135)
    middle = (np.array(SHAPE[:2]) - 1) / 2
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([turn, middle - turn @ middle])
    expected = slow_warp(first, matrix, "constant", np.zeros(3, dtype=np.uint8))
    np.testing.assert_allclose(changed("rotate", 0.5, sign, 1)[0].astype(int), expected, atol=1)


def test_every_operation_strength_and_sign_is_drawn() -> None:
    operation, strength, sign = draw(PARAMETERS, slots(6000, SHAPE)).T
    counts = np.bincount(operation.astype(int), minlength=len(CHANGES))
    assert len(CHANGES) == 14  # table 1 of the paper
    assert counts.min() > 0.8 * 6000 / 14
    np.testing.assert_allclose(np.unique(strength), np.arange(31) / 30)
    assert set(sign) == {-1, 1}
    assert sign.mean() == pytest.approx(0, abs=0.05)
