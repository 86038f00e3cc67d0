"""Noise has the distribution that its name says."""

import numpy as np
import pytest

from augfactory.evaluation.corruptions.noise import gaussian_noise, impulse_noise, shot_noise
from tests.evaluation.corruptions.images import batch, flat

MANY = flat(120, count=40)


@pytest.mark.parametrize("deviation", [0.04, 0.1])
def test_gaussian_noise_has_its_mean_and_deviation(deviation: float) -> None:
    added = gaussian_noise(batch(MANY), deviation) / 255 - 120 / 255
    assert abs(added.mean()) < 0.02 * deviation
    assert added.std() == pytest.approx(deviation, rel=0.01)
    assert (np.abs(added) < deviation).mean() == pytest.approx(0.683, abs=0.03)
    for channel in (1, 2):
        assert abs(np.corrcoef(added[..., 0].ravel(), added[..., channel].ravel())[0, 1]) < 0.02


def test_gaussian_noise_is_rounded_and_clipped() -> None:
    weak = gaussian_noise(batch(MANY), 0.1 / 255)
    assert (weak == 120).all()
    assert set(np.unique(gaussian_noise(batch(flat(0)), 3.0))) >= {0, 255}


@pytest.mark.parametrize("photons", [500, 50])
def test_shot_noise_has_the_variance_of_counted_photons(photons: int) -> None:
    found = shot_noise(batch(MANY), photons) / 255
    assert found.mean() == pytest.approx(120 / 255, rel=0.005)
    assert found.var() == pytest.approx(120 / 255 / photons, rel=0.03)
    assert (shot_noise(batch(flat(0)), photons) == 0).all()


def test_few_photons_leave_few_levels() -> None:
    assert np.unique(shot_noise(batch(MANY), 3)).tolist() == [0, 85, 170, 255]


@pytest.mark.parametrize("amount", [0.03, 0.27])
def test_impulse_noise_turns_its_share_black_and_white(amount: float) -> None:
    found = impulse_noise(batch(MANY), amount)
    assert (found == 0).mean() == pytest.approx(amount / 2, rel=0.05)
    assert (found == 255).mean() == pytest.approx(amount / 2, rel=0.05)
    assert ((found == 120) | (found == 0) | (found == 255)).all()
    white = found == 255
    assert (white[..., 0] & white[..., 1]).mean() < amount / 4  # each channel on its own
