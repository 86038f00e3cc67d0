"""Crop moves by whole pixels, flips first, and fills as it says."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from augfactory.arrays.warps import Fill, FillOrBorder
from augfactory.keyed_random import generator
from augfactory.methods.crop import CropParameters, apply, draw
from augfactory.records import UInt8Array
from augfactory.torchvision_import import import_torchvision
from tests.arrays.bilinear import folded
from tests.methods.slots import slots

SHAPE = (7, 10, 3)


def noise(count: int, shape: tuple[int, int, int] = SHAPE) -> UInt8Array:
    return generator("noise", count).integers(0, 256, (count, 1, *shape), dtype=np.uint8)


def border_median(image: UInt8Array) -> list[int]:
    """Return the middle one of the border's values, channel by channel, the lower of two."""
    height, width, channels = image.shape
    found = []
    for channel in range(channels):
        border = sorted(
            int(image[row, column, channel])
            for row, column in np.ndindex(height, width)
            if row in (0, height - 1) or column in (0, width - 1)
        )
        found.append(border[(len(border) - 1) // 2])
    return found


@pytest.mark.parametrize("fill", ["border", "constant", "nearest", "reflect", "wrap"])
def test_agrees_with_a_pixel_by_pixel_reference(fill: FillOrBorder) -> None:
    height, width, channels = SHAPE
    parameters = CropParameters(pad=5, flip_horizontal=True, fill=fill, fill_value=77)
    images, draws = noise(30), draw(parameters, slots(30, SHAPE))
    cropped = apply(parameters, images, draws)
    lookup: Fill = "constant" if fill == "border" else fill
    for image, (down, right, flip), result in zip(
        images[:, 0], draws.astype(int).tolist(), cropped, strict=True
    ):
        colour = border_median(image) if fill == "border" else [77] * channels
        for row, column in np.ndindex(height, width):
            y, x = row - down, column - right
            if flip:
                x = width - 1 - x
            y_inside, x_inside = folded(y, height, lookup), folded(x, width, lookup)
            if y_inside is None or x_inside is None:
                expected = colour
            else:
                expected = image[y_inside, x_inside].tolist()
            assert result[row, column].tolist() == expected


@pytest.mark.parametrize(("fill", "mode"), [("constant", "constant"), ("reflect", "symmetric")])
def test_is_torchvisions_padding_and_cropping(fill: FillOrBorder, mode: str) -> None:
    functional = import_torchvision("torchvision.transforms.v2.functional")
    parameters = CropParameters(pad=3, fill=fill)
    images, draws = noise(20), draw(parameters, slots(20, SHAPE))
    cropped = apply(parameters, images, draws)
    for image, (down, right, _), result in zip(images[:, 0], draws, cropped, strict=True):
        pixels = torch.from_numpy(image).permute(2, 0, 1)
        padded = functional.pad(pixels, [3, 3], padding_mode=mode)
        expected = functional.crop(padded, 3 - int(down), 3 - int(right), *SHAPE[:2])
        np.testing.assert_array_equal(result, expected.permute(1, 2, 0).numpy())


def test_every_place_is_as_likely() -> None:
    parameters = CropParameters(pad=2, flip_horizontal=True)
    down, right, flip = draw(parameters, slots(5000, SHAPE)).T
    places = np.bincount(((down + 2) * 5 + right + 2).astype(int), minlength=25)
    assert len(places) == 25
    assert places.min() > 150  # 200 expected
    assert places.max() < 250
    assert flip.mean() == pytest.approx(0.5, abs=0.03)
    still = draw(CropParameters(pad=2), slots(5000, SHAPE))
    assert (still[:, 2] == 0).all()
    np.testing.assert_array_equal(still[:, :2], np.stack([down, right], axis=1))


@pytest.mark.parametrize(
    ("sides", "pads"), [((32, 32), (4, 4)), ((28, 40), (3, 5)), ((5, 15), (1, 1)), ((1, 2), (0, 1))]
)
def test_pads_an_eighth_of_each_side_at_least_one_pixel(
    sides: tuple[int, int], pads: tuple[int, int]
) -> None:
    draws = draw(CropParameters(), slots(500, (*sides, 3)))
    assert np.abs(draws[:, :2]).max(axis=0).tolist() == list(pads)


@given(
    pad=st.integers(1, 1024),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3])),
)
def test_something_of_the_image_stays(pad: int, shape: tuple[int, int, int]) -> None:
    parameters = CropParameters(pad=pad, flip_horizontal=True, fill="constant", fill_value=0)
    images = np.full((8, 1, *shape), 255, dtype=np.uint8)
    cropped = apply(parameters, images, draw(parameters, slots(8, shape)))
    assert (cropped.max(axis=(1, 2, 3)) == 255).all()


def test_no_padding_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        CropParameters(pad=0)
