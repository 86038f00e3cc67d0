"""What the runs of an evaluation say together: means, differences, curves.

Arms are compared where both have a run for the same subset and training seed, so that the chance
of the draw and of the first weights is the same for both. With several subsets the seeds of each
are averaged first and the interval is over the subsets, since seeds on one subset say nothing of
another; with one subset it is over the seeds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augfactory.evaluation.comparison.curves import Curve, mean_curve
from augfactory.evaluation.comparison.intervals import Comparison, Difference, compare
from augfactory.evaluation.comparison.measures import Reliability, Scores, class_accuracy
from augfactory.evaluation.comparison.protocol import Arm, Run, RunResult

MEASURES = tuple(Scores.__dataclass_fields__)
Results = Sequence[tuple[Run, RunResult]]
Found = dict[tuple[int, int], tuple[Arm, RunResult]]  # (subset, seed) -> …


@dataclass(frozen=True)
class Summary:
    """Some values, their mean and standard deviation (ddof 1; None for a single value)."""

    mean: float
    std: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class ArmSummary:
    """An arm's results; the values of a spread stand in the order of ``subsets`` and ``seeds``.

    Attributes:
        name: of the arm.
        factor: images per original, where known.
        rows: that it trains on; the mean over the subsets.
        images_per_step: for each image of a batch.
        subsets: of each value.
        seeds: of each value.
        measures: the figures of ``Scores`` by name.
        scaled: the same after temperature scaling, with "temperature"; None without held-out rows.
        versus: other arm -> measure -> this arm less that one.
        curve: what its classifiers were worth along the training.
        collapsed: why, for each training that failed.
        class_accuracy: [K], over all runs; NaN for a class without test rows.
        confusion: [K][K], summed over the runs.
        reliability: over all runs.
        corruption_errors: corruption -> errors, 0 to 1.
        seconds: of training one classifier.
        waiting: share of them spent on images.
    """

    name: str
    factor: int | None
    rows: int
    images_per_step: int
    subsets: tuple[int, ...]
    seeds: tuple[int, ...]
    measures: dict[str, Summary]
    scaled: dict[str, Summary] | None
    versus: dict[str, dict[str, Difference]] = field(repr=False)
    curve: Curve
    collapsed: tuple[str, ...]
    class_accuracy: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: Reliability
    corruption_errors: dict[str, Summary] | None
    seconds: Summary
    waiting: Summary

    @property
    def accuracy(self) -> Summary:
        """Share of right answers, 0 to 1."""
        return self.measures["accuracy"]

    @property
    def nll(self) -> Summary:
        """Negative log-likelihood in nats."""
        return self.measures["nll"]


def summary(values: Iterable[float]) -> Summary:
    """Return the mean and the standard deviation of ``values``, which must not be empty."""
    kept = tuple(float(value) for value in values)
    std = float(np.std(kept, ddof=1)) if len(kept) > 1 else None
    return Summary(float(np.mean(kept)), std, kept)


def summarise(results: Results, against: Sequence[str]) -> tuple[ArmSummary, ...]:
    """Return one summary for each arm, in the order in which the arms first appear.

    Arms of one name on several subsets are one arm. Each is compared with those of ``against``
    that there are; all intervals of a measure hold together.
    """
    arms = by_arm(results)
    found = {measure: compared(arms, against, measure) for measure in _measures(arms)}
    return tuple(
        _summary(
            name,
            own,
            {
                other: {
                    measure: comparison.differences[name, other]
                    for measure, comparison in found.items()
                }
                for other in dict.fromkeys(against)
                if (name, other) in found["accuracy"].differences
            },
        )
        for name, own in arms.items()
    )


def by_arm(results: Results) -> dict[str, Found]:
    """Return the runs of each arm, in the order in which the arms first appear."""
    arms: dict[str, Found] = {}
    for run, result in results:
        arms.setdefault(run.arm.name, {})[run.subset, run.seed] = (run.arm, result)
    return arms


def compared(arms: Mapping[str, Found], against: Sequence[str], measure: str) -> Comparison:
    """Compare every arm with each of ``against`` by one measure.

    Accuracy and NLL are means over the test images, so that their intervals have the chance in the
    choice of test images in them; those of the other measures have not.
    """
    several = len({subset for found in arms.values() for subset, _ in found}) > 1

    def blocks(figure: Callable[[RunResult], Any]) -> dict[str, dict[int, Any]]:
        return {name: _by_block(found, several, figure) for name, found in arms.items()}

    figures = blocks(lambda result: _figure(result, measure))
    pairs = [
        (name, other)
        for other in dict.fromkeys(against)
        for name in arms
        if other in arms and name != other and figures[name].keys() & figures[other].keys()
    ]
    of_image = _OF_IMAGE.get(measure)
    return compare(figures, pairs, None if of_image is None else blocks(of_image))


_OF_IMAGE: dict[str, Callable[[RunResult], Any]] = {
    "accuracy": lambda result: np.equal(result.predicted, result.labels).astype(np.float64),
    "nll": lambda result: np.asarray(result.label_nll),
}


def _by_block(found: Found, several: bool, figure: Callable[[RunResult], Any]) -> dict[int, Any]:
    """Return the figure of each seed or, of several subsets, its mean over a subset's seeds."""
    gathered: dict[int, list[Any]] = {}
    for (subset, seed), (_, result) in sorted(found.items(), key=lambda item: item[0]):
        gathered.setdefault(subset if several else seed, []).append(figure(result))
    return {block: np.mean(own, axis=0) for block, own in gathered.items()}


def _figure(result: RunResult, measure: str) -> float:
    if measure == "corruption_error":
        return mean_error(result)
    return float(getattr(result.scores, measure))


def _measures(arms: Mapping[str, Found]) -> tuple[str, ...]:
    corrupted = all(result.corruption_errors for own in arms.values() for _, result in own.values())
    return (*MEASURES, "corruption_error") if corrupted else MEASURES


def _summary(name: str, found: Found, versus: dict[str, dict[str, Difference]]) -> ArmSummary:
    keys = sorted(found)
    arms = [found[key][0] for key in keys]
    results = [found[key][1] for key in keys]
    matrix = np.sum([result.confusion for result in results], axis=0)
    kept = [result.scaled for result in results]
    scaled = None
    if all(own is not None for own in kept):
        scaled = {
            measure: summary(getattr(own, measure) for own in kept) for measure in MEASURES
        } | {"temperature": summary(result.temperature or 0.0 for result in results)}
    return ArmSummary(
        name=name,
        factor=arms[0].factor,
        rows=round(float(np.mean([arm.size for arm in arms]))),
        images_per_step=arms[0].images_per_step,
        subsets=tuple(subset for subset, _ in keys),
        seeds=tuple(seed for _, seed in keys),
        measures={
            measure: summary(getattr(result.scores, measure) for result in results)
            for measure in MEASURES
        },
        scaled=scaled,
        versus=versus,
        curve=mean_curve([result.curve for result in results]),
        collapsed=tuple(result.collapsed for result in results if result.collapsed is not None),
        class_accuracy=tuple(class_accuracy(matrix).tolist()),
        confusion=tuple(map(tuple, matrix.tolist())),
        reliability=_pooled([result.reliability for result in results]),
        corruption_errors=_corruptions(results),
        seconds=summary(result.seconds for result in results),
        waiting=summary(result.waiting for result in results),
    )


def mean_error(result: RunResult) -> float:
    """Return the mean corruption error: a plain mean over the corruptions, not normalised."""
    return float(np.mean(list((result.corruption_errors or {}).values())))


def _corruptions(results: Sequence[RunResult]) -> dict[str, Summary] | None:
    found = [result.corruption_errors for result in results if result.corruption_errors]
    if len(found) < len(results):
        return None
    return {name: summary(errors[name] for errors in found) for name in found[0]}


def _pooled(parts: Sequence[Reliability]) -> Reliability:
    count = np.array([part.count for part in parts])
    total = count.sum(axis=0)
    full = np.maximum(total, 1)
    confidence = (count * np.array([part.confidence for part in parts])).sum(axis=0) / full
    right = (count * np.array([part.accuracy for part in parts])).sum(axis=0) / full
    return Reliability(tuple(total.tolist()), tuple(confidence.tolist()), tuple(right.tolist()))
