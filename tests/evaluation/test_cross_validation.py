"""Folds hold every row once, and corrected intervals hold the truth about as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.cross_validation import Fold, compare_folds, folds
from tests.evaluation.tunings import (
    MOST_LOSE,
    SHARE,
    Kind,
    all_recipes,
    held_of_learnt,
    images_alone,
    last_alone,
    tried,
    tuning,
    widened_folds,
)


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


def half(gap: Difference) -> float:
    """Return half of an interval, which must be there."""
    assert gap.low is not None
    assert gap.high is not None
    assert gap.mean - gap.low == pytest.approx(gap.high - gap.mean)
    return gap.high - gap.mean


def test_the_interval_is_that_of_images_averaged_and_of_trainings() -> None:
    """Of three arms, on two repeats of three folds of 30 images, reckoned up in plain loops."""
    own = tuning(np.random.default_rng(4), Kind(seed=0.5), 30, 6, (0.05, -0.1))
    answers = own.answers(dict.fromkeys(range(3), 6))
    of_image = np.zeros(30)
    for fold, rows in enumerate(own.rows):
        for place, image in enumerate(rows):
            of_image[image] += (own.right[1, fold, place] - own.right[0, fold, place]) / 2
    images = of_image.var(ddof=1) / 30

    found, by_chance = [], []
    for folds_of_repeat in ((0, 1, 2), (3, 4, 5)):
        table = own.right[:, folds_of_repeat].mean(axis=2)
        for arm in range(3):
            for fold in range(3):
                rest = table[arm, fold] - table[arm].mean() - table[:, fold].mean() + table.mean()
                found.append(rest**2)
        for fold in folds_of_repeat:
            each = own.right[:, fold] - own.right[:, fold].mean(axis=0)
            by_chance.append(sum(row.var(ddof=1) for row in each) / 2 / 10)
    trainings = 2 * max(0.0, sum(found) / 8 - np.mean(by_chance)) * (1 / 6 + 0.5)
    assert trainings > 0

    freedom = (images + trainings) ** 2 / (images**2 / 29 + trainings**2 / 8)
    wanted = stats.t.ppf(0.975, freedom) * (images + trainings) ** 0.5
    gap = compare_folds(answers, own.tested, [("1", "0")], SHARE).differences["1", "0"]
    assert gap.mean == pytest.approx((own.right[1] - own.right[0]).mean())
    assert half(gap) == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize(("repeats", "told"), [((0,), False), ((0, 1), False), ((0, 0), True)])
def test_trainings_are_told_from_two_folds_without_a_common_image(
    repeats: tuple[int, ...], *, told: bool
) -> None:
    own = tuning(np.random.default_rng(1), Kind(), 60, 6, (0.05,))
    numbers = [3 * repeat + repeats[:place].count(repeat) for place, repeat in enumerate(repeats)]
    answers = {
        arm: {fold: of[fold] for fold in numbers} for arm, of in own.answers({0: 6, 1: 6}).items()
    }
    tested = {fold: own.tested[fold] for fold in numbers}
    found = compare_folds(answers, tested, [("1", "0")], SHARE)
    gap = found.differences["1", "0"]
    assert gap.pairs == len(repeats)
    assert (gap.low is not None) == told
    assert found.limit["1", "0"] is None


def test_arms_may_lack_folds_and_more_comparisons_widen_all() -> None:
    own = tuning(np.random.default_rng(3), Kind(), 60, 6, (0.0,) * 5)
    answers = own.answers({0: 6, 1: 6, 2: 6, 3: 1, 4: 1, 5: 1})
    pairs = [(str(arm), "0") for arm in range(1, 6)]
    found = compare_folds(answers, own.tested, pairs, SHARE).differences
    few = compare_folds(answers, own.tested, pairs[:1], SHARE).differences
    assert {gap.pairs for gap in found.values()} == {6, 1}
    assert half(found["5", "0"]) > half(found["1", "0"])
    assert half(found["1", "0"]) > 1.1 * half(few["1", "0"])


def test_images_of_a_group_count_as_one() -> None:
    """Four copies of each image tell no more than one; taken for images, they would."""
    own = tuning(np.random.default_rng(6), Kind(), 60, 6, (0.05, 0.0))
    one = own.answers(dict.fromkeys(range(3), 6))
    four = {arm: {fold: np.repeat(of, 4) for fold, of in by.items()} for arm, by in one.items()}
    grouped = {fold: Fold(of.repeat, np.repeat(of.units, 4)) for fold, of in own.tested.items()}
    apart = {
        fold: Fold(of.repeat, 4 * np.repeat(of.units, 4) + np.arange(4 * len(of.units)) % 4)
        for fold, of in own.tested.items()
    }
    pair = ("1", "0")
    wanted = compare_folds(one, own.tested, [pair], SHARE)
    found = compare_folds(four, grouped, [pair], SHARE)
    assert half(found.differences[pair]) == pytest.approx(half(wanted.differences[pair]))
    assert found.limit[pair] == pytest.approx(wanted.limit[pair])
    wrong = compare_folds(four, apart, [pair], SHARE)
    assert half(wrong.differences[pair]) != pytest.approx(half(wanted.differences[pair]), rel=0.1)


def test_few_repeats_tell_what_endlessly_many_would_leave() -> None:
    random, limits, widths = np.random.default_rng(8), [], []
    kind = Kind(training=0.0, seed=0.0)
    for _ in range(40):
        few, many = (tuning(random, kind, 150, folds, (0.0,) * 3) for folds in (12, 90))
        pairs = [(str(arm), "0") for arm in range(1, 4)]
        on_few, on_many = (
            compare_folds(
                own.answers({arm: len(own.rows) for arm in range(4)}), own.tested, pairs, SHARE
            )
            for own in (few, many)
        )
        for pair in pairs:
            limit = on_few.limit[pair]
            assert limit is not None
            assert limit <= half(on_few.differences[pair])
            limits.append(limit)
            widths.append((half(on_many.differences[pair]), half(on_few.differences[pair])))
    on_many_folds, on_few_folds = np.mean(widths, axis=0)
    assert np.mean(limits) == pytest.approx(on_many_folds, rel=0.25)
    assert on_few_folds > 1.4 * on_many_folds


NOTHING = (0.0,) * 19  # what the other recipes of a tuning gain, of which the best is taken


@pytest.mark.parametrize(("images", "folds_", "times"), [(60, 12, 120), (150, 48, 80)])
def test_95_of_100_tunings_hold_the_truth_though_the_best_of_many_is_taken(
    images: int, folds_: int, times: int
) -> None:
    found = tried(all_recipes, Kind(), images, folds_, NOTHING, times)
    assert found.held >= 0.93
    assert found.wrong <= 0.05


def test_training_images_that_suit_a_recipe_by_chance_are_allowed_for() -> None:
    """What they share for good is in no spread between images; and the best is one of many."""
    lucky = Kind(training=0.8)
    held = [
        tried(way, lucky, 150, 48, NOTHING, 80).held
        for way in (all_recipes, images_alone, last_alone)
    ]
    assert held[0] >= 0.88
    assert held[0] > held[1] + 0.04
    assert held[0] > held[2] + 0.08


def test_a_recipe_that_is_better_is_found() -> None:
    """Before, the variance between folds was widened whole, which no number of folds mended."""
    gains = (0.05, *MOST_LOSE[:18])
    now, before = (tried(way, Kind(), 501, 12, gains, 30) for way in (all_recipes, widened_folds))
    assert now.found >= 0.5
    assert before.found <= 0.1
    assert now.half < 0.6 * before.half


def test_intervals_of_classifiers_that_were_trained_hold_their_truth() -> None:
    """Where nothing is assumed of how images, trainings and recipes hang together."""
    (held, _), (alone, _) = (held_of_learnt(way, 60, 12, 80) for way in (all_recipes, images_alone))
    assert held >= 0.93
    assert alone < held
