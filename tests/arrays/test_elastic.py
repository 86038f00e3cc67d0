"""Elastic displacements are uniform noise that a Gaussian smoothed, and depend on the key alone."""

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from augfactory.arrays.elastic import elastic_displacement
from augfactory.keyed_random import generator


@pytest.mark.parametrize(("alpha", "sigma"), [(10, 2), (34, 4), (10, 0.4)])
def test_they_are_noise_of_minus_one_to_one_that_scipy_smooths_alike(
    alpha: float, sigma: float
) -> None:
    radius = int(np.ceil(3 * sigma))
    noise = generator("field", 3).uniform(-1, 1, (2, 5 + 2 * radius, 9 + 2 * radius))
    gauss = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    for axis in (1, 2):
        noise = correlate1d(noise, gauss / gauss.sum(), axis)
    expected = alpha * noise[:, radius : radius + 5, radius : radius + 9]
    for _ in range(2):  # the second time with the kernel of the first
        found = elastic_displacement(generator("field", 3), 5, 9, alpha, sigma)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_elastic_displacements_are_as_strong_as_stated_even_at_the_border() -> None:
    fields = [elastic_displacement(generator("field", i), 24, 30, 34, 4) for i in range(300)]
    field = np.stack(fields)
    assert field.shape == (300, 2, 24, 30)
    expected = 34 / (4 * np.sqrt(12 * np.pi))
    for part in (
        field[:, 0],
        field[:, 1],
        field[..., 0, :],
        field[..., -1],
        field[..., 9:12, 9:12],
    ):
        assert np.sqrt((part**2).mean()) == pytest.approx(expected, rel=0.06)
    assert abs(field.mean()) < 0.05 * expected
    # What a Gaussian smoothed is correlated by exp(-1/4) at a distance of sigma.
    correlation = (field[..., 4:] * field[..., :-4]).mean() / (field**2).mean()
    assert correlation == pytest.approx(np.exp(-0.25), abs=0.04)
    down_right = (field[:, 0] * field[:, 1]).mean() / (field**2).mean()
    assert abs(down_right) < 0.05


def test_elastic_displacements_scale_with_alpha_and_depend_on_the_key_alone() -> None:
    one = elastic_displacement(generator("field", 1), 5, 7, 10, 2)
    np.testing.assert_array_equal(elastic_displacement(generator("field", 1), 5, 7, 10, 2), one)
    stronger = elastic_displacement(generator("field", 1), 5, 7, 40, 2)
    np.testing.assert_allclose(stronger, 4 * one, rtol=1e-12)
    assert not np.allclose(elastic_displacement(generator("field", 2), 5, 7, 10, 2), one)
