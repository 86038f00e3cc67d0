"""Train one run's classifier and measure it, on the way and at the end."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from torch import nn

from augfactory.errors import InputDataError, ResourceError
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.comparison.measures import (
    CorruptedScores,
    accuracy,
    confusion,
    corrupted_scores,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    scaled,
    scores,
)
from augfactory.evaluation.comparison.protocol import (
    CURVE_ROWS,
    CorruptedTest,
    Earlier,
    Reading,
    Run,
    RunResult,
)
from augfactory.evaluation.training.predicting import log_probabilities
from augfactory.evaluation.training.train import Trained, TrainingProgress, train_classifier
from augfactory.evaluation.training.training_set import open_training, spread_rows, training_part
from augfactory.records import Int64Array, ReadImages, Source
from augfactory.source_rows import SourceRows
from augfactory.sources.corrupted.part import open_part
from augfactory.sources.recorded import open_rows

TRAINING_ROWS = 500
NLL_DIGITS = 4
GUESSING = 2.0  # standard errors above chance that a classifier has to be to have learnt anything


def train_run(
    run: Run,
    earlier: Earlier | None = None,
    keep: Callable[[nn.Module], None] | None = None,
) -> tuple[RunResult, TrainingProgress]:
    """Train the run's classifier, on from ``earlier`` where there is one, and measure it.

    ``keep`` is given the network that was measured.
    """
    training = training_part(open_training(run.arm.source), run.arm.part, run.arm.rows)
    training = replace(training, source=training.source.in_memory())
    build = find_classifier(run.classifier.name, run.classifier.weights).build
    test = test_of(run, training.source.class_names)
    curve = [] if earlier is None else list(earlier.curve)
    measure = partial(_read, training.source, test, curve)

    def on_batches(accuracy: float, loss: float) -> None:
        curve[-1] = replace(curve[-1], batch_accuracy=accuracy, batch_loss=loss)

    trained = train_classifier(
        training,
        build,
        run.settings,
        run.seed,
        run.arm.batch_policy,
        measure=measure,
        on_batches=on_batches,
        saved=None if earlier is None else earlier.progress,
    )
    if keep is not None:
        keep(trained.network)
    failed = why_failed(trained, training.source)
    return _measured(run, trained, test, tuple(curve), failed), trained.progress


def test_of(run: Run, class_names: tuple[str, ...]) -> Source:
    """Return the test images, numbered as the classes that are trained on: some may lack images."""
    return _opened(run.test).among(class_names)


def _opened(rows: SourceRows) -> Source:
    """Open images that are measured on, in memory where they fit: every reading reads them."""
    return _held(rows) or open_rows(rows, trusted=True)[1]


@lru_cache(maxsize=2)
def _held(rows: SourceRows) -> Source | None:
    """Return images in memory, for every run of this process; None where they are too large.

    No file stays open.
    """
    source = open_rows(rows, trusted=True)[1]
    held = source.in_memory()
    return None if held is source else replace(held, row_name=str, read_stored=None, left_out=tuple)


def _read(
    training: Source, test: Source, curve: list[Reading], step: int, network: nn.Module
) -> None:
    """Add a reading to the curve."""
    classes = len(test.class_names)
    shown = spread_rows(len(test), CURVE_ROWS)
    found = log_probabilities(network, test.read_images, shown, classes)
    rows = spread_rows(len(training), TRAINING_ROWS)
    own = log_probabilities(network, training.read_images, rows, classes)
    soft = training.read_soft_labels(rows)
    labels = test.labels[shown]
    curve.append(
        Reading(
            step,
            accuracy(found, labels),
            negative_log_likelihood(found, labels),
            accuracy(own, soft.argmax(axis=1)),
            float(-(soft * own).sum(axis=1).mean()),
        )
    )


def _measured(
    run: Run,
    trained: Trained,
    test: Source,
    curve: tuple[Reading, ...],
    failed: str | None,
) -> RunResult:
    predict = partial(log_probabilities, trained.network, classes=len(test.class_names))
    found = predict(test.read_images, np.arange(len(test)))
    temperature = None
    if run.held_out is not None:
        held_out = _opened(run.held_out)
        rows = np.arange(len(held_out))
        temperature = fit_temperature(predict(held_out.read_images, rows), held_out.labels)
    corrupted = None
    if run.corrupted is not None:
        corrupted = measured_corrupted(run.corrupted, predict, test)
    label_nll = -found[np.arange(len(test)), test.labels]
    return RunResult(
        scores=scores(found, test.labels),
        curve=curve,
        predicted=tuple(found.argmax(axis=1).tolist()),
        labels=tuple(test.labels.tolist()),
        label_nll=tuple(label_nll.round(NLL_DIGITS).tolist()),
        collapsed=failed,
        scaled=None if temperature is None else scores(scaled(found, temperature), test.labels),
        temperature=temperature,
        confusion=tuple(map(tuple, confusion(found, test.labels).tolist())),
        reliability=reliability(found, test.labels),
        corruption_errors=None
        if run.corrupted is None or corrupted is None
        else corruption_errors(run.corrupted, corrupted),
        seconds=trained.progress.seconds,
        waiting=trained.waiting,
        corrupted=corrupted,
    )


def why_failed(trained: Trained, training: Source) -> str | None:
    """Say why a training failed: its loss is not a number, or it has learnt nothing.

    That is judged by the images that it learnt from, all classes counting alike: on few test images
    a good classifier cannot be told from a guessing one, and of uneven ones always naming the
    largest class is often right.
    """
    if trained.progress.broke:
        return f"the loss stopped being a number at step {trained.progress.step + 1:,}"
    rows = spread_rows(len(training), TRAINING_ROWS)
    found = log_probabilities(
        trained.network, training.read_images, rows, len(training.class_names)
    )
    labels = training.read_soft_labels(rows).argmax(axis=1)
    counts = np.bincount(labels)
    hits = np.bincount(labels[found.argmax(axis=1) == labels], minlength=len(counts))
    known = counts > 0
    chance = 1 / int(known.sum())
    right = float((hits[known] / counts[known]).mean())
    error = float((chance * (1 - chance) / counts[known]).sum() ** 0.5) * chance
    if known.sum() > 1 and right <= chance + GUESSING * error:
        return (
            f"it reads {100 * right:.1f} % of the images that it learnt from, no better than "
            f"guessing among {known.sum()} classes"
        )
    return None


def corruption_errors(
    corrupted: CorruptedTest, measured: Sequence[CorruptedScores]
) -> dict[str, float]:
    """Return the mean error of each corruption over its severities, without the extra ones."""
    errors: dict[str, list[float]] = {}
    for each in measured:
        if each.corruption not in corrupted.extra:
            errors.setdefault(each.corruption, []).append(each.error)
    return {name: float(np.mean(values)) for name, values in errors.items()}


def measured_corrupted(
    corrupted: CorruptedTest, predict: Callable[[ReadImages, Int64Array], Any], test: Source
) -> tuple[CorruptedScores, ...]:
    """Return the figures of ``predict`` on each corruption at each severity.

    Raises:
        InputDataError: published images have changed since they were looked at.
        ResourceError: images that were made are not there any more.
    """
    found = []
    for part in corrupted.parts:
        try:
            source = open_part(part, test)
        except InputDataError as error:
            if corrupted.fingerprint:  # somebody else's
                raise
            remedy = "Run the same command again: it is made again."
            raise ResourceError(error.where, error.what, remedy) from error
        predicted = predict(source.read_images, np.arange(len(source)))
        found.append(corrupted_scores(part.corruption, part.severity, predicted, source.labels))
    return tuple(found)
