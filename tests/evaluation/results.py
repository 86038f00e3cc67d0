"""Cells and results as an evaluation could have them, for the tests of what they say together."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from augfactory.evaluation.comparison.measures import Reliability, Scores
from augfactory.evaluation.comparison.protocol import Arm, ClassifierSpec, Reading, Run, RunResult
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.records import SourceSpec
from tests.evaluation.memory import rows_of_patterns

ARM = Arm("originals", 1, SourceSpec("train-80.npz"), 80, "abc")
CELL = Run(
    ARM, rows_of_patterns("test-50.npz", "def"), ClassifierSpec("quick"), TrainingSettings(), 0
)
EMPTY = (0,) * 15
ROWS = 100
STILL = (50, 63, 79, 100)


def result(
    accuracy: float,
    nll: float = 1.0,
    seconds: float = 2.0,
    *,
    right: Sequence[bool] | None = None,
    curve: Sequence[float] | None = None,
    collapsed: str | None = None,
) -> RunResult:
    """Return a result with so many of 100 test images right, the first ones or those given."""
    count = round(ROWS * accuracy)
    hit = np.arange(ROWS) < count if right is None else np.asarray(right)
    readings = [accuracy] * len(STILL) if curve is None else curve
    return RunResult(
        scores=Scores(accuracy, accuracy, nll, 0.5, 0.1, 0.2),
        curve=tuple(
            Reading(step, value, nll, 1.0) for step, value in zip(STILL, readings, strict=True)
        ),
        predicted=tuple(np.where(hit, 0, 1).tolist()),
        labels=(0,) * len(hit),
        label_nll=(nll,) * len(hit),
        collapsed=collapsed,
        scaled=None,
        temperature=None,
        confusion=((count, ROWS - count), (0, 0)),
        reliability=Reliability((*EMPTY[:14], ROWS), (*EMPTY[:14], 0.9), (*EMPTY[:14], accuracy)),
        corruption_errors=None,
        seconds=seconds,
        waiting=0.01,
    )


def cells(name: str, results: dict[tuple[int, int], RunResult]) -> list[tuple[Run, RunResult]]:
    """Return the cells of an arm: (subset, seed) -> result."""
    arm = replace(ARM, name=name, fingerprint=f"of {name}")
    return [
        (replace(CELL, arm=arm, subset=subset, seed=seed), own)
        for (subset, seed), own in results.items()
    ]


def accuracies(name: str, *values: float) -> list[tuple[Run, RunResult]]:
    """Return the cells of an arm on one subset, seed by seed."""
    return cells(name, {(0, seed): result(value) for seed, value in enumerate(values)})
