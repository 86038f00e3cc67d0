"""Geometry is one map about the centre and one interpolation; drawn zeros change nothing."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from augfactory.arrays.elastic import elastic_displacement
from augfactory.keyed_random import from_key, generator
from augfactory.methods.geometry import FIELDS, GeometryParameters, apply, draw, matrices
from augfactory.methods.method import Draws
from augfactory.records import UInt8Array
from augfactory.torchvision_import import import_torchvision
from tests.arrays.bilinear import Matrix, slow_warp
from tests.methods.slots import slots
from tests.methods.two_samples import follows

SHAPE = (7, 10, 3)
FILLS = ["border", "constant", "nearest", "reflect", "wrap"]


def noise(count: int, shape: tuple[int, int, int] = SHAPE) -> UInt8Array:
    return generator("noise", count).integers(0, 256, (count, 1, *shape), dtype=np.uint8)


def row_of(**numbers: float) -> Draws:
    """Make the draws of one row that change nothing but what is given."""
    still = {"zoom_height": 1.0, "zoom_width": 1.0, "brightness": 1.0}
    assert set(numbers) <= set(FIELDS)
    return np.array([[(still | numbers).get(name, 0.0) for name in FIELDS]])


def composed(draws: Draws, height: int, width: int) -> Matrix:
    """Return where a pixel of the result comes from, by inverting the product of all the steps.

    In the (x, y, 1) of textbooks, with x to the right and y upwards, about the image's centre.
    """
    number = dict(zip(FIELDS, draws.tolist(), strict=True))
    angle, lean = np.radians(number["rotation"]), np.radians(number["shear"])
    flip = np.diag([1 - 2 * number["flip_horizontal"], 1 - 2 * number["flip_vertical"], 1])
    scale = np.diag([number["zoom_width"], number["zoom_height"], 1])
    shear = np.array([[1, np.tan(lean), 0], [0, 1, 0], [0, 0, 1]])
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    shift = np.eye(3)
    shift[:2, 2] = number["shift_width"] * width, -number["shift_height"] * height
    to_centre = np.array([[0, 1, -(width - 1) / 2], [-1, 0, (height - 1) / 2], [0, 0, 1]])
    forward = np.linalg.inv(to_centre) @ shift @ turn @ shear @ scale @ flip @ to_centre
    backward: Matrix = np.linalg.inv(forward)[:2]
    return backward


def wild(**more: Any) -> GeometryParameters:
    """Return parameters that use everything at once."""
    ranges: dict[str, Any] = {"rotation": 180, "shear": 30, "zoom": 0.5, "keep_aspect": False}
    ranges |= {"flip_horizontal": True, "flip_vertical": True, "shift_width": 0.3}
    return GeometryParameters(**(ranges | more))


def test_maps_are_the_inverse_of_all_steps_composed() -> None:
    draws = draw(wild(), slots(50, SHAPE))
    found = matrices(draws, 7, 10)
    for row in range(50):
        np.testing.assert_allclose(found[row], composed(draws[row], 7, 10), atol=1e-9)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("shape", [(7, 10, 3), (6, 5, 1)], ids=str)
def test_agrees_with_a_pixel_by_pixel_reference(fill: Any, shape: tuple[int, int, int]) -> None:
    parameters = wild(fill=fill, fill_value=90, brightness=(0.5, 1.8))
    images, draws = noise(6, shape), draw(parameters, slots(6, shape))
    result = apply(parameters, images, draws)
    inside = np.zeros(shape[:2], dtype=bool)
    inside[1:-1, 1:-1] = True
    for row in range(6):
        image = images[row, 0]
        colour, mode = np.full(shape[2], 90, dtype=np.uint8), fill
        if fill == "border":
            border = np.sort(image[~inside], axis=0)
            colour, mode = border[(len(border) - 1) // 2], "constant"
        moved = slow_warp(image, composed(draws[row], *shape[:2]), mode, colour)
        factor = draws[row, FIELDS.index("brightness")]
        expected = np.array([min(255, round(value * factor)) for value in moved.ravel().tolist()])
        # A position within 1e-6 of the middle of two 32nds may be rounded to either.
        assert (result[row].ravel() == expected).mean() > 0.99
        assert np.abs(result[row].ravel() - expected).max() <= 8


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("shape", [(7, 10, 3), (1, 1, 1), (28, 28, 1)], ids=str)
def test_draws_that_change_nothing_give_the_same_bytes(
    fill: Any, shape: tuple[int, int, int]
) -> None:
    images = noise(3, shape)
    result = apply(GeometryParameters(fill=fill), images, row_of().repeat(3, axis=0))
    np.testing.assert_array_equal(result, images[:, 0])


@pytest.mark.parametrize("fill", FILLS)
def test_flips_are_exact(fill: Any) -> None:
    images, parameters = noise(1), GeometryParameters(fill=fill)
    upside_down = apply(parameters, images, row_of(flip_vertical=1))
    np.testing.assert_array_equal(upside_down, images[:, 0, ::-1])
    mirrored = apply(parameters, images, row_of(flip_horizontal=1))
    np.testing.assert_array_equal(mirrored, images[:, 0, :, ::-1])
    both = apply(parameters, images, row_of(flip_horizontal=1, flip_vertical=1))
    np.testing.assert_array_equal(both, images[:, 0, ::-1, ::-1])


def test_a_positive_rotation_is_counter_clockwise() -> None:
    for side in (6, 7):
        images = noise(1, (side, side, 3))
        turned = apply(GeometryParameters(), images, row_of(rotation=90))
        np.testing.assert_array_equal(turned[0], np.rot90(images[0, 0]))


def test_positive_shifts_go_down_and_to_the_right_by_shares() -> None:
    images, parameters = noise(1), GeometryParameters(fill="constant", fill_value=33)
    moved = apply(parameters, images, row_of(shift_height=2 / 7, shift_width=0.3))[0]
    np.testing.assert_array_equal(moved[2:, 3:], images[0, 0, :-2, :-3])
    assert (moved[:2] == 33).all()
    assert (moved[:, :3] == 33).all()


def test_a_positive_shear_leans_to_the_right_and_a_zoom_above_one_enlarges() -> None:
    image = np.zeros((1, 1, 9, 9, 1), dtype=np.uint8)
    image[..., 4, :] = 200  # a vertical line through the centre
    leaning = apply(GeometryParameters(), image, row_of(shear=45))[0, :, :, 0]
    np.testing.assert_array_equal(leaning, np.fliplr(np.eye(9, dtype=np.uint8) * 200))

    image[0, 0, 4] = 200  # and a horizontal one
    image[0, 0, 4, 6:] = 0
    larger = apply(GeometryParameters(), image, row_of(zoom_width=2))[0, :, :, 0]
    assert larger[4].tolist() == [200] * 7 + [100, 0]


def test_fills_with_the_colour_of_the_border() -> None:
    images = noise(2)
    images[0, 0, [0, -1]] = images[0, 0, :, [0, -1]] = 255
    images[1, 0, [0, -1]] = images[1, 0, :, [0, -1]] = (10, 20, 30)
    shifted = apply(GeometryParameters(), images, row_of(shift_width=0.5).repeat(2, axis=0))
    assert (shifted[0, :, :5] == 255).all()
    assert (shifted[1, :, :5] == (10, 20, 30)).all()


def test_brightness_multiplies_and_rounds() -> None:
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 8, 32, 1)
    brighter = apply(GeometryParameters(), images, row_of(brightness=1.3))
    expected = [min(255, round(value * 1.3)) for value in range(256)]
    assert brighter.ravel().tolist() == expected


def test_turns_and_scales_as_torchvision_does() -> None:
    functional = import_torchvision("torchvision.transforms.v2.functional")
    v2 = import_torchvision("torchvision.transforms.v2")
    y, x = np.mgrid[:40, :50]
    image = np.stack([128 + 90 * np.sin(y / 6 + x / k) for k in (7, 9, 8)], axis=-1)
    images = np.rint(image).astype(np.uint8)[None, None]
    for sign in (-1, 1):
        shift, turn, lean = (0.05 * sign, -0.04), 11.0 * sign, 7.0 * sign
        zoom = 1 + 0.1 * sign
        ours = apply(
            GeometryParameters(),
            images,
            row_of(
                rotation=turn,
                shear=lean,
                zoom_height=zoom,
                zoom_width=zoom,
                shift_height=shift[0],
                shift_width=shift[1],
            ),
        )[0]
        theirs = functional.affine(
            torch.from_numpy(images[0, 0]).permute(2, 0, 1),
            angle=-turn,  # theirs turn clockwise
            translate=[shift[1] * 50, shift[0] * 40],
            scale=zoom,
            shear=[lean, 0.0],
            interpolation=v2.InterpolationMode.BILINEAR,
        )
        difference = np.abs(ours.astype(int) - theirs.permute(1, 2, 0).numpy())
        assert np.median(difference) == 0
        assert difference[12:-12, 15:-15].max() <= 1


@pytest.mark.parametrize("count", [3, 40])
def test_elastic_fields_come_from_the_key_and_are_added_to_the_map(count: int) -> None:
    parameters = wild(elastic_alpha=12, elastic_sigma=2, fill="nearest")
    images, draws = noise(count), draw(parameters, slots(count, SHAPE))
    result = apply(parameters, images, draws)
    for row in range(count):
        key = int(draws[row, FIELDS.index("elastic_key")])
        bend = elastic_displacement(from_key(key), 7, 10, 12, 2)
        colour = np.zeros(3, dtype=np.uint8)
        expected = slow_warp(images[row, 0], composed(draws[row], 7, 10), "nearest", colour, bend)
        assert (result[row] == expected).mean() > 0.99

    draws[:, FIELDS.index("elastic_key")] += 1
    assert not np.array_equal(apply(parameters, images, draws), result)
    without = wild(fill="nearest")
    rigid = apply(without, images, draws)
    draws[:, FIELDS.index("elastic_key")] += 1
    np.testing.assert_array_equal(apply(without, images, draws), rigid)


def test_every_number_is_drawn_uniformly_from_its_range() -> None:
    parameters = wild(shift_height=0.2, brightness=(0.8, 1.5), shear=25)
    columns = dict(zip(FIELDS, draw(parameters, slots(4000, SHAPE)).T, strict=True))
    ranges = {
        "rotation": (-180, 180),
        "shift_height": (-0.2, 0.2),
        "shift_width": (-0.3, 0.3),
        "shear": (-25, 25),
        "zoom_height": (0.5, 1.5),
        "zoom_width": (0.5, 1.5),
        "brightness": (0.8, 1.5),
        "elastic_key": (0, 2**32),
    }
    for name, (low, high) in ranges.items():
        assert follows((columns[name] - low) / (high - low), lambda share: share), name
    for name in ("flip_horizontal", "flip_vertical"):
        assert set(columns[name]) == {0, 1}
        assert columns[name].mean() == pytest.approx(0.5, abs=0.03)
    assert (columns["elastic_key"] % 1 == 0).all()
    together = np.corrcoef(list(columns.values()))
    assert np.abs(together - np.eye(len(FIELDS))).max() < 0.07


def test_the_aspect_is_kept_unless_told_otherwise() -> None:
    zooms = draw(GeometryParameters(), slots(20, SHAPE))[:, [4, 5]]
    assert FIELDS[4:6] == ("zoom_height", "zoom_width")
    np.testing.assert_array_equal(zooms[:, 0], zooms[:, 1])
    assert len(np.unique(zooms)) == 20


def test_one_range_does_not_alter_what_is_drawn_for_another() -> None:
    some, others = GeometryParameters(), GeometryParameters(zoom=0.5, flip_vertical=True)
    one, other = (draw(parameters, slots(9, SHAPE)) for parameters in (some, others))
    same = [name not in ("zoom_height", "zoom_width", "flip_vertical") for name in FIELDS]
    np.testing.assert_array_equal(one[:, same], other[:, same])


def test_presets_fill_in_what_is_not_set() -> None:
    digits = GeometryParameters()
    assert digits == GeometryParameters(preset="digits")
    assert (digits.rotation, digits.shift_height, digits.zoom, digits.shear) == (12, 0.08, 0.12, 8)
    assert (digits.flip_horizontal, digits.flip_vertical, digits.elastic_alpha) == (False, False, 0)
    assert digits.brightness == (1, 1)

    photo = GeometryParameters(preset="photo", rotation=3)
    assert (photo.rotation, photo.flip_horizontal, photo.fill) == (3, True, "reflect")
    assert photo.brightness[0] < 1 < photo.brightness[1]

    images = noise(5)
    nothing = GeometryParameters(preset="none")
    result = apply(nothing, images, draw(nothing, slots(5, SHAPE)))
    np.testing.assert_array_equal(result, images[:, 0])


@pytest.mark.parametrize("preset", ["digits", "photo", "clothes", "texture", "none"])
def test_what_is_stored_stands_whatever_presets_become(preset: Any) -> None:
    parameters = GeometryParameters(preset=preset, zoom=0.33)
    stored = parameters.model_dump(mode="json")
    assert set(stored) == set(GeometryParameters.model_fields)
    assert GeometryParameters.model_validate(stored) == parameters


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"preset": "digit"}, "'digits', 'photo', 'clothes', 'texture' or 'none'"),
        ({"rotatoin": 3}, "rotatoin"),
        ({"rotation": -1}, "greater than or equal to 0"),
        ({"rotation": float("nan")}, "finite number"),
        ({"zoom": 1}, "less than or equal to 0.9"),
        ({"brightness": (1.2, 0.8)}, "two factors from 0 to 10, lower one first, got 1.2, 0.8"),
        ({"brightness": (-0.5, 1)}, "two factors from 0 to 10"),
        ({"fill": "mirror"}, "'reflect' or 'wrap'"),
        ({"fill_value": 256}, "less than or equal to 255"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GeometryParameters(**wrong)
