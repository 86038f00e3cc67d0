"""How arms are compared: equal steps, equal batches, paired seeds."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np
import torch

from augfactory.evaluation.measures import accuracy, log_probabilities, negative_log_likelihood
from augfactory.evaluation.training import TrainingSettings, train_classifier
from augfactory.records import Source, SourceSpec

# Raise this whenever training or measuring changes, so that no older cell is taken for a new one.
PROTOCOL = 1


@dataclass(frozen=True)
class Arm:
    """One training set that is compared with others.

    ``rows`` restricts the source; None is all of it. ``factor`` is its images per original, None
    where that is not known. ``fingerprint`` is a hash of what is trained on: pixels and labels, in
    their order.
    """

    name: str
    factor: int | None
    source: SourceSpec
    rows: tuple[int, ...] | None
    size: int
    fingerprint: str


@dataclass(frozen=True)
class Cell:
    """One classifier to train and to test: an arm with a seed. Small, so that it can be sent."""

    arm: Arm
    test: SourceSpec
    test_fingerprint: str
    classifier: str
    settings: TrainingSettings
    seed: int


@dataclass(frozen=True)
class CellResult:
    """What one cell came to: accuracy 0 to 1, NLL in nats, seconds of training."""

    accuracy: float
    nll: float
    seconds: float


@dataclass(frozen=True)
class Spread:
    """Some values, their mean and standard deviation (ddof 1; None for a single value)."""

    mean: float
    std: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class ArmSummary:
    """An arm's results over its seeds; the values stand in the order of the seeds."""

    name: str
    factor: int | None
    rows: int
    seeds: tuple[int, ...]
    accuracy: Spread
    nll: Spread
    seconds: Spread


def cell_key(cell: Cell) -> str:
    """Return a hash of everything that decides the cell's result; names and paths do not."""
    decisive = {
        "protocol": PROTOCOL,
        "torch": torch.__version__,
        "arm": cell.arm.fingerprint,
        "test": cell.test_fingerprint,
        "classifier": cell.classifier,
        "settings": asdict(cell.settings),
        "seed": cell.seed,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:32]


def run_cell(cell: Cell, open_source: Callable[[SourceSpec], Source]) -> CellResult:
    """Train the cell's classifier and test it; ``open_source`` opens a source by its spec."""
    training = open_source(cell.arm.source)
    if cell.arm.rows is not None:
        training = training.restricted_to(np.asarray(cell.arm.rows, dtype=np.int64))
    test = open_source(cell.test)
    start = time.perf_counter()
    network = train_classifier(training, cell.classifier, cell.settings, cell.seed)
    seconds = time.perf_counter() - start
    found = log_probabilities(network, test)
    return CellResult(
        accuracy=accuracy(found, test.labels),
        nll=negative_log_likelihood(found, test.labels),
        seconds=seconds,
    )


def spread(values: Iterable[float]) -> Spread:
    """Return the mean and the standard deviation of ``values``, which must not be empty."""
    kept = tuple(values)
    std = float(np.std(kept, ddof=1)) if len(kept) > 1 else None
    return Spread(float(np.mean(kept)), std, kept)


def summarise(results: Iterable[tuple[Cell, CellResult]]) -> tuple[ArmSummary, ...]:
    """Return one summary for each arm, in the order in which the arms first appear."""
    by_arm: dict[Arm, list[tuple[int, CellResult]]] = {}
    for cell, result in results:
        by_arm.setdefault(cell.arm, []).append((cell.seed, result))
    return tuple(_summary(arm, found) for arm, found in by_arm.items())


def _summary(arm: Arm, found: list[tuple[int, CellResult]]) -> ArmSummary:
    found = sorted(found, key=lambda pair: pair[0])
    return ArmSummary(
        name=arm.name,
        factor=arm.factor,
        rows=arm.size,
        seeds=tuple(seed for seed, _ in found),
        accuracy=spread(result.accuracy for _, result in found),
        nll=spread(result.nll for _, result in found),
        seconds=spread(result.seconds for _, result in found),
    )
