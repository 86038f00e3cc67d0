"""Every sampler by hand, and what all of them have in common."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from augfactory.keyed_random import generator
from augfactory.records import Float32Array
from augfactory.vae.samplers.posterior import SAMPLER as POSTERIOR
from augfactory.vae.samplers.posterior import PosteriorParameters
from augfactory.vae.samplers.registry import SAMPLERS
from augfactory.vae.samplers.same_class import SAMPLER as SAME_CLASS
from augfactory.vae.samplers.same_class import SameClassParameters
from augfactory.vae.samplers.sampler import Sampler

MEAN = np.array([[1.0, -2.0, 0.5], [0.0, 4.0, -1.0]], dtype=np.float32)
LOG_VARIANCE = np.log(np.array([[4.0, 1.0, 0.25], [1.0, 0.01, 9.0]], dtype=np.float32))
PARTNER = np.array([[3.0, -2.0, 1.5], [2.0, 0.0, 1.0]], dtype=np.float32)
NOISE = np.array([[0.5, -1.0, 2.0], [1.0, 1.0, -1.0]], dtype=np.float32)


def test_posterior_by_hand() -> None:
    codes = POSTERIOR.move(
        PosteriorParameters(temperature=0.5), MEAN, LOG_VARIANCE, None, np.empty((2, 0)), NOISE
    )
    assert codes == pytest.approx(np.array([[1.5, -2.5, 1.0], [0.5, 4.05, -2.5]]), abs=1e-6)


def test_same_class_by_hand() -> None:
    draws = np.array([[0.5], [-0.25]])
    codes = SAME_CLASS.move(
        SameClassParameters(temperature=0.5), MEAN, LOG_VARIANCE, PARTNER, draws, NOISE
    )
    # mean + λ·(partner − mean): towards it in the first row, away from it in the second
    moved = np.array([[2.0, -2.0, 1.0], [-0.5, 5.0, -1.5]])
    noise = np.array([[0.5, -0.5, 0.5], [0.5, 0.05, -1.5]])
    assert codes == pytest.approx(moved + noise, abs=1e-6)


def test_same_class_asks_for_a_partner() -> None:
    with pytest.raises(ValueError, match="partner"):
        SAME_CLASS.move(SameClassParameters(), MEAN, LOG_VARIANCE, None, np.zeros((2, 1)), NOISE)


@given(reach=st.floats(0, 2), seed=st.integers(0, 100))
def test_lambda_is_uniform_within_its_reach(reach: float, seed: int) -> None:
    draws = SAME_CLASS.draw(SameClassParameters(reach=reach), 400, generator(seed, "test"))
    assert draws.shape == (400, 1)
    assert np.abs(draws).max() <= reach
    assert abs(draws.mean()) <= 0.15 * reach + 1e-12
    assert draws.std() == pytest.approx(reach / math.sqrt(3), rel=0.15)


def everything(sampler: Sampler[Any], params: Any, rows: slice) -> Float32Array:
    draws = sampler.draw(params, 2, generator("draws"))
    partner = PARTNER[rows] if sampler.needs_partner else None
    return sampler.move(params, MEAN[rows], LOG_VARIANCE[rows], partner, draws[rows], NOISE[rows])


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_is_pure_and_row_by_row(name: str) -> None:
    sampler = SAMPLERS[name]
    assert sampler.name == name
    params = sampler.params()
    before = [of.copy() for of in (MEAN, LOG_VARIANCE, PARTNER, NOISE)]
    codes = everything(sampler, params, slice(0, 2))
    assert codes.dtype == np.float32
    assert codes.shape == MEAN.shape
    assert everything(sampler, params, slice(0, 2)).tobytes() == codes.tobytes()
    for row in range(2):
        alone = everything(sampler, params, slice(row, row + 1))
        assert alone.tobytes() == codes[row : row + 1].tobytes()
    for of, copy in zip((MEAN, LOG_VARIANCE, PARTNER, NOISE), before, strict=True):
        assert np.array_equal(of, copy)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_draws_its_fields_from_the_generator(name: str) -> None:
    sampler = SAMPLERS[name]
    first = sampler.draw(sampler.params(), 64, generator("one"))
    assert first.dtype == np.float64
    assert first.shape == (64, len(sampler.fields))
    assert np.array_equal(first, sampler.draw(sampler.params(), 64, generator("one")))
    if sampler.fields:
        assert not np.array_equal(first, sampler.draw(sampler.params(), 64, generator("two")))
    assert sampler.draw(sampler.params(), 0, generator("one")).shape == (0, len(sampler.fields))


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_every_sampler_checks_its_parameters(name: str) -> None:
    params = SAMPLERS[name].params
    assert params.model_validate(params().model_dump()) == params()
    assert SAMPLERS[name].card.strip()
    with pytest.raises(ValidationError):
        params(surprise=1)
    for field in params.model_fields:
        for value in (math.nan, math.inf, -0.1, 1e9, "far"):
            with pytest.raises(ValidationError):
                params(**{field: value})
    with pytest.raises(ValidationError):
        params().__setattr__(next(iter(params.model_fields)), 0.1)
