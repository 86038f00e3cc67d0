"""What several networks answer together: the mean of their probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from augfactory.evaluation.comparison.compare import MEASURES, severities_of, summary
from augfactory.evaluation.comparison.measures import CorruptedScores, Scores, scores
from augfactory.evaluation.comparison.protocol import Run, RunResult
from augfactory.evaluation.comparison.results import EnsembleSummary
from augfactory.evaluation.comparison.train_run import corruption_errors, measured_corrupted
from augfactory.evaluation.training.predicting import log_probabilities
from augfactory.records import Float64Array, Int64Array, ReadImages, Source


@dataclass(frozen=True)
class Ensemble:
    """The figures of one ensemble: on the test rows, and on corrupted ones where there are any."""

    scores: Scores
    corrupted: tuple[CorruptedScores, ...] | None


def measure_ensemble(run: Run, networks: Sequence[nn.Module], test: Source) -> Ensemble:
    """Return what the mean of the probabilities comes to on ``test``, the test images of ``run``.

    Their classes are those that the networks were trained on.
    """

    def predict(read_images: ReadImages, rows: Int64Array) -> Float64Array:
        classes = len(test.class_names)
        found = [log_probabilities(network, read_images, rows, classes) for network in networks]
        together: Float64Array = np.logaddexp.reduce(found, axis=0) - np.log(len(networks))
        return together

    measured = scores(predict(test.read_images, np.arange(len(test))), test.labels)
    corrupted = None
    if run.corrupted is not None:
        corrupted = measured_corrupted(run.corrupted, predict, test)
    return Ensemble(measured, corrupted)


def ensemble_summary(
    groups: Sequence[tuple[Sequence[tuple[Run, RunResult]], Ensemble]],
) -> EnsembleSummary:
    """Return what the ensembles of an arm come to; each with the runs that it is made of."""
    found = [ensemble for _, ensemble in groups]
    single = [[result.scores.accuracy for _, result in members] for members, _ in groups]
    together = [ensemble.scores.accuracy for ensemble in found]
    corrupted = groups[0][0][0][0].corrupted
    measured = [ensemble.corrupted for ensemble in found if ensemble.corrupted]
    errors = None
    if corrupted is not None and measured:
        errors = summary(
            float(np.mean(list(corruption_errors(corrupted, own).values()))) for own in measured
        )
    return EnsembleSummary(
        size=len(groups[0][0]),
        subsets=tuple(members[0][0].subset for members, _ in groups),
        seeds=tuple(tuple(run.seed for run, _ in members) for members, _ in groups),
        **{name: summary(getattr(own.scores, name) for own in found) for name in MEASURES},
        gain=summary(np.subtract(together, np.mean(single, axis=1)).tolist()),
        corruption_error=errors,
        severities=severities_of(measured, corrupted.extra if corrupted else ()),
    )
