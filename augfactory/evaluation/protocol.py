"""How arms are compared: equal steps, equal batches, paired seeds and subsets.

A cell is one classifier: an arm, on one subset of the data, with one training seed. Whatever
decides its result stands in its key, so that a finished cell is never run again.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from augfactory.errors import ResourceError
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.measures import (
    Reliability,
    Scores,
    accuracy,
    confusion,
    fit_temperature,
    log_probabilities,
    reliability,
    scaled,
    scores,
)
from augfactory.evaluation.training import DEFAULT_DIET, Diet, TrainingSettings, train_classifier
from augfactory.evaluation.training_set import TrainingSet
from augfactory.records import Int64Array, ReadImages, Source, SourceSpec

# Raise this whenever training or measuring changes, so that no older cell is taken for a new one.
PROTOCOL = 2

Part = Literal["all", "originals", "synthetic"]
OpenTraining = Callable[[SourceSpec], TrainingSet]
# (test rows, corruption, severity) -> uint8 images in the order of the rows
ReadCorrupted = Callable[[Int64Array, str, int], Any]


@dataclass(frozen=True)
class Arm:
    """One way of training that is compared with others.

    ``part`` says which rows of the source are used, ``rows`` restricts it further; None is all.
    ``factor`` is its images per original, None where that is not known; ``size`` the rows in all.
    ``fingerprint`` is a hash of what is trained on: pixels and labels, in their order.
    """

    name: str
    factor: int | None
    source: SourceSpec
    size: int
    fingerprint: str
    part: Part = "all"
    rows: tuple[int, ...] | None = None
    diet: Diet = DEFAULT_DIET

    @property
    def images_per_step(self) -> int:
        """How many images the classifier sees for each of a batch."""
        return 3 if self.diet.loss == "jsd" else 1


@dataclass(frozen=True)
class ClassifierSpec:
    """Which classifier, and the file of the weights that it starts from, if any."""

    name: str
    weights: Path | None = None
    weights_sha256: str | None = None


@dataclass(frozen=True)
class LabelledRows:
    """Rows of a source that classifiers are measured on; ``rows`` None is all of it."""

    source: SourceSpec
    fingerprint: str
    rows: tuple[int, ...] | None = None

    def opened(self, open_source: Callable[[SourceSpec], Source]) -> Source:
        """Open the source, restricted to the rows."""
        source = open_source(self.source)
        if self.rows is None:
            return source
        return source.restricted_to(np.asarray(self.rows, dtype=np.int64))


@dataclass(frozen=True)
class CorruptedTest:
    """Where the corrupted copies of the test images stand: (corruption, severity) of each file."""

    profile: str
    seed: int
    files: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Cell:
    """One classifier to train and to test. Small, so that it can be sent to another process.

    ``held_out`` are training rows that no arm has, for the temperature; None measures without.
    """

    arm: Arm
    test: LabelledRows
    classifier: ClassifierSpec
    settings: TrainingSettings
    seed: int
    subset: int = 0
    held_out: LabelledRows | None = None
    corrupted: CorruptedTest | None = None


@dataclass(frozen=True)
class CellResult:
    """What one cell came to.

    Attributes:
        scores: on the test rows.
        scaled: the same after temperature scaling, None without held-out rows.
        temperature: that was fitted on the held-out rows.
        confusion: [K][K], test rows of each class (down) taken for each class (across).
        reliability: of the unscaled probabilities.
        corruption_errors: corruption -> share of wrong answers, 0 to 1, mean over the severities.
        seconds: of training.
        waiting: the share of them that went into fetching and varying images.
    """

    scores: Scores
    scaled: Scores | None
    temperature: float | None
    confusion: tuple[tuple[int, ...], ...]
    reliability: Reliability
    corruption_errors: dict[str, float] | None
    seconds: float
    waiting: float


def cell_key(cell: Cell) -> str:
    """Return a hash of everything that decides the cell's result; names and paths do not."""
    arm = cell.arm
    corrupted = cell.corrupted
    decisive = {
        "protocol": PROTOCOL,
        "torch": torch.__version__,
        "arm": [arm.fingerprint, arm.part, asdict(arm.diet)],
        "test": cell.test.fingerprint,
        "held_out": cell.held_out.fingerprint if cell.held_out else None,
        "classifier": [cell.classifier.name, cell.classifier.weights_sha256],
        "settings": asdict(cell.settings),
        "seed": cell.seed,
        "corrupted": [corrupted.profile, corrupted.seed] if corrupted else None,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:32]


def run_cell(
    cell: Cell, open_training: OpenTraining, open_source: Callable[[SourceSpec], Source]
) -> CellResult:
    """Train the cell's classifier and measure it."""
    training = training_part(open_training(cell.arm.source), cell.arm.part, cell.arm.rows)
    build = find_classifier(cell.classifier.name, cell.classifier.weights).build
    trained = train_classifier(training, build, cell.settings, cell.seed, cell.arm.diet)
    test = cell.test.opened(open_source)
    predict = partial(log_probabilities, trained.network, classes=len(training.source.class_names))
    found = predict(test.read_images, np.arange(len(test)))
    temperature = None
    if cell.held_out is not None:
        held_out = cell.held_out.opened(open_source)
        rows = np.arange(len(held_out))
        temperature = fit_temperature(predict(held_out.read_images, rows), held_out.labels)
    errors = None
    if cell.corrupted is not None:
        errors = _corruption_errors(cell.corrupted, predict, test.labels)
    return CellResult(
        scores=scores(found, test.labels),
        scaled=None if temperature is None else scores(scaled(found, temperature), test.labels),
        temperature=temperature,
        confusion=tuple(map(tuple, confusion(found, test.labels).tolist())),
        reliability=reliability(found, test.labels),
        corruption_errors=errors,
        seconds=trained.seconds,
        waiting=trained.waiting,
    )


def training_part(
    training: TrainingSet, part: Part, rows: tuple[int, ...] | None = None
) -> TrainingSet:
    """Return the rows of ``part`` that stand among ``rows``."""
    if part == "all" and rows is None:
        return training
    kept = np.ones(len(training.source), dtype=np.bool_)
    if rows is not None:
        kept[:] = False
        kept[np.asarray(rows, dtype=np.int64)] = True
    if part != "all":
        kept &= training.original == (part == "originals")
    return training.restricted_to(np.flatnonzero(kept))


def _corruption_errors(
    corrupted: CorruptedTest, predict: Callable[..., Any], labels: Int64Array
) -> dict[str, float]:
    errors: dict[str, list[float]] = {}
    for corruption, _severity, path in corrupted.files:
        try:
            images = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise ResourceError(
                path, f"cannot be read ({error})", "Run the same command again: it is made again."
            ) from error
        found = predict(_reader(images), np.arange(len(labels)))
        errors.setdefault(corruption, []).append(1 - accuracy(found, labels))
    return {name: float(np.mean(values)) for name, values in errors.items()}


def _reader(images: Any) -> ReadImages:
    return lambda rows: np.ascontiguousarray(images[rows])


def result_as_dict(result: CellResult) -> dict[str, Any]:
    """Return the result as plain values for JSON."""
    return asdict(result)


def result_from_dict(kept: Mapping[str, Any]) -> CellResult:
    """Return what ``result_as_dict`` gave.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    errors = kept["corruption_errors"]
    return CellResult(
        scores=Scores(**kept["scores"]),
        scaled=None if kept["scaled"] is None else Scores(**kept["scaled"]),
        temperature=kept["temperature"],
        confusion=tuple(tuple(int(n) for n in row) for row in kept["confusion"]),
        reliability=Reliability(
            **{name: tuple(values) for name, values in kept["reliability"].items()}
        ),
        corruption_errors=None if errors is None else {k: float(v) for k, v in errors.items()},
        seconds=float(kept["seconds"]),
        waiting=float(kept["waiting"]),
    )
