"""Weights come from the right distribution at any alpha, and are stored without loss."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augfactory.arrays.simplex import STEPS, beta_rows, dirichlet_rows, in_steps
from augfactory.keyed_random import generator
from tests.methods.two_samples import agree, follows

ALPHAS = [1e-4, 1e-3, 0.05, 0.2, 1.0, 100.0]
DRAWS = 100_000


@pytest.mark.parametrize("parents", [2, 3, 5])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_second_moment_is_right(alpha: float, parents: int) -> None:
    weights = dirichlet_rows(alpha, DRAWS, parents, generator("moment", parents, f"{alpha}"))
    assert np.isfinite(weights).all()
    squares = np.square(weights).sum(axis=1)
    error = squares.std() / np.sqrt(DRAWS)
    assert abs(squares.mean() - (alpha + 1) / (parents * alpha + 1)) < 3 * error
    assert weights.mean(axis=0) == pytest.approx([1 / parents] * parents, abs=0.006)


@pytest.mark.parametrize("parents", [2, 3, 5])
@pytest.mark.parametrize("alpha", [1e-6, 1e-4, 1e-3])
def test_equal_shares_are_not_too_frequent_at_small_alpha(alpha: float, parents: int) -> None:
    weights = dirichlet_rows(alpha, DRAWS, parents, generator("spike", parents, f"{alpha}"))
    even = (np.abs(weights - 1 / parents) < 0.1).all(axis=1)
    # Rows with two parents or more above 1 % are themselves about this rare.
    assert even.mean() < 5 * alpha * parents + 1e-5


def test_torch_has_the_spike_that_augfactory_has_not() -> None:
    # Known to be wrong in torch: pytorch#15738, #76030, #84625, #90663. It draws the Gamma variates
    # themselves; where all of them vanish, it returns equal shares.
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = torch.distributions.Dirichlet(torch.full((3,), 1e-3)).sample((10_000,)).numpy()
    assert (np.abs(theirs - 1 / 3) < 1e-3).all(axis=1).mean() > 0.05


@given(
    alpha=st.floats(1e-6, 1e6),
    count=st.integers(0, 40),
    parents=st.integers(1, 16),
    key=st.integers(0, 2**40),
)
def test_every_row_is_on_the_simplex(alpha: float, count: int, parents: int, key: int) -> None:
    weights = dirichlet_rows(alpha, count, parents, generator(key))
    assert weights.shape == (count, parents)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=1e-15 * parents)


def test_huge_alpha_gives_equal_shares_and_alpha_zero_the_first_parent() -> None:
    weights = dirichlet_rows(1e6, 100, 4, generator("even"))
    np.testing.assert_allclose(weights, 0.25, atol=0.002)
    assert dirichlet_rows(0, 2, 3, generator("none")).tolist() == [[1, 0, 0]] * 2


def test_each_row_may_have_its_own_alpha() -> None:
    alphas = np.repeat([0, 1e-6, 1, 1e6], 500)
    first = dirichlet_rows(alphas, 2000, 2, generator("mixed"))[:, 0].reshape(4, 500)
    assert (first[0] == 1).all()
    assert np.isin(first[1], [0, 1]).mean() > 0.99
    assert follows(first[2], lambda share: share)
    np.testing.assert_allclose(first[3], 0.5, atol=0.003)


@pytest.mark.parametrize("alpha", [-1, 1e-7, 1e7, np.nan, np.inf])
def test_other_alphas_are_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha must be 0 or lie between 1e-06 and 1e\\+06"):
        dirichlet_rows(alpha, 2, 2, generator("refused"))


def test_beta_follows_the_arcsine_law_at_one_half() -> None:
    sample = beta_rows(0.5, 20_000, generator("arcsine"))
    assert follows(sample, lambda share: 2 / np.pi * np.arcsin(np.sqrt(share)))


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 30.0])
def test_beta_is_distributed_as_numpys_generator(alpha: float) -> None:
    ours = beta_rows(alpha, 20_000, generator("ours", f"{alpha}"))
    assert agree(ours, generator("theirs", f"{alpha}").beta(alpha, alpha, 20_000))


@given(
    alpha=st.sampled_from([1e-6, 1e-3, 0.2, 1.0, 1e6]),
    parents=st.integers(1, 16),
    key=st.integers(0, 2**40),
)
def test_steps_are_near_exact_and_sum_to_one(alpha: float, parents: int, key: int) -> None:
    weights = dirichlet_rows(alpha, 20, parents, generator(key))
    steps = in_steps(weights)
    assert steps.dtype == np.float32
    assert (steps >= 0).all()
    assert (steps.sum(axis=1) == 1).all()
    assert (steps * np.float32(STEPS) % 1 == 0).all()
    assert np.abs(steps - weights).max() <= 1 / STEPS + 1e-12
    assert (steps[weights == 0] == 0).all()


def test_weights_that_went_through_a_rounder_hand_still_sum_to_one() -> None:
    assert in_steps(np.array([[0.3, 0.6999], [0.0, 0.9999]])).sum(axis=1).tolist() == [1, 1]


def test_a_step_times_a_byte_is_exact_in_float32() -> None:
    share = np.arange(0, STEPS + 1, 7, dtype=np.float64) / STEPS
    byte = np.arange(256, dtype=np.float64)[:, None]
    product = share.astype(np.float32) * byte.astype(np.float32)
    np.testing.assert_array_equal(product.astype(np.float64), share * byte)
