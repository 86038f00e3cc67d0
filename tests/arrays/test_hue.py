"""Hues turn as Python's colorsys says, colour by colour."""

import colorsys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augfactory.arrays.hue import turned

PARTS = st.integers(0, 255)


@given(
    colours=st.lists(st.tuples(PARTS, PARTS, PARTS), min_size=6, max_size=6),
    turns=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_agrees_with_colorsys(
    colours: list[tuple[int, int, int]], turns: tuple[float, float]
) -> None:
    images = np.array([colours, colours[::-1]], dtype=np.float32).reshape(2, 2, 3, 3)
    found = turned(images.transpose(3, 0, 1, 2), np.array(turns)).transpose(1, 2, 3, 0)
    for image, turn, result in zip(images, turns, found, strict=True):
        for place in np.ndindex(2, 3):
            hue, saturation, value = colorsys.rgb_to_hsv(*image[place].tolist())
            expected = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
            np.testing.assert_allclose(result[place], expected, rtol=0, atol=1e-3)


def test_a_third_of_the_circle_makes_red_green() -> None:
    image = np.array([[[[200, 10, 10], [10, 200, 10], [60, 60, 60]]]], dtype=np.float32)
    found = turned(image.transpose(3, 0, 1, 2), np.array([1 / 3])).transpose(1, 2, 3, 0)
    expected = [[[[10, 200, 10], [10, 10, 200], [60, 60, 60]]]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
