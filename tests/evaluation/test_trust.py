"""What labels by classifiers are worth, by what these read of images that they did not learn."""

import numpy as np
import pytest
from scipy import stats

from augfactory.evaluation.pseudo_labels import PseudoLabels
from augfactory.evaluation.trust import Trust, reads_worse, trust_in

NAMES = ("ash", "birch", "cedar")


def trust(matrix: list[list[int]], sureness: float = 0.9) -> Trust:
    return Trust(np.array(matrix), sureness, np.full(len(matrix), 5))


def test_it_counts_what_was_read_and_what_serves() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2])
    named = np.array([0, 1, 1, 2, 2, 0])
    soft_label = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.3, 0.3, 0.4]], dtype=np.float32)
    found = PseudoLabels(soft_label, np.array([True, True, False]), 0, np.zeros(3), 1.0)
    own = trust_in(np.log(0.1 + 0.7 * np.eye(3)[named]), labels, found)
    assert own.matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert (own.labelled, own.right) == (6, 4)
    assert own.serve.tolist() == [1, 1, 0]
    assert own.sureness == pytest.approx(0.85)
    assert own.chance == pytest.approx((2 * 2 + 1 * 2 + 3 * 2) / 36)


def test_chance_is_what_blind_naming_reads() -> None:
    """Held to blind namings; whoever names the largest class always is no better than chance."""
    random, beaten = np.random.default_rng(0), np.zeros((1000, 4), dtype=bool)
    labels = np.repeat([0, 1, 2], [40, 15, 5])
    for row in beaten:
        named = random.choice(3, 60, p=[0.5, 0.3, 0.2])
        matrix = np.zeros((3, 3), dtype=np.int64)
        np.add.at(matrix, (labels, named), 1)
        own = Trust(matrix, 0.9, np.full(3, 5))
        row[:] = own.beats_chance, *own.class_beats_chance
    assert (beaten.mean(axis=0) < 0.07).all()
    assert not trust([[40, 0, 0], [15, 0, 0], [5, 0, 0]]).beats_chance
    assert trust([[38, 1, 1], [6, 9, 0], [2, 0, 3]]).beats_chance


def test_a_class_is_told_from_others_by_the_test_of_fisher() -> None:
    matrix = [[9, 2, 1], [3, 4, 3], [2, 5, 3]]
    for label, beats in enumerate(trust(matrix).class_beats_chance.tolist()):
        is_named = np.array(matrix)[:, label]
        hits, all_of_it = is_named[label], sum(matrix[label])
        table = [[hits, all_of_it - hits], [is_named.sum() - hits, 0]]
        table[1][1] = np.sum(matrix) - np.sum(table)
        assert beats == (stats.fisher_exact(table, alternative="greater").pvalue < 0.05)


def test_what_is_read_by_chance_is_warned_of_once() -> None:
    (told,) = trust([[10, 12, 0], [11, 9, 0], [0, 0, 0]]).warnings(NAMES)
    assert told.startswith(
        "of 42 labelled images that they did not learn, classifiers read 19 right"
    )
    assert "(45 %), not surely more than by chance (50 %)" in told
    (told,) = trust([[18, 2, 0], [1, 19, 0], [3, 3, 1]]).warnings(NAMES)
    assert told.startswith("of labelled images of cedar, classifiers read 14 % as that, not surely")
    assert not [*trust([[18, 2, 0], [1, 19, 0], [0, 1, 6]]).warnings(NAMES)]


def test_labels_hardly_surer_than_a_blind_guess_are_warned_of() -> None:
    matrix = [[18, 2, 0], [1, 19, 0], [0, 1, 6]]
    (told,) = trust(matrix, 0.39).warnings(NAMES)
    assert told.startswith("of the labels that serve, classifiers are 39 % sure, and of 3 classes")
    assert not [*trust(matrix, 0.41).warnings(NAMES)]
    one = Trust(np.array([[7]]), 1.0, np.array([3]))
    assert not [*one.notes(("ash",))]


def test_a_class_that_is_read_badly_or_that_none_serve_as_is_noted() -> None:
    matrix = [[19, 1, 0], [9, 8, 3], [0, 1, 19]]
    own = Trust(np.array(matrix), 0.8, np.array([2, 1, 0]))
    assert not [*own.warnings(NAMES)]
    first, second = own.notes(NAMES)
    assert "images of birch, classifiers read 40 % as that; 1 unlabelled image(s) serve" in first
    assert "images of cedar, classifiers read 95 % as that; 0 unlabelled image(s) serve" in second


def test_later_readings_are_worse_by_a_standard_error_of_what_they_cost() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(200) % 3

    def read(strength: float, seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(0, 1, (200, 3))
        logits = noise + strength * np.eye(3)[labels]
        return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))

    good, poor = read(3, 1), read(1, 2)
    assert reads_worse(poor, good, labels)
    assert not reads_worse(good, poor, labels)
    assert not reads_worse(good, good, labels)
    assert not reads_worse(7 * good, good, labels)  # sureness alone: each is calibrated first
    nudged = good + random.normal(0, 0.001, good.shape)
    assert not (reads_worse(nudged, good, labels) and reads_worse(good, nudged, labels))
