"""Folds hold every row once, and corrected intervals hold the truth about as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from augfactory.evaluation.cross_validation import folds, mean_difference


@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=60),
    count=st.integers(2, 5),
    seed=st.integers(0, 2**40),
    repeat=st.integers(0, 9),
)
def test_every_row_is_held_out_once_and_classes_are_dealt_evenly(
    labels: list[int], count: int, seed: int, repeat: int
) -> None:
    of = np.array(labels)
    dealt = folds(of, count, seed, repeat)
    assert len(dealt) == count
    assert sorted(np.concatenate(dealt).tolist()) == list(range(len(of)))
    for label in set(labels):
        sizes = [(of[rows] == label).sum() for rows in dealt]
        assert max(sizes) - min(sizes) <= 1
    sizes = [len(rows) for rows in dealt]
    assert max(sizes) - min(sizes) <= 1


def test_repeats_and_seeds_deal_another_way() -> None:
    labels = np.arange(60) % 3
    first = folds(labels, 3, 0, 0)
    assert all((a == b).all() for a, b in zip(first, folds(labels, 3, 0, 0), strict=True))
    for other in (folds(labels, 3, 0, 1), folds(labels, 3, 1, 0)):
        assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_the_interval_is_that_of_the_corrected_t_test() -> None:
    values = [0.03, -0.01, 0.05, 0.02, 0.00, 0.04]
    found = mean_difference(values, 0.5)
    error = np.std(values, ddof=1) * np.sqrt(1 / 6 + 0.5)
    low, high = stats.t.interval(0.95, 5, loc=np.mean(values), scale=error)
    assert (found.low, found.high) == pytest.approx((low, high))
    wider = mean_difference(values, 0.5, comparisons=10)
    assert wider.low is not None
    assert wider.low < low
    assert mean_difference([0.1], 0.5).low is None


def test_intervals_of_overlapping_folds_hold_the_truth() -> None:
    """Folds of one small set: what they share makes the plain interval far too narrow."""
    random, held = np.random.default_rng(0), {"corrected": 0, "plain": 0}
    for _ in range(400):
        pool = random.normal(0, 1, 60)  # what each image of a set adds to the difference
        values = []
        for repeat in range(4):
            for rows in folds(np.zeros(60, dtype=np.int64), 3, 0, repeat):
                learnt = np.delete(pool, rows).mean()
                values.append(learnt + pool[rows].mean())
        for name, share in (("corrected", 0.5), ("plain", 0.0)):
            found = mean_difference(values, share)
            assert found.low is not None
            assert found.high is not None
            held[name] += found.low <= 0 <= found.high
    assert held["plain"] < 300
    assert held["corrected"] > held["plain"]
