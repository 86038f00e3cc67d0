"""Stroke takes the greatest or least value nearby, and blends between whole pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.keyed_random import generator
from augfactory.methods.stroke import StrokeParameters, apply, draw
from augfactory.records import UInt8Array
from tests.methods.slots import slots

SHAPE = (6, 9, 3)


def noise(ground: int) -> UInt8Array:
    """Return two images of noise with a border of one grey level."""
    images = generator("noise").integers(0, 256, (2, 1, *SHAPE), dtype=np.uint8)
    images[:, :, [0, -1]] = ground
    images[:, :, :, [0, -1]] = ground
    return images


def nearby(image: UInt8Array, row: int, column: int, channel: int, radius: int) -> list[int]:
    """Return the values inside the image that are at most ``radius`` pixels away."""
    return [
        int(image[y, x, channel])
        for y, x in np.ndindex(image.shape[:2])
        if (y - row) ** 2 + (x - column) ** 2 <= radius**2
    ]


@pytest.mark.parametrize("amount", [-2.6, -2.0, -1.0, -0.3, 0.0, 0.45, 1.0, 1.75, 3.0])
@pytest.mark.parametrize("ground", [0, 127, 128, 255])
def test_agrees_with_a_pixel_by_pixel_reference(amount: float, ground: int) -> None:
    images = noise(ground)
    changed = apply(StrokeParameters(), images, np.full((2, 1), amount))
    pick = max if (amount > 0) == (ground < 128) else min
    whole = int(abs(amount))
    part = abs(amount) - whole
    for number, row, column, channel in np.ndindex(2, *SHAPE):
        near, far = (
            pick(nearby(images[number, 0], row, column, channel, radius))
            for radius in (whole, whole + 1)
        )
        expected = round((1 - part) * near + part * far)
        assert changed[number, row, column, channel] == expected


@pytest.mark.parametrize("negative", [False, True])
def test_a_line_is_as_much_wider_as_was_drawn(*, negative: bool) -> None:
    """Its ink is: 3 pixels wide, it becomes 3 + 2 × 0.5 wide, and 3 - 2 × 0.75."""
    line = np.zeros((1, 1, 9, 16, 3), dtype=np.uint8)
    line[..., 6:9, :] = 200
    for amount, width in ((0.5, 4.0), (1.0, 5.0), (2.25, 7.5), (-0.75, 1.5), (-1.0, 1.0)):
        drawing = 255 - line if negative else line
        changed = apply(StrokeParameters(), drawing, np.array([[amount]])).astype(int)
        ink = 255 - changed if negative else changed
        assert ink.sum() / (3 * 9 * 200) == pytest.approx(width)


def test_the_ground_is_that_of_all_channels_together() -> None:
    image = np.zeros((1, 1, 6, 9, 3), dtype=np.uint8)
    image[..., 2] = 255  # blue ground, which is dark
    image[0, 0, 2, 4] = 255
    thick = apply(StrokeParameters(), image, np.array([[1.0]]))
    assert (thick[..., 0] == 255).sum() == 5
    image[..., 1] = 255  # cyan, which is bright, so that the white dot is part of it
    thick = apply(StrokeParameters(), image, np.array([[1.0]]))
    assert (thick[..., 0] == 255).sum() == 0


@given(
    amounts=st.tuples(st.floats(-3, 3), st.floats(-3, 3)).map(sorted),
    shape=st.tuples(st.integers(1, 7), st.integers(1, 7), st.sampled_from([1, 3])),
    key=st.integers(0, 1000),
)
def test_more_is_never_less(amounts: list[float], shape: tuple[int, int, int], key: int) -> None:
    image = generator("any", key).integers(0, 256, (1, 1, *shape), dtype=np.uint8)
    less, more = (apply(StrokeParameters(), image, np.array([[amount]])) for amount in amounts)
    # On a dark ground more stroke is brighter everywhere, on a bright one darker.
    assert (less <= more).all() or (less >= more).all()
    for changed in (less, more):
        assert image.min() <= changed.min()
        assert changed.max() <= image.max()


def test_amounts_fill_the_range_asked_for() -> None:
    amount = draw(StrokeParameters(thicker=1.5, thinner=0.5), slots(4000, SHAPE))
    assert amount.shape == (4000, 1)
    assert amount.min() == pytest.approx(-0.5, abs=0.01)
    assert amount.max() == pytest.approx(1.5, abs=0.01)
    assert amount.mean() == pytest.approx(0.5, abs=0.03)
