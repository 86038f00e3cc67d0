"""Discs are round, and parts grow within the image."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from augfactory.arrays.morphology import dilated, disc, eroded
from augfactory.records import UInt8Array


def test_discs_are_round() -> None:
    assert disc(0).tolist() == [[1]]
    assert disc(1).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert disc(2)[0].tolist() == [0, 0, 1, 0, 0]
    assert disc(2)[1].tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("radius", [0, 1, 2, 9])
@pytest.mark.parametrize(("function", "pick"), [(dilated, max), (eroded, min)])
@pytest.mark.parametrize("shape", [(5, 8, 3), (7, 4, 1), (1, 1, 3), (1, 6, 1)], ids=str)
def test_agrees_with_a_pixel_by_pixel_reference(
    function: Callable[[UInt8Array, int], UInt8Array],
    pick: Callable[[Sequence[int]], int],
    shape: tuple[int, int, int],
    radius: int,
) -> None:
    image = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    before = image.copy()
    found = function(image, radius)
    assert found.shape == shape
    np.testing.assert_array_equal(image, before)
    for row, column, channel in np.ndindex(shape):
        nearby = [
            int(image[y, x, channel])
            for y, x in np.ndindex(shape[:2])
            if (y - row) ** 2 + (x - column) ** 2 <= radius**2
        ]
        assert found[row, column, channel] == pick(nearby)
