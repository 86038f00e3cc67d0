"""The verdict: what to use, what to leave out, what is not decided, and how sharp it is."""

from dataclasses import replace

import numpy as np
import pytest

from augfactory.evaluation.comparison.compare import (
    by_arm,
    compared,
    same_trainings,
    summarise,
)
from augfactory.evaluation.comparison.protocol import Run, RunResult
from augfactory.evaluation.comparison.results import ArmSummary, Verdict
from augfactory.evaluation.comparison.verdict import verdict_of
from augfactory.evaluation.comparison.verdict_words import lead_and_rest, sentence
from augfactory.report.tables import best_first, table
from tests.evaluation.results import STILL, accuracies, cells, result

BASELINES = ("originals", "originals+geometry", "originals+geometry+mixup")
Cells = list[tuple[Run, RunResult]]


def judged(*arms: Cells) -> tuple[Verdict, str]:
    results = [pair for own in arms for pair in own]
    summaries = summarise(results, BASELINES)
    verdict = verdict_of(results, summaries, BASELINES)
    return verdict, verdict.text


ORIGINALS = accuracies("originals", 0.60, 0.61, 0.62)
GEOMETRY = accuracies("originals+geometry", 0.70, 0.71, 0.73)


def test_a_set_that_is_surely_better_is_to_be_used() -> None:
    verdict, text = judged(ORIGINALS, GEOMETRY, accuracies("leaves-x50", 0.90, 0.91, 0.92))
    assert (verdict.use, verdict.baseline) == ("leaves-x50", "originals+geometry")
    assert verdict.better == ("leaves-x50",)
    assert verdict.worse == ("originals",)
    assert verdict.gain is not None
    assert text.startswith("Use leaves-x50 (+19.7 points [")
    assert "Leave out originals (-10.3)." in text


def test_without_one_the_best_baseline_is_to_be_used() -> None:
    verdict, text = judged(ORIGINALS, GEOMETRY, accuracies("leaves-x50", 0.70, 0.72, 0.73))
    assert verdict.use == verdict.baseline == "originals+geometry"
    assert verdict.gain is None
    assert verdict.undecided == ("leaves-x50",)
    assert text.startswith("Use originals+geometry: nothing here is surely better.")
    assert "Not decided: leaves-x50 (+0.3)." in text


def test_arms_are_sorted_by_what_they_gain_and_lose() -> None:
    verdict, _ = judged(
        ORIGINALS,
        GEOMETRY,
        accuracies("good", 0.80, 0.81, 0.83),
        accuracies("best", 0.90, 0.91, 0.93),
        accuracies("worst", 0.30, 0.31, 0.33),
    )
    assert verdict.better == ("best", "good")
    assert verdict.worse == ("worst", "originals")


def by_class(name: str, *right: tuple[int, int]) -> Cells:
    """Return the cells of an arm, right on so many of 90 and of 10 test images of two classes."""
    labels = np.repeat([0, 1], [90, 10])
    found = {}
    for seed, (common, rare) in enumerate(right):
        hit = np.concatenate([np.arange(90) < common, np.arange(10) < rare])
        own = result((common + rare) / 100, right=hit.tolist())
        found[0, seed] = replace(
            own,
            scores=replace(own.scores, balanced_accuracy=(common / 90 + rare / 10) / 2),
            labels=tuple(labels.tolist()),
            predicted=tuple(np.where(hit, labels, 1 - labels).tolist()),
        )
    return cells(name, found)


def test_of_uneven_test_images_all_classes_count_alike() -> None:
    """Plain accuracy would leave out what tells the rare class from the common one."""
    plain = by_class("originals", (85, 2), (86, 2), (85, 1))
    even = by_class("leaves-balanced", (80, 9), (81, 9), (80, 8))
    verdict, text = judged(plain, even)
    assert (verdict.use, verdict.measure) == ("leaves-balanced", "balanced_accuracy")
    assert text.startswith("Use leaves-balanced (+32.2 points of balanced accuracy [")
    assert verdict.by_accuracy == "originals"
    assert "By plain accuracy, which the classes of many images decide, it would be" in text
    arms = summarise([*plain, *even], BASELINES)
    assert [arm.measure for arm in arms] == ["balanced_accuracy"] * 2
    assert best_first(arms)[0].name == "leaves-balanced"
    line = next(line for line in table(with_differences(arms)).splitlines() if "leaves" in line)
    assert "88.0 ± 3.1" in line
    assert "+32.2 [" in line
    better = by_class("leaves-x50", (88, 9), (89, 9), (88, 10))
    verdict, text = judged(plain, better)
    assert (verdict.use, verdict.by_accuracy) == ("leaves-x50", None)
    assert "plain accuracy" not in text


def with_differences(arms: tuple[ArmSummary, ...]) -> list[ArmSummary]:
    return [arm.model_copy(update={"difference": arm.versus.get("originals")}) for arm in arms]


def test_where_all_trainings_failed_nothing_is_recommended() -> None:
    failed = {(0, seed): result(0.1, collapsed="it reads 9.8 %") for seed in range(3)}
    verdict, text = judged(cells("originals", failed), cells("leaves-x50", failed))
    assert text.startswith("Nothing was learnt here: every training failed")
    assert "it reads 9.8 %" in text
    assert "Use" not in text
    assert verdict.collapsed == {"originals": 3, "leaves-x50": 3}


def test_answers_that_may_be_guesses_are_told() -> None:
    """Ten test images of each of two classes: 13 right of 20 are no more than luck."""
    _, text = judged(half("originals", 12, 13, 13), half("leaves-x50", 13, 14, 12))
    assert "no better than by guessing" in text
    _, text = judged(half("originals", 17, 18, 18), half("leaves-x50", 17, 18, 17))
    assert "guessing" not in text


def half(name: str, *right: int) -> Cells:
    """Return the cells of an arm, right on so many of 20 test images of two classes."""
    found = {}
    for seed, count in enumerate(right):
        hit, labels = np.arange(20) < count, np.tile([0, 1], 10)
        own = result(count / 20, right=hit.tolist())
        matrix = np.zeros((2, 2), dtype=int)
        np.add.at(matrix, (labels, np.where(hit, labels, 1 - labels)), 1)
        found[0, seed] = replace(
            own, labels=tuple(labels.tolist()), confusion=tuple(map(tuple, matrix.tolist()))
        )
    return cells(name, found)


def test_sureness_and_what_nll_would_use_are_told_in_words() -> None:
    sure = cells("originals", {(0, seed): result(0.7, nll=2.0) for seed in range(3)})
    mixed = cells("leaves-x50", {(0, seed): result(0.7, nll=1.0 + seed / 99) for seed in range(3)})
    verdict, text = judged(sure, mixed)
    assert (verdict.use, verdict.by_nll) == ("originals", "leaves-x50")
    assert "By NLL, in which sure mistakes count most, it would be leaves-x50." in text
    assert "Its answers are 20 points surer than right." in text


def test_no_arm_is_left_out_while_it_is_too_early() -> None:
    rising = (0.3, 0.4, 0.5, 0.6)
    early = cells("originals", {(0, s): result(0.60 + s / 99, curve=rising) for s in range(3)})
    behind = cells("leaves-x50", {(0, s): result(0.20 + s / 99, curve=rising) for s in range(3)})
    _, text = judged(early, behind)
    assert text.startswith("It is too early to tell.")
    assert "Behind so far leaves-x50 (-40.0)." in text
    assert "Leave out" not in text


def test_the_same_trainings_under_two_names_count_once() -> None:
    twin = [(replace(run, arm=replace(run.arm, name="twin")), own) for run, own in ORIGINALS]
    plain, _ = judged(ORIGINALS, GEOMETRY)
    both, _ = judged(ORIGINALS, GEOMETRY, twin)
    arms = by_arm([*ORIGINALS, *GEOMETRY, *twin])
    assert same_trainings(arms) == [["originals", "twin"], ["originals+geometry"]]
    alone = compared(by_arm([*ORIGINALS, *GEOMETRY]), BASELINES, "accuracy")
    together = compared(arms, BASELINES, "accuracy")
    assert (together.residual, together.freedom) == (alone.residual, alone.freedom)
    assert plain.use == both.use


def test_the_interval_of_balanced_accuracy_has_the_chance_of_few_rare_test_images_in_it() -> None:
    one = by_class("originals", (85, 2), (85, 2), (85, 2))
    other = by_class("new", (85, 5), (85, 5), (85, 5))
    arms = summarise([*one, *other], ["originals"])
    gap = arms[1].versus["originals"]["balanced_accuracy"]
    assert gap.mean == pytest.approx(0.15)
    # Three of ten images more are right: a standard error of 0.5 * sqrt(0.3 * 0.7 / 10), about.
    assert gap.low is not None
    assert gap.high is not None
    assert (gap.high - gap.low) / 2 == pytest.approx(1.96 * 0.0725, rel=0.25)


def test_one_training_decides_nothing() -> None:
    verdict, text = judged(accuracies("originals", 0.6), accuracies("new", 0.9))
    assert (verdict.use, verdict.smallest_difference) == ("originals", None)
    assert "One training of each arm decides nothing" in text


def test_the_smallest_difference_and_what_a_point_would_take_are_told() -> None:
    random = np.random.default_rng(0)

    def noisy(name: str, seeds: int) -> Cells:
        return cells(
            name,
            {
                (0, seed): result(float(np.mean(right)), right=right.tolist())
                for seed in range(seeds)
                for right in [random.random(100) < 0.7]
            },
        )

    verdict, text = judged(noisy("originals", 4), noisy("originals+geometry", 4), noisy("new", 4))
    assert verdict.smallest_difference is not None
    assert verdict.smallest_difference > 0.03
    smallest = f"{100 * verdict.smallest_difference:.1f} percentage points"
    said = f"Differences below {smallest} may go unseen here"
    assert said in text
    assert "to see a difference of one percentage point would take" in text


def test_what_may_go_unseen_is_told_of_what_is_not_decided() -> None:
    wild = accuracies("wild", 0.10, 0.30, 0.20)  # far below, which is sure, and by how much is not
    near = accuracies("leaves-x50", 0.70, 0.72, 0.73)
    results = [*ORIGINALS, *GEOMETRY, *wild, *near]
    arms = summarise(results, BASELINES)
    verdict = verdict_of(results, arms, BASELINES)
    assert "wild" in verdict.worse
    assert "leaves-x50" in verdict.undecided
    half = {}
    for arm in arms:
        if (gap := arm.versus.get("originals+geometry", {}).get("accuracy")) is not None:
            assert gap.high is not None
            half[arm.name] = gap.high - gap.mean
    widest = max(half[name] for name in verdict.undecided)
    assert half["wild"] > widest + 0.01
    assert verdict.smallest_difference == pytest.approx(widest)


def test_a_rising_arm_is_told() -> None:
    rising = {
        (0, seed): result(0.8 + 0.01 * seed, curve=[0.70, 0.74, 0.77, 0.8]) for seed in range(3)
    }
    verdict, text = judged(ORIGINALS, cells("slow", rising))
    assert verdict.rising.keys() == {"slow"}
    assert "Still rising: slow (+3." in text
    assert len(STILL) == 4
    _, text = judged(cells("originals", rising), cells("slow", rising))
    assert text.startswith(
        "It is too early to tell. All arms still rise: more steps may change the order. "
        "Until then use originals: nothing here is surely better. Not decided: slow"
    )
    ahead = {
        (0, seed): result(0.9 + 0.01 * seed, curve=[0.80, 0.84, 0.87, 0.9]) for seed in range(3)
    }
    _, text = judged(cells("originals", rising), cells("fast", ahead))
    assert text.startswith("Use fast (+10.0 points")  # sure of what it has seen so far
    assert text.count("All arms still rise: more steps may change the order.") == 1


def test_failed_trainings_count_and_are_named() -> None:
    failing = [
        *accuracies("new", 0.90, 0.91),
        *cells("new", {(0, 2): result(0.1, collapsed="no better than guessing")}),
    ]
    verdict, text = judged(ORIGINALS, GEOMETRY, failing)
    assert verdict.use == "originals+geometry"
    assert verdict.collapsed == {"new": 1}
    assert verdict.without_collapsed == "new"
    assert "Failed trainings, counted as they are: 1 of new." in text
    assert "Without them it would be new." in text


def test_a_study_says_of_each_arm_what_can_be_told_apart() -> None:
    summaries = summarise(
        [
            *accuracies("originals", 0.80, 0.81, 0.82),
            *accuracies("new", 0.95, 0.96, 0.97),
            *accuracies("worse", 0.30, 0.31, 0.32),
            *accuracies("same", 0.80, 0.81, 0.82),
        ],
        ["originals"],
    )
    said = {arm.name: sentence(arm) for arm in summaries}
    assert said["originals"] == ""
    assert "over originals" in said["new"]
    assert "below originals" in said["worse"]
    assert said["same"].startswith("same: not distinguishable from originals")


def test_the_lead_says_what_to_do_and_the_rest_why() -> None:
    verdict, text = judged(ORIGINALS, GEOMETRY, accuracies("leaves-x50", 0.70, 0.72, 0.73))
    assert verdict.lead == "Use originals+geometry: nothing here is surely better."
    head, rest = lead_and_rest(f"A quick look. {text} More.", verdict.lead)
    assert head == f"A quick look. {verdict.lead}"
    assert rest.startswith("Leave out originals (-10.3). Not decided: leaves-x50 (+0.3).")
    assert rest.endswith(" More.")
    assert lead_and_rest("All.", "") == lead_and_rest("All.", "All.") == ("All.",)
