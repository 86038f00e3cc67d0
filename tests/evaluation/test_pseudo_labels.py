"""Labels by classifiers: what they learn, how their readings become labels, which ones serve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from augfactory.evaluation import pseudo_labels as own
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.images.judges import folds_of
from augfactory.evaluation.pseudo_labels import PseudoLabels, Reading, pseudo_labels, surest
from augfactory.evaluation.training import train as training_room
from augfactory.evaluation.training.online import online_stage
from augfactory.evaluation.training.training_set import TrainingSet
from augfactory.methods.registry import METHODS
from augfactory.records import Source
from tests.evaluation.memory import CLASS_NAMES, CLASSES, memory_source, pattern_source, patterns

LABELLED, UNLABELLED, FOLDS = 60, 40, 3
ONLINE = (
    online_stage(
        "geometry",
        METHODS["geometry"].parameters.model_validate({"preset": "none", "brightness": (0.9, 1.1)}),
    ),
    online_stage("mixup", METHODS["mixup"].parameters.model_validate({})),
)


def unlabelled() -> Source:
    images, _ = patterns("others", UNLABELLED)
    nothing = np.zeros(UNLABELLED, dtype=np.int64)
    return memory_source(images, nothing, name="others", class_names=("unlabelled",))


def read(fold_of: np.ndarray, fold: int, *, seed: int = 0, **more: object) -> Reading:
    return own.read_by_teacher(
        pattern_source("labelled", LABELLED),
        unlabelled(),
        fold_of,
        fold,
        ONLINE,
        find_classifier("quick"),
        steps=25,
        views=1,
        seed=seed,
        **more,  # type: ignore[arg-type]
    )


def test_teachers_read_what_they_did_not_learn() -> None:
    labels = np.arange(LABELLED) % CLASSES
    fold_of = folds_of(labels, FOLDS)
    readings = [read(fold_of, fold) for fold in range(FOLDS)]
    again = read(fold_of, 1)
    np.testing.assert_array_equal(again.unlabelled, readings[1].unlabelled)
    np.testing.assert_array_equal(again.held_out, readings[1].held_out)
    found = pseudo_labels(labels, fold_of, readings, 0.5)
    assert found.accuracy > 0.8
    truth = np.arange(UNLABELLED) % CLASSES
    assert np.mean(found.soft_label.argmax(axis=1) == truth) > 0.8
    np.testing.assert_allclose(found.soft_label.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("further", [False, True])
def test_a_teacher_learns_all_folds_but_its_own(
    further: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a further round half of each batch are kept images, under the labels they were given."""
    seen: list[tuple[TrainingSet, float | None]] = []
    train = training_room.train_classifier

    def spy(training: TrainingSet, *rest: object, **more: object) -> object:
        seen.append((training, rest[3].real_share))  # type: ignore[attr-defined]
        return train(training, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(own, "train_classifier", spy)
    labels = np.arange(LABELLED) % CLASSES
    fold_of = folds_of(labels, FOLDS)
    shares = np.random.default_rng(0).dirichlet(np.ones(CLASSES), UNLABELLED).astype(np.float32)
    kept = np.arange(UNLABELLED) % 3 == 1
    taught = (
        PseudoLabels(shares, kept, 0.5, np.full(shares.shape[1], 0.5), 1.0) if further else None
    )
    read(fold_of, 2, taught=taught)
    ((training, real_share),) = seen
    rows = np.arange(len(training.source))
    images, _ = patterns("labelled", LABELLED)
    learnt = np.flatnonzero(fold_of != 2)
    np.testing.assert_array_equal(training.source.read_images(rows[: len(learnt)]), images[learnt])
    assert training.original.sum() == len(learnt)
    if not further:
        assert real_share is None
        assert len(rows) == len(learnt)
        return
    assert real_share == 0.5
    mixed = np.random.default_rng(1).permutation(rows)  # both kinds in one reading
    others, _ = patterns("others", UNLABELLED)
    expected = np.concatenate([images[learnt], others[kept]])
    np.testing.assert_array_equal(training.source.read_images(mixed), expected[mixed])
    expected = np.concatenate([np.eye(CLASSES)[labels[learnt]], shares[kept]])
    np.testing.assert_array_equal(
        training.source.read_soft_labels(mixed), expected.astype(np.float32)[mixed]
    )


def test_labels_are_the_mean_of_calibrated_readings() -> None:
    """Held to a search for the temperature on a grid, and to scipy's softmax."""
    random = np.random.default_rng(3)
    labels = np.arange(90) % CLASSES
    fold_of = folds_of(labels, FOLDS)
    logits = 6 * random.standard_normal((90, CLASSES)) + 4 * np.eye(CLASSES)[labels]
    held_out = log_softmax(logits, axis=1)
    readings = [
        Reading(held_out[fold_of == fold], log_softmax(random.standard_normal((50, 10)) * 5, 1))
        for fold in range(FOLDS)
    ]
    found = pseudo_labels(labels, fold_of, readings, 0.75)
    grid = np.exp(np.linspace(np.log(0.05), np.log(20), 4001))
    # A label counts as 91/92 of its class, the rest as the other nine.
    target = np.where(np.eye(CLASSES)[labels] == 1, 91 / 92, 1 / 92 / 9)
    cost = [-(target * log_softmax(held_out / t, axis=1)).sum(axis=1).mean() for t in grid]
    assert found.temperature == pytest.approx(grid[int(np.argmin(cost))], rel=5e-3)
    expected = np.mean([softmax(r.unlabelled / found.temperature, axis=1) for r in readings], 0)
    np.testing.assert_allclose(found.soft_label, expected, atol=1e-6)
    assert found.accuracy == np.mean(held_out.argmax(axis=1) == labels)
    np.testing.assert_array_equal(found.kept, surest(found.soft_label, 0.75))
    later = pseudo_labels(labels, fold_of, readings, 0.75, temperature=2.5)
    expected = np.mean([softmax(r.unlabelled / 2.5, axis=1) for r in readings], 0)
    np.testing.assert_allclose(later.soft_label, expected, atol=1e-6)


@given(
    st.integers(1, 60),
    st.integers(2, len(CLASS_NAMES)),
    st.floats(0.01, 1),
    st.integers(0, 2**32 - 1),
)
def test_the_surest_of_each_class_serve(rows: int, classes: int, keep: float, seed: int) -> None:
    shares = np.random.default_rng(seed).dirichlet(np.ones(classes), rows).astype(np.float32)
    kept = surest(shares, keep)
    taken_for, sure = shares.argmax(axis=1), shares.max(axis=1)
    for label in np.unique(taken_for):
        own_rows = taken_for == label
        assert kept[own_rows].sum() == int(np.ceil(keep * own_rows.sum()))
        left = sure[own_rows & ~kept]
        if len(left):
            assert left.max() <= sure[own_rows & kept].min()
