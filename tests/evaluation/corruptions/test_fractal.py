"""Clouds against the plain diamond-square algorithm."""

import numpy as np
import numpy.typing as npt
import pytest

from augfactory.evaluation.corruptions.fractal import clouds
from augfactory.keyed_random import generator


def slow_clouds(noise: np.random.Generator, side: int, decay: float) -> npt.NDArray[np.float64]:
    draws = iter(noise.random(side * side, dtype=np.float32).tolist())
    heights = np.zeros((side, side))

    def raised(around: list[tuple[int, int]], wobble: float) -> float:
        total = sum(float(heights[y % side, x % side]) for y, x in around)
        return total / 4 + amplitude * (wobble - 0.5)

    step, amplitude = side, 1.0
    while step > 1:
        half = step // 2
        grid = [(y, x) for y in range(0, side, step) for x in range(0, side, step)]
        for y, x in grid:
            corners = [(y, x), (y + step, x), (y, x + step), (y + step, x + step)]
            heights[y + half, x + half] = raised(corners, next(draws))
        for down, right in ((0, half), (half, 0)):
            for y, x in grid:
                v, u = y + down, x + right
                around = [(v - half, u), (v + half, u), (v, u - half), (v, u + half)]
                heights[v, u] = raised(around, next(draws))
        step, amplitude = half, amplitude / decay**2
    heights -= heights.min()
    heights /= heights.max()
    return heights


@pytest.mark.parametrize(("side", "decay"), [(2, 2.0), (16, 1.4), (32, 3.0)])
def test_clouds_are_the_diamond_square_algorithm(side: int, decay: float) -> None:
    found = clouds([generator("clouds", row) for row in range(3)], side, decay)
    assert found.shape == (3, side, side)
    for row in range(3):
        expected = slow_clouds(generator("clouds", row), side, decay)
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_clouds_fill_the_range_and_get_smoother_with_decay() -> None:
    roughness = []
    for decay in (1.4, 1.75, 2.5, 3.0):
        found = clouds([generator("range", row) for row in range(200)], 32, decay)
        assert (found.min(axis=(1, 2)) == 0).all()
        assert (found.max(axis=(1, 2)) == 1).all()
        assert 0.47 < found.mean() < 0.53
        steps = np.abs(np.diff(found, axis=2)).mean()
        across_the_border = np.abs(found[:, :, 0] - found[:, :, -1]).mean()
        assert across_the_border < 1.3 * steps
        roughness.append(steps)
    assert roughness == sorted(roughness, reverse=True)
