"""RandAugment carries out what is drawn in turn, at torchvision's strengths."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from augfactory.arrays.changes import CHANGES
from augfactory.keyed_random import generator
from augfactory.methods.randaugment import RandaugmentParameters, apply, draw, fields
from augfactory.methods.registry import METHODS
from augfactory.methods.trivialaugment import TrivialaugmentParameters
from augfactory.methods.trivialaugment import apply as trivialaugment
from augfactory.records import UInt8Array
from augfactory.torchvision_import import import_torchvision
from tests.methods.slots import slots

SHAPE = (23, 34, 3)
NAMES = list(CHANGES)
# Ours -> torchvision's name, and whether it takes a sign.
THEIRS = {
    "identity": ("Identity", False),
    "shear_x": ("ShearX", True),
    "shear_y": ("ShearY", True),
    "translate_x": ("TranslateX", True),
    "translate_y": ("TranslateY", True),
    "rotate": ("Rotate", True),
    "brightness": ("Brightness", True),
    "color": ("Color", True),
    "contrast": ("Contrast", True),
    "sharpness": ("Sharpness", True),
    "posterize": ("Posterize", False),
    "solarize": ("Solarize", False),
    "autocontrast": ("AutoContrast", False),
    "equalize": ("Equalize", False),
}
MOVES = NAMES[1:6]
INTERPOLATED = ("shear_x", "shear_y", "rotate")


def smooth() -> UInt8Array:
    """Return one image of slow waves, another in each channel."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    waves = np.stack([128 + 90 * np.sin(y / 7 + x / k) for k in (8, 11, 9)], axis=-1)
    return np.array(np.rint(waves), dtype=np.uint8)[None, None]


def torchvisions(image: UInt8Array, name: str, magnitude: int, sign: int) -> UInt8Array:
    """Carry out one operation as ``torchvision.transforms.RandAugment`` does."""
    module: Any = import_torchvision("torchvision.transforms.autoaugment")
    bilinear = module.InterpolationMode.BILINEAR
    theirs, signed = THEIRS[name]
    space = module.RandAugment()._augmentation_space(31, SHAPE[:2])
    magnitudes, takes_sign = space[theirs]
    assert takes_sign == signed
    strength = float(magnitudes[magnitude]) if magnitudes.ndim else 0.0
    given = strength * sign if signed else strength
    if name in MOVES:  # Pillow cuts at the border, where a tensor blends as we do
        pixels = torch.from_numpy(image).permute(2, 0, 1)
        moved = module._apply_op(pixels, theirs, given, bilinear, None)
        return np.array(moved.permute(1, 2, 0).numpy(), dtype=np.uint8)
    changed = module._apply_op(Image.fromarray(image), theirs, given, bilinear, None)
    return np.array(changed, dtype=np.uint8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("magnitude", "sign"), [(0, 1), (5, -1), (9, 1), (18, -1), (30, 1)])
def test_each_operation_is_torchvisions(name: str, magnitude: int, sign: int) -> None:
    parameters = RandaugmentParameters(operations=1, magnitude=magnitude, translate=150 / 331)
    changed = apply(parameters, smooth(), np.array([[NAMES.index(name), sign]], dtype=np.float64))
    expected = torchvisions(smooth()[0, 0], name, magnitude, sign).astype(int)
    difference = np.abs(changed[0].astype(int) - expected)
    # Of turns and leans, 1/64 pixel and rounding; most of it where the image ends in black.
    assert difference.max() <= (5 if name in INTERPOLATED else 0 if name in MOVES else 1)
    assert np.percentile(difference, 95) <= 1


def test_all_of_theirs_are_ours() -> None:
    module: Any = import_torchvision("torchvision.transforms.autoaugment")
    space = module.RandAugment()._augmentation_space(31, SHAPE[:2])
    assert {theirs for theirs, _ in THEIRS.values()} == set(space)
    assert set(THEIRS) == set(NAMES)


def of_each_value(magnitude: int) -> dict[str, Callable[[int, int], int]]:
    """Return the operations that look at one value alone: (value, sign) -> value."""
    strength = magnitude / 30
    bits = 8 - round(4 * strength)
    return {
        "identity": lambda value, _: value,
        "brightness": lambda value, sign: min(
            int(value * np.float32(1 + sign * 0.9 * strength)), 255
        ),
        "posterize": lambda value, _: value >> (8 - bits) << (8 - bits),
        "solarize": lambda value, _: value if value < 255 - 255 * strength else 255 - value,
    }


@pytest.mark.parametrize("magnitude", [4, 13, 27])
def test_a_sequence_agrees_with_a_pixel_by_pixel_reference(magnitude: int) -> None:
    slow = of_each_value(magnitude)
    sequences = list(itertools.product(slow, repeat=3))
    images = generator("noise").integers(0, 256, (len(sequences), 1, 5, 7, 3), dtype=np.uint8)
    signs = generator("signs").choice([-1, 1], (len(sequences), 3))
    numbers = [[NAMES.index(name) for name in sequence] for sequence in sequences]
    draws: npt.NDArray[np.float64] = np.concatenate([numbers, signs], axis=1).astype(np.float64)
    changed = apply(RandaugmentParameters(operations=3, magnitude=magnitude), images, draws)
    for number, sequence in enumerate(sequences):
        for place in np.ndindex(5, 7, 3):
            value = int(images[number, 0][place])
            for name, sign in zip(sequence, signs[number].tolist(), strict=True):
                value = slow[name](value, sign)
            assert changed[number][place] == value


def test_one_operation_is_trivialaugment_of_the_same_reach() -> None:
    """But for posterizing, which has no parameter: theirs takes six bits, ours four."""
    reach: dict[str, Any] = {
        "shear": 0.3,
        "translate": 0.4,
        "rotate": 30.0,
        "blend": 0.9,
        "fill_value": 50,
    }
    one = RandaugmentParameters(operations=1, magnitude=12, **reach)
    draws = draw(one, slots(200, SHAPE))
    draws = draws[draws[:, 0] != NAMES.index("posterize")]
    images = np.repeat(smooth(), len(draws), axis=0)
    theirs = np.insert(draws, 1, 12 / 30, axis=1)
    expected = trivialaugment(TrivialaugmentParameters(**reach), images, theirs)
    np.testing.assert_array_equal(apply(one, images, draws), expected)


def test_every_operation_and_sign_is_drawn_for_every_step() -> None:
    parameters = RandaugmentParameters(operations=3)
    draws = draw(parameters, slots(6000, SHAPE))
    assert fields(parameters) == (
        *("operation_0", "operation_1", "operation_2"),
        *("sign_0", "sign_1", "sign_2"),
    )
    assert len(NAMES) == 14  # section 3 of the paper
    for operation, sign in zip(draws[:, :3].T, draws[:, 3:].T, strict=True):
        counts = np.bincount(operation.astype(int), minlength=14)
        assert counts.min() > 0.8 * 6000 / 14
        assert len(counts) == 14
        assert set(sign) == {-1, 1}
        assert sign.mean() == pytest.approx(0, abs=0.05)
    assert np.abs(np.corrcoef(draws.T) - np.eye(6)).max() < 0.05


@pytest.mark.parametrize("method", ["randaugment", "trivialaugment"])
@pytest.mark.parametrize("fill", ["nearest", "reflect", "wrap", "border"])
def test_what_comes_in_from_outside_is_of_the_image_where_asked(method: str, fill: str) -> None:
    white = np.full((1, 1, *SHAPE), 255, dtype=np.uint8)
    kind = METHODS[method]
    for name in MOVES:
        for sign in (-1, 1):
            number = NAMES.index(name)
            draws = [number, sign] if method == "randaugment" else [number, 1.0, sign]
            row = np.array([draws], dtype=np.float64)
            for given, all_white in (({}, False), ({"fill": fill}, True)):
                values = {"operations": 1, "magnitude": 30} if method == "randaugment" else {}
                parameters = kind.parameters.model_validate({**values, **given})
                assert (kind.apply(parameters, white, row) == 255).all() == all_white


@pytest.mark.parametrize(
    ("fill", "mode"), [("reflect", "symmetric"), ("nearest", "edge"), ("wrap", "wrap")]
)
def test_a_filled_move_is_that_of_a_larger_image(fill: str, mode: Any) -> None:
    pad = 20
    wide = np.pad(smooth()[0, 0], ((pad, pad), (pad, pad), (0, 0)), mode=mode)[None, None]
    height, width = SHAPE[:2]
    for name in ("translate_x", "translate_y", "rotate"):
        for sign in (-1, 1):
            row = np.array([[NAMES.index(name), sign]], dtype=np.float64)
            filled = RandaugmentParameters.model_validate(
                {"operations": 1, "magnitude": 30, "fill": fill}
            )
            # The same way in pixels, of longer sides.
            share = 0.45 * SHAPE[name != "translate_y"]
            plain = RandaugmentParameters(
                operations=1,
                magnitude=30,
                translate=(int(share) + 0.5) / wide.shape[2 + (name != "translate_y")],
            )
            made = apply(filled, smooth(), row)[0]
            inner = apply(plain, wide, row)[0, pad : pad + height, pad : pad + width]
            assert np.array_equal(made, inner), name


def test_recipes_that_say_nothing_of_what_comes_in_read_as_before() -> None:
    assert "fill" not in RandaugmentParameters().model_dump()
    assert RandaugmentParameters.model_validate({"fill": "reflect"}).model_dump()["fill"] == (
        "reflect"
    )
