"""Means over cells, and which arms are compared."""

from dataclasses import replace

import pytest

from augfactory.evaluation.comparison.compare import summarise, summary
from augfactory.evaluation.training.batch_policy import BatchPolicy
from tests.evaluation.results import ARM, CELL, accuracies, cells, result


def test_arms_are_summarised_over_their_cells_in_order() -> None:
    other = replace(ARM, name="two", factor=None, size=5, batch_policy=BatchPolicy(loss="jsd"))
    one, two = summarise(
        [
            (replace(CELL, seed=1), result(0.75, 0.5, 2.0)),
            (replace(CELL, arm=other), result(0.25, 2.0, 4.0, collapsed="why")),
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
    assert one.class_accuracy[1] is None
    assert (one.reliability.count[-1], one.reliability.accuracy[-1]) == (200, 0.5)
    assert (one.versus, one.collapsed) == ({}, ())
    assert one.curve.accuracy == (0.5,) * 4
    assert (two.accuracy.std, two.images_per_step, two.collapsed) == (None, 3, ("why",))
    assert two.versus["originals"]["nll"].mean == 0.5  # against the cell of the same seed


def test_a_spread_has_the_sample_standard_deviation() -> None:
    assert summary([1.0, 2.0, 3.0, 4.0]).std == pytest.approx((5 / 3) ** 0.5)
    assert summary([2.0]).std is None


def test_with_several_subsets_their_means_are_what_varies() -> None:
    gaps = {(0, 0): 0.01, (0, 1): 0.03, (1, 0): 0.05, (1, 1): 0.07, (2, 0): 0.1}
    arms = summarise(
        [
            *cells("a", {key: result(0.5 + gap) for key, gap in gaps.items()}),
            *cells("b", {key: result(0.5) for key in gaps}),
        ],
        ["b"],
    )
    found = arms[0].versus["b"]["brier"]
    assert found.pairs == 3
    assert arms[0].versus["b"]["accuracy"].mean == pytest.approx((0.02 + 0.06 + 0.1) / 3)


def test_only_pairs_are_compared() -> None:
    arms = summarise(
        [
            *cells("a", {(0, 0): result(0.9), (0, 1): result(0.1)}),
            *cells("b", {(0, 0): result(0.5), (0, 2): result(0.3)}),
            *cells("c", {(0, 7): result(0.5)}),
        ],
        ["b", "nobody"],
    )
    found = arms[0].versus["b"]["accuracy"]
    assert found.pairs == 1
    assert found.mean == pytest.approx(0.4)
    assert arms[2].versus == {}


def test_only_accuracy_and_nll_have_the_chance_of_the_test_images_in_them() -> None:
    right = [place % 3 > 0 for place in range(100)]
    one = cells("a", {(0, seed): result(0.67, right=right) for seed in range(3)})
    (first, _) = summarise([*one, *accuracies("b", 0.67, 0.67, 0.67)], ["b"])
    accuracy, brier = (first.versus["b"][measure] for measure in ("accuracy", "brier"))
    assert accuracy.low is not None
    assert accuracy.low < -0.05  # equal means, but on other images
    assert (brier.low, brier.high) == (0.0, 0.0)
