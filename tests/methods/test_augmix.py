"""AugMix carries out what is drawn, as the authors' code does, and adds it up exactly."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from pydantic import ValidationError

from augfactory.arrays.simplex import in_steps
from augfactory.keyed_random import generator
from augfactory.methods import augmix
from augfactory.methods.augmix import OPERATIONS, AugmixParameters, apply, draw, fields
from augfactory.methods.method import Draws
from augfactory.records import UInt8Array
from tests.arrays.bilinear import slow_warp
from tests.methods.slots import slots
from tests.methods.two_samples import follows

SHAPE = (7, 10, 3)
NUMBERS = {name: number for number, name in enumerate(OPERATIONS)}
ENHANCERS = {
    "color": ImageEnhance.Color,
    "contrast": ImageEnhance.Contrast,
    "brightness": ImageEnhance.Brightness,
    "sharpness": ImageEnhance.Sharpness,
}


def noise(count: int, shape: tuple[int, int, int] = SHAPE) -> UInt8Array:
    return generator("noise", count).integers(0, 256, (count, 1, *shape), dtype=np.uint8)


def named(parameters: AugmixParameters, draws: Draws) -> list[dict[str, float]]:
    names = fields(parameters)
    return [dict(zip(names, row, strict=True)) for row in draws.tolist()]


def one_chain(name: str, level: float, sign: int = 1) -> Draws:
    """Make the draws of a row, width 1 and depth 1, that is nothing but one operation."""
    return np.array([[1.0, 1.0, 1.0, NUMBERS[name], level, sign]])


def official(image: UInt8Array, name: str, level: float, sign: float, fill: int) -> UInt8Array:
    """Do what the authors' code does at a level, moving pixels by the slow reference."""
    height, width, channels = image.shape
    enhance = ENHANCERS.get(name)
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    if name == "autocontrast":
        changed = ImageOps.autocontrast(picture)
    elif name == "equalize":
        changed = ImageOps.equalize(picture)
    elif name == "posterize":
        changed = ImageOps.posterize(picture, 4 - int(level * 4 / 10))
    elif name == "solarize":
        changed = ImageOps.solarize(picture, 256 - int(level * 256 / 10))
    elif enhance is not None:
        changed = enhance(picture).enhance(level * 1.8 / 10 + 0.1)
    else:
        matrix = np.eye(2, 3)
        if name == "rotate":
            angle = np.radians(sign * int(level * 30 / 10))
            matrix[:, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
            centre = np.array([(height - 1) / 2, (width - 1) / 2])
            matrix[:, 2] = centre - matrix[:, :2] @ centre
        elif name == "shear_x":
            matrix[1] = sign * level * 0.03, 1, sign * level * 0.03 / 2
        elif name == "shear_y":
            matrix[0] = 1, sign * level * 0.03, sign * level * 0.03 / 2
        elif name == "translate_x":
            matrix[1, 2] = sign * int(level * (width / 3) / 10)
        else:
            assert name == "translate_y"
            matrix[0, 2] = sign * int(level * (height / 3) / 10)
        return slow_warp(image, matrix, "constant", np.full(channels, fill, dtype=np.uint8))
    return np.asarray(changed).reshape(image.shape)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"operations": "all", "severity": 10, "fill_value": 128},
        {"width": 2, "depth": 4},
        {"width": 1, "depth": 1, "alpha": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(7, 10, 3), (12, 9, 1)], ids=str)
def test_agrees_with_a_slow_reference_to_the_byte(
    more: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    parameters = AugmixParameters(**more)
    images, draws = noise(12, shape), draw(parameters, slots(12, shape))
    mixed = apply(parameters, images, draws)
    for row, number in enumerate(named(parameters, draws)):
        parts, shares = [images[row, 0]], [1 - number["share"]]
        for chain in range(parameters.width):
            changed = images[row, 0]
            for step in range(int(number[f"depth_{chain}"])):
                at = f"{chain}_{step}"
                name = list(OPERATIONS)[int(number[f"operation_{at}"])]
                level, sign = number[f"level_{at}"], number[f"sign_{at}"]
                changed = official(changed, name, level, sign, parameters.fill_value)
            parts.append(changed)
            shares.append(number["share"] * number[f"weight_{chain}"])
        exact = [Fraction(float(share)) for share in in_steps(np.array([shares]))[0]]
        assert sum(exact) == 1
        for place in np.ndindex(shape):
            total = sum(e * int(part[place]) for e, part in zip(exact, parts, strict=True))
            assert mixed[row][place] == round(total)  # half to even, as np.rint


@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_moves_where_pillow_moves(name: str, sign: int) -> None:
    y, x = np.mgrid[:40, :50]
    image = np.stack([128 + 90 * np.sin(y / 6 + x / k) for k in (7, 9, 8)], axis=-1)
    pixels, level = np.rint(image).astype(np.uint8), 2.9
    picture = Image.fromarray(pixels)
    coefficients = {
        "shear_x": (1, sign * level * 0.03, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, sign * level * 0.03, 1, 0),
        "translate_x": (1, 0, sign * int(level * 50 / 30), 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, sign * int(level * 40 / 30)),
    }
    if name == "rotate":
        theirs = picture.rotate(sign * int(level * 3), Image.Resampling.BILINEAR)
    else:
        theirs = picture.transform(
            picture.size, Image.Transform.AFFINE, coefficients[name], Image.Resampling.BILINEAR
        )
    parameters = AugmixParameters(width=1, depth=1)
    ours = apply(parameters, pixels[None, None], one_chain(name, level, sign))[0]
    difference = np.abs(ours.astype(int) - np.asarray(theirs))
    assert difference[6:-6, 6:-6].max() <= 1
    assert not np.array_equal(ours, pixels)


def test_the_first_nine_operations_are_the_papers() -> None:
    assert list(OPERATIONS)[: augmix.OFFICIAL] == [
        *("autocontrast", "equalize", "posterize", "rotate", "solarize"),
        *("shear_x", "shear_y", "translate_x", "translate_y"),
    ]
    assert list(OPERATIONS)[augmix.OFFICIAL :] == list(ENHANCERS)


def test_a_share_of_nothing_gives_the_same_bytes() -> None:
    parameters, images = AugmixParameters(), noise(9)
    draws = draw(parameters, slots(9, SHAPE))
    draws[:, 0] = 0
    np.testing.assert_array_equal(apply(parameters, images, draws), images[:, 0])


def test_steps_beyond_the_depth_of_a_chain_are_not_carried_out() -> None:
    parameters, images = AugmixParameters(), noise(20)
    draws = draw(parameters, slots(20, SHAPE))
    expected = apply(parameters, images, draws)
    names = fields(parameters)
    for chain in range(3):
        for step in range(3):
            idle = draws[:, names.index(f"depth_{chain}")] <= step
            column = names.index(f"operation_{chain}_{step}")
            draws[idle, column] = NUMBERS["solarize"]
            draws[idle, names.index(f"level_{chain}_{step}")] = 10
    np.testing.assert_array_equal(apply(parameters, images, draws), expected)


@pytest.mark.parametrize("shape", [(150, 160, 3), (9, 8, 1)], ids=str)
def test_large_images_alone_and_small_ones_together_give_equal_bytes(
    shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters, images = AugmixParameters(operations="all"), noise(6, shape)
    draws = draw(parameters, slots(6, shape))
    monkeypatch.setattr(augmix, "_LARGE", 0)
    alone = apply(parameters, images, draws)
    monkeypatch.setattr(augmix, "_LARGE", 10**9)
    monkeypatch.setattr(augmix, "_BYTES_AT_ONCE", 4 * int(np.prod(shape)))
    np.testing.assert_array_equal(apply(parameters, images, draws), alone)


def test_what_is_drawn_follows_the_authors_distributions() -> None:
    parameters = AugmixParameters()
    columns = dict(zip(fields(parameters), draw(parameters, slots(3000, SHAPE)).T, strict=True))
    assert len(columns) == 1 + 3 + 3 + 3 * 9
    assert follows(columns["share"], lambda share: share)  # Beta(1, 1)
    weights = np.stack([columns[f"weight_{chain}"] for chain in range(3)])
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    for weight in weights:  # each of Dirichlet(1, 1, 1) is Beta(1, 2)
        assert follows(weight, lambda x: 1 - (1 - x) ** 2)

    def collected(start: str) -> Draws:
        return np.stack([column for name, column in columns.items() if name.startswith(start)])

    for start, values in (("depth", 3), ("operation", 9), ("sign", 2)):
        found, counts = np.unique(collected(start), return_counts=True)
        expected = {"depth": [1, 2, 3], "operation": range(9), "sign": [-1, 1]}[start]
        assert found.tolist() == list(expected)
        np.testing.assert_allclose(counts / counts.sum(), 1 / values, rtol=0.05)
    assert follows(collected("level").ravel(), lambda level: (level - 0.1) / 2.9)
    independent = np.corrcoef(np.stack(list(columns.values()))[[0, 1, 4, 5, 7, 8, 16, 25, 26]])
    assert np.abs(independent - np.eye(9)).max() < 0.08


@pytest.mark.parametrize("alpha", [0.1, 1.0, 10.0])
def test_the_second_moments_follow_alpha(alpha: float) -> None:
    parameters = AugmixParameters(alpha=alpha)
    draws = draw(parameters, slots(20_000, SHAPE))
    share, weights = draws[:, 0], draws[:, 1:4]
    for parts, squares in ((2, share**2 + (1 - share) ** 2), (3, (weights**2).sum(axis=1))):
        error = squares.std() / np.sqrt(len(squares))
        assert abs(squares.mean() - (alpha + 1) / (parts * alpha + 1)) < 4 * error


def test_all_operations_depth_width_and_severity_are_drawn_as_asked() -> None:
    parameters = AugmixParameters(operations="all", depth=4, width=2, severity=7)
    draws = draw(parameters, slots(2000, SHAPE))
    columns = dict(zip(fields(parameters), draws.T, strict=True))
    assert len(columns) == 1 + 2 + 2 + 3 * 8
    assert (columns["depth_0"] == 4).all()
    assert (columns["depth_1"] == 4).all()
    assert set(columns["operation_1_3"]) == set(range(13))
    assert 6.9 < columns["level_0_3"].max() <= 7


@pytest.mark.parametrize(
    "wrong",
    [{"width": 0}, {"alpha": 0}, {"operations": "some"}, {"severity": 0}, {"deep": 1}],
    ids=str,
)
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        AugmixParameters(**wrong)
