"""Classifiers that judge images: none learns what it judges, and mush is told from pictures."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from augfactory.engines.processes import pinned_threads
from augfactory.evaluation.images import judges as judges_file
from augfactory.evaluation.images.judged import (
    Bench,
    Judgement,
    fine_detail,
    fold_of_rows,
    judge_images,
)
from augfactory.evaluation.images.judges import FOLDS, Judges, can_teach, folds_of, train_judges
from augfactory.evaluation.training.train import train_classifier
from augfactory.records import Int64Array, Source, UInt8Array
from tests.evaluation.memory import CLASSES, pattern_source

STEPS = 25


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    with pinned_threads(1):
        yield


@pytest.fixture(scope="module")
def originals() -> Source:
    return pattern_source("originals", 60)


@pytest.fixture(scope="module")
def bench(originals: Source) -> Bench:
    return Bench(train_judges(originals, (), steps=STEPS), originals)


def shown(bench: Bench, images: UInt8Array) -> Judgement:
    """Judge one image for each original."""
    made = replace(bench.originals, read_images=lambda rows: images[rows])
    rows = np.arange(len(made))
    return judge_images(bench, made, bench.judges.fold, rows)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_every_class_is_dealt_evenly_to_the_folds(drawn: list[int]) -> None:
    labels = np.array(drawn)
    fold = folds_of(labels)
    sizes = np.bincount(fold, minlength=FOLDS)
    assert sizes.max() - sizes.min() <= 1
    for label in np.unique(labels):
        counts = np.bincount(fold[labels == label], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(1, 5))
def test_groups_are_dealt_whole_and_single_rows_as_ever(drawn: list[int], size: int) -> None:
    labels = np.array(drawn)
    singles = np.random.default_rng(0).permutation(len(labels))
    assert folds_of(labels, 4, singles).tolist() == folds_of(labels, 4).tolist()
    whole = np.arange(len(labels)) // size
    fold = folds_of(labels, 4, whole)
    assert fold.min() >= 0
    assert fold.max() < 4
    assert all(len(np.unique(fold[whole == group])) == 1 for group in np.unique(whole))


def test_no_judge_learns_a_copy_of_what_it_judges(originals: Source) -> None:
    copied = originals.restricted_to(np.random.default_rng(3).permutation(60).repeat(3))
    judges = train_judges(copied, (), steps=2)
    images = copied.read_images(np.arange(len(copied)))
    known = [{image.tobytes() for image in images[judges.fold == own]} for own in range(FOLDS)]
    assert [len(each) for each in known] == [20, 20, 20]
    assert not known[0] & known[1] | known[0] & known[2] | known[1] & known[2]


def test_too_few_that_differ_cannot_teach(originals: Source) -> None:
    five = originals.restricted_to(np.arange(5).repeat(4))
    assert not can_teach(five)
    assert can_teach(originals.restricted_to(np.arange(6)))
    assert not can_teach(originals.restricted_to(np.arange(0, 60, CLASSES)))  # one class
    with pytest.raises(ValueError, match="5 originals are too few"):
        train_judges(five, (), steps=1)


def test_no_judge_learns_what_it_judges(originals: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[Int64Array] = []
    told: list[int] = []

    def watch(training: object, *arguments: object, **more: object) -> object:
        learnt.append(training.source.read_images(np.arange(len(training.source))))  # type: ignore[attr-defined]
        return train_classifier(training, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(judges_file, "train_classifier", watch)
    judges = train_judges(originals, (), steps=3, on_steps=told.append)
    assert sum(told) == 3 * FOLDS
    assert len(learnt) == FOLDS == len(judges.judges)
    images = originals.read_images(np.arange(60))
    for own, seen in enumerate(learnt):
        assert np.array_equal(seen, images[judges.fold != own])


def test_too_few_originals_are_refused() -> None:
    with pytest.raises(ValueError, match="5 originals are too few"):
        train_judges(pattern_source("few", 5), (), steps=1)


def test_originals_are_read_and_other_images_are_not(bench: Bench) -> None:
    images = bench.originals.read_images(np.arange(60))
    own = shown(bench, images)
    assert own.overall.rows == 60
    assert own.overall.read is not None
    assert own.overall.read > 0.9
    assert own.overall.sharpness == pytest.approx(1, abs=1e-4)
    assert own.overall.own == 0
    assert own.overall.nearest == 0
    noise = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
    foreign = shown(bench, noise)
    assert foreign.overall.read is not None
    assert foreign.overall.read < 0.4
    assert foreign.overall.own is not None
    assert foreign.overall.own > 0.5
    assert foreign.overall.coverage is not None
    assert own.overall.coverage is not None
    assert foreign.overall.coverage < own.overall.coverage


def test_classes_add_up_to_the_whole(bench: Bench) -> None:
    found = shown(bench, bench.originals.read_images(np.arange(60)[::-1]))
    assert sorted(found.classes) == list(range(CLASSES))
    reads = [each.read for each in found.classes.values() if each.read is not None]
    assert len(reads) == CLASSES
    assert np.mean(reads) == pytest.approx(found.overall.read, abs=1e-6)
    assert found.each.read.mean() == pytest.approx(found.overall.read, abs=1e-6)


def test_what_mixes_originals_of_several_judges_is_left_out(bench: Bench) -> None:
    fold = bench.judges.fold
    first = np.flatnonzero(fold == 0)[:2]
    other = int(np.flatnonzero(fold == 1)[0])
    origins = np.array([first, [first[0], other], [other, -1]])
    assert fold_of_rows(bench.judges, origins).tolist() == [0, -1, 1]
    made = bench.originals.restricted_to(np.array([first[0], first[0], other]))
    found = judge_images(bench, made, fold_of_rows(bench.judges, origins), origins[:, 0])
    assert found.overall.rows == 2
    assert np.isnan(found.each.read).tolist() == [False, True, False]
    nothing = judge_images(bench, made, np.full(3, -1), np.full(3, -1)).overall
    assert vars(nothing) == dict.fromkeys(vars(nothing)) | {"rows": 0}


def test_a_mixed_image_counts_by_the_share_of_the_class_that_is_named(bench: Bench) -> None:
    image = bench.originals.read_images(np.array([0]))
    label = int(bench.originals.labels[0])
    shares = np.zeros((1, CLASSES), dtype=np.float32)
    shares[0, label], shares[0, (label + 1) % CLASSES] = 0.25, 0.75
    made = replace(
        bench.originals.restricted_to(np.array([0])),
        labels=np.array([(label + 1) % CLASSES]),
        read_soft_labels=lambda rows: shares[rows],
    )
    assert image.shape[0] == 1
    found = judge_images(bench, made, bench.judges.fold[:1], np.array([0]))
    assert found.each.read[0] == pytest.approx(1 / 3)


def test_fine_detail_is_the_power_of_the_finer_frequencies() -> None:
    rows, columns = np.mgrid[:12, :10]
    coarse = 128 + 60 * np.cos(np.pi * (columns + 0.5) / 10 * 2)
    fine = 128 + 60 * np.cos(np.pi * (columns + 0.5) / 10 * 7)
    images = np.stack([coarse, fine, fine + 0 * rows]).round().astype(np.uint8)[..., None]
    found = fine_detail(images)
    # A cosine of amplitude 60/255 has a root mean square of that over √2.
    assert found[1] == pytest.approx(60 / 255 / np.sqrt(2), rel=0.01)
    assert found[0] < 0.02
    colour = np.repeat(images, 3, axis=3)
    assert fine_detail(colour) == pytest.approx(found, abs=1e-4)


def test_blur_costs_sharpness_and_noise_adds_it(bench: Bench) -> None:
    images = bench.originals.read_images(np.arange(60)).astype(np.float32)
    blurred = gaussian_filter(images, (0, 1, 1, 0)).round().astype(np.uint8)
    noisy = np.random.default_rng(0).normal(images, 40).clip(0, 255).astype(np.uint8)
    soft, rough = shown(bench, blurred).overall.sharpness, shown(bench, noisy).overall.sharpness
    assert soft is not None
    assert rough is not None
    assert soft < 0.5
    assert rough > 1


def test_equal_originals_give_equal_judges(originals: Source, bench: Bench) -> None:
    again = train_judges(originals, (), steps=STEPS)
    assert isinstance(again, Judges)
    names = [judge.space.name for judge in again.judges]
    assert names == [judge.space.name for judge in bench.judges.judges]
    assert len(set(names)) == FOLDS
