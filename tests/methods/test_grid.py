"""The grid takes each of its cells whole from one of two images, and labels by the count."""

import numpy as np
import pytest

from augfactory.methods.grid import GridParameters, draw, grid, weights
from tests.methods.slots import slots


@pytest.mark.parametrize("cells", [1, 3, 4, 16])
def test_agrees_with_a_cell_by_cell_reference(cells: int) -> None:
    height, width = 10, 7  # not a multiple of the cells, and fewer pixels than 16 cells
    parameters = GridParameters(cells=cells)
    draws = draw(parameters, slots(8, (height, width, 3)))
    images = np.zeros((8, 2, height, width, 3), dtype=np.uint8)
    images[:, 0], images[:, 1] = 20, 230
    mixed = grid(parameters, images, draws)
    shares = weights(parameters, draws, (height, width, 3))
    for i in range(8):
        for row in range(height):
            for column in range(width):
                cell = (row * cells // height) * cells + column * cells // width
                expected = 230 if draws[i, cell] else 20
                assert (mixed[i, row, column] == expected).all()
        taken = (mixed[i, :, :, 0] == 230).mean()
        np.testing.assert_allclose(shares[i], [1 - taken, taken], atol=1e-7)


def test_cells_come_from_either_image_as_often() -> None:
    draws = draw(GridParameters(), slots(2000, (9, 6, 3)))
    assert set(np.unique(draws)) == {0, 1}
    assert draws.mean(axis=0) == pytest.approx([0.5] * 16, abs=0.05)


def test_partners_are_of_the_same_class_unless_asked_otherwise() -> None:
    assert GridParameters().pairing == "same"
