"""Means, paired differences and their intervals."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from augfactory.evaluation.comparison import (
    difference,
    sentence,
    spread,
    summarise,
)
from augfactory.evaluation.measures import Reliability, Scores
from augfactory.evaluation.protocol import Arm, Cell, CellResult, ClassifierSpec, LabelledRows
from augfactory.evaluation.training import Diet, TrainingSettings
from augfactory.records import SourceSpec

ARM = Arm("originals", 1, SourceSpec("train/80"), 80, "abc")
CELL = Cell(
    ARM, LabelledRows(SourceSpec("test/50"), "def"), ClassifierSpec("vgg"), TrainingSettings(), 0
)
EMPTY = (0,) * 15


def result(accuracy: float, nll: float = 1.0, seconds: float = 2.0) -> CellResult:
    right = round(100 * accuracy)
    return CellResult(
        scores=Scores(accuracy, accuracy, nll, 0.5, 0.1, 0.2),
        scaled=None,
        temperature=None,
        confusion=((right, 100 - right), (0, 0)),
        reliability=Reliability((*EMPTY[:14], 100), (*EMPTY[:14], 0.9), (*EMPTY[:14], accuracy)),
        corruption_errors=None,
        seconds=seconds,
        waiting=0.01,
    )


def cells(name: str, accuracies: dict[tuple[int, int], float]) -> list[tuple[Cell, CellResult]]:
    arm = replace(ARM, name=name)
    return [
        (replace(CELL, arm=arm, subset=subset, seed=seed), result(accuracy))
        for (subset, seed), accuracy in accuracies.items()
    ]


def test_arms_are_summarised_over_their_cells_in_order() -> None:
    other = replace(ARM, name="two", factor=None, size=5, diet=Diet(loss="jsd"))
    one, two = summarise(
        [
            (replace(CELL, seed=1), result(0.75, 0.5, 2.0)),
            (replace(CELL, arm=other), result(0.25, 2.0, 4.0)),
            (replace(CELL, seed=0), result(0.25, 1.5, 4.0)),
        ],
        ["originals"],
    )
    assert (one.name, one.factor, one.rows, one.seeds) == ("originals", 1, 80, (0, 1))
    assert one.accuracy.values == (0.25, 0.75)
    assert one.accuracy.std == pytest.approx(0.125**0.5)
    assert (one.nll.mean, one.seconds.mean, one.images_per_step) == (1.0, 3.0, 1)
    assert one.confusion == ((100, 100), (0, 0))
    assert one.class_accuracy[0] == 0.5
    assert math.isnan(one.class_accuracy[1])
    assert (one.reliability.count[-1], one.reliability.accuracy[-1]) == (200, 0.5)
    assert one.versus == {}
    assert (two.accuracy.std, two.images_per_step) == (None, 3)
    assert two.versus["originals"]["nll"].mean == 0.5  # against the cell of the same seed


def test_a_spread_has_the_sample_standard_deviation() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0]).std == pytest.approx((5 / 3) ** 0.5)
    assert spread([2.0]).std is None


def test_the_interval_over_seeds_is_that_of_a_paired_t_test() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(0.02, 0.01, 6) + 0.8, random.normal(0.8, 0.02, 6)
    found = difference(
        {(0, seed): value for seed, value in enumerate(first)},
        {(0, seed): value for seed, value in enumerate(second)},
    )
    interval = stats.ttest_rel(first, second).confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.mean == pytest.approx((first - second).mean())
    assert found.pairs == 6


def test_with_several_subsets_their_means_are_what_varies() -> None:
    gaps = {(0, 0): 0.01, (0, 1): 0.03, (1, 0): 0.05, (1, 1): 0.07, (2, 0): 0.1}
    found = difference({key: 0.5 + gap for key, gap in gaps.items()}, dict.fromkeys(gaps, 0.5))
    means = np.array([0.02, 0.06, 0.1])
    interval = stats.ttest_1samp(means, 0).confidence_interval()
    assert found.pairs == 3
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_only_pairs_are_compared() -> None:
    found = difference({(0, 0): 1.0, (0, 1): 9.0}, {(0, 0): 0.5, (0, 2): 3.0})
    assert (found.mean, found.low, found.pairs) == (0.5, None, 1)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(2000):
        values = {(0, seed): value for seed, value in enumerate(random.normal(0.3, 1, 4))}
        found = difference(values, dict.fromkeys(values, 0.0))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.3 <= found.high
    assert 0.935 < held / 2000 < 0.965


def test_the_sentence_says_what_can_be_told_apart() -> None:
    summaries = summarise(
        [
            *cells("originals", {(0, 0): 0.80, (0, 1): 0.81, (0, 2): 0.82}),
            *cells("originals+geometry", {(0, 0): 0.82, (0, 1): 0.81, (0, 2): 0.83}),
            *cells("new", {(0, 0): 0.82, (0, 1): 0.83, (0, 2): 0.84}),
            *cells("worse", {(0, 0): 0.70, (0, 1): 0.71, (0, 2): 0.72}),
            *cells("once", {(0, 1): 0.83}),
        ],
        ["originals", "originals+geometry"],
    )
    said = {arm.name: sentence(arm) for arm in summaries}
    assert said["originals"].startswith("originals: not distinguishable from originals+geometry")
    assert said["new"] == (
        "new: +2.0 points [+2.0, +2.0] over originals; "
        "not distinguishable from originals+geometry (+1.0 points [-1.5, +3.5])."
    )
    assert "-10.0 points [-10.0, -10.0] below originals" in said["worse"]
    assert "+2.0 points against originals (one pair, so no interval)" in said["once"]
