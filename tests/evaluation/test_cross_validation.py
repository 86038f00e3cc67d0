"""Folds hold every row once, and corrected intervals hold the truth about as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.cross_validation import compare_folds, folds


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
    figures = {
        "one": {fold: 0.5 + 0.1 * fold + value for fold, value in enumerate(values)},
        "other": {fold: 0.5 + 0.1 * fold for fold in range(6)},
    }
    gap = compare_folds(figures, [("one", "other")], 0.5)["one", "other"]
    error = np.std(values, ddof=1) * np.sqrt(1 / 6 + 0.5)
    low, high = stats.t.interval(0.95, 5, loc=np.mean(values), scale=error)
    assert (gap.low, gap.high) == pytest.approx((low, high), rel=0.03)
    single = {name: {0: own[0]} for name, own in figures.items()}
    assert compare_folds(single, [("one", "other")], 0.5)["one", "other"].low is None


def test_arms_may_lack_folds_and_more_comparisons_widen_all() -> None:
    random = np.random.default_rng(3)
    arms = [f"arm {number}" for number in range(6)]
    figures = {
        name: {fold: float(random.normal(0.8, 0.02)) for fold in range(6 if place < 3 else 1)}
        for place, name in enumerate(arms)
    }
    pairs = [(name, "arm 0") for name in arms[1:]]
    found = compare_folds(figures, pairs, 0.5)
    few = compare_folds({name: figures[name] for name in arms[:2]}, pairs[:1], 0.5)
    assert {gap.pairs for gap in found.values()} == {6, 1}

    def width(gap: Difference) -> float:
        assert gap.low is not None
        assert gap.high is not None
        return gap.high - gap.low

    assert width(found["arm 5", "arm 0"]) > width(found["arm 1", "arm 0"])
    assert width(few["arm 1", "arm 0"]) > 0


def test_intervals_of_overlapping_folds_hold_the_truth() -> None:
    """Folds of one small set: what they share makes the plain interval far too narrow."""
    random, held = np.random.default_rng(0), {"corrected": 0, "plain": 0}
    for _ in range(200):
        pool = random.normal(0, 1, 60)  # what each image of a set adds to the difference
        values = {}
        for repeat in range(4):
            for fold, rows in enumerate(folds(np.zeros(60, dtype=np.int64), 3, 0, repeat)):
                values[3 * repeat + fold] = np.delete(pool, rows).mean() + pool[rows].mean()
        figures = {"one": values, "other": dict.fromkeys(values, 0.0)}
        for name, share in (("corrected", 0.5), ("plain", 0.0)):
            gap = compare_folds(figures, [("one", "other")], share)["one", "other"]
            assert gap.low is not None
            assert gap.high is not None
            held[name] += gap.low <= 0 <= gap.high
    assert held["plain"] < 150
    assert held["corrected"] > held["plain"] + 20
