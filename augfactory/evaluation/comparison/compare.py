"""What the runs of an evaluation say together: means, differences, curves.

Arms are compared where both have a run for the same subset and training seed, so that the chance
of the draw and of the first weights is the same for both. With several subsets the seeds of each
are averaged first and the interval is over the subsets, since seeds on one subset say nothing of
another; with one subset it is over the seeds.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from augfactory.evaluation.comparison.curves import mean_curve
from augfactory.evaluation.comparison.intervals import Comparison, Difference, compare
from augfactory.evaluation.comparison.measures import (
    CorruptedScores,
    Reliability,
    Scores,
    class_accuracy,
)
from augfactory.evaluation.comparison.protocol import CURVE_ROWS, Run, RunResult, run_key
from augfactory.evaluation.comparison.results import (
    ArmSummary,
    CorruptionErrors,
    Measure,
    SeverityScores,
    Summary,
)
from augfactory.records import Int64Array

UNEVEN = 1.5  # times as many test images of one class as of another
MEASURES = tuple(Scores.__dataclass_fields__)
CORRUPTED_MEASURES = ("error", "nll", "ece", "rms_calibration")
Results = Sequence[tuple[Run, RunResult]]
ArmRuns = dict[tuple[int, int], tuple[Run, RunResult]]  # (subset, seed) -> …


def summary(values: Iterable[float]) -> Summary:
    """Return the mean and the standard deviation of ``values``, which must not be empty."""
    kept = tuple(float(value) for value in values)
    std = float(np.std(kept, ddof=1)) if len(kept) > 1 else None
    return Summary(float(np.mean(kept)), std, kept)


def summarise(
    results: Results, against: Sequence[str], groups: Int64Array | None = None
) -> tuple[ArmSummary, ...]:
    """Return one summary for each arm, in the order in which the arms first appear.

    Arms of one name on several subsets are one arm. Each is compared with those of ``against``
    that there are; all intervals of a measure hold together. For ``groups`` see ``compared``.
    """
    arms = by_arm(results)
    found = {measure: compared(arms, against, measure, groups) for measure in _measures(arms)}
    measure = measure_for(results[0][1].labels) if results else "accuracy"
    return tuple(
        _summary(
            name,
            own,
            measure,
            {
                other: {
                    each: comparison.differences[name, other] for each, comparison in found.items()
                }
                for other in dict.fromkeys(against)
                if (name, other) in found["accuracy"].differences
            },
        )
        for name, own in arms.items()
    )


def by_arm(results: Results) -> dict[str, ArmRuns]:
    """Return the runs of each arm, in the order in which the arms first appear."""
    arms: dict[str, ArmRuns] = {}
    for run, result in results:
        arms.setdefault(run.arm.name, {})[run.subset, run.seed] = (run, result)
    return arms


def same_trainings(arms: Mapping[str, ArmRuns]) -> list[list[str]]:
    """Return the arms, those together whose trainings are the same ones under several names."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for name, own in arms.items():
        keys = tuple((at, run_key(run)) for at, (run, _) in sorted(own.items()))
        found.setdefault(keys, []).append(name)
    return list(found.values())


def compared(
    arms: Mapping[str, ArmRuns],
    against: Sequence[str],
    measure: str,
    groups: Int64Array | None = None,
) -> Comparison:
    """Compare every arm with each of ``against`` by one measure.

    Accuracy, plain and balanced, and NLL are means over the test images, so that their intervals
    have the chance in the choice of test images in them; those of the other measures have not.
    ``groups``, int64 [N], says which test images belong together. The same trainings under two
    names count once.
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
    return compare(
        figures,
        pairs,
        None if of_image is None else blocks(of_image),
        groups=groups,
        distinct=[names[0] for names in same_trainings(arms)],
    )


def _right_of_class(result: RunResult) -> Any:
    """Return what each test image adds to the balanced accuracy, times their number; float64."""
    _, of_class, counts = np.unique(result.labels, return_inverse=True, return_counts=True)
    share = len(result.labels) / (len(counts) * counts[of_class])
    return np.equal(result.predicted, result.labels) * share


_OF_IMAGE: dict[str, Callable[[RunResult], Any]] = {
    "accuracy": lambda result: np.equal(result.predicted, result.labels).astype(np.float64),
    "balanced_accuracy": _right_of_class,
    "nll": lambda result: np.asarray(result.label_nll),
}


def _by_block(found: ArmRuns, several: bool, figure: Callable[[RunResult], Any]) -> dict[int, Any]:
    """Return the figure of each seed or, of several subsets, its mean over a subset's seeds."""
    gathered: dict[int, list[Any]] = {}
    for (subset, seed), (_, result) in sorted(found.items(), key=lambda item: item[0]):
        gathered.setdefault(subset if several else seed, []).append(figure(result))
    return {block: np.mean(own, axis=0) for block, own in gathered.items()}


def _figure(result: RunResult, measure: str) -> float:
    if measure == "corruption_error":
        return mean_error(result)
    return float(getattr(result.scores, measure))


def _measures(arms: Mapping[str, ArmRuns]) -> tuple[str, ...]:
    corrupted = all(result.corruption_errors for own in arms.values() for _, result in own.values())
    return (*MEASURES, "corruption_error") if corrupted else MEASURES


def measure_for(labels: Sequence[int]) -> Measure:
    """Return what arms are compared by: balanced accuracy where some class has far more images."""
    counts = Counter(labels).values()
    return "balanced_accuracy" if max(counts) > UNEVEN * min(counts) else "accuracy"


def _summary(
    name: str, found: ArmRuns, measure: Measure, versus: dict[str, dict[str, Difference]]
) -> ArmSummary:
    keys = sorted(found)
    arms = [found[key][0].arm for key in keys]
    results = [found[key][1] for key in keys]
    matrix = np.sum([result.confusion for result in results], axis=0)
    rows = round(float(np.mean([arm.size for arm in arms])))
    batch = found[keys[0]][0].settings.batch
    shown = min(len(results[0].labels), CURVE_ROWS)
    curve = mean_curve([result.curve for result in results], batch / max(1, rows), shown)
    scores = [result.scores for result in results]
    kept = [result.scaled for result in results if result.scaled is not None]
    temperature = summary(result.temperature or 0.0 for result in results)
    return ArmSummary(
        name=name,
        factor=arms[0].factor,
        rows=rows,
        images_per_step=arms[0].images_per_step,
        subsets=tuple(subset for subset, _ in keys),
        seeds=tuple(seed for _, seed in keys),
        **_measured(scores),
        scaled={**_measured(kept), "temperature": temperature} if len(kept) == len(keys) else None,
        difference=None,
        versus=versus,
        class_accuracy=tuple(
            None if np.isnan(share) else share for share in class_accuracy(matrix).tolist()
        ),
        confusion=tuple(map(tuple, matrix.tolist())),
        reliability=_pooled([result.reliability for result in results]),
        corruptions=_corruptions([found[key] for key in keys]),
        curve=curve,
        rise=curve.rise,
        still_from=curve.still_from,
        collapsed=tuple(result.collapsed for result in results if result.collapsed is not None),
        seconds=summary(result.seconds for result in results),
        waiting=summary(result.waiting for result in results),
        series=arms[0].series,
        measure=measure,
        **_without_collapsed(results),
    )


def _without_collapsed(results: Sequence[RunResult]) -> dict[str, Any]:
    sound = [result.scores.accuracy for result in results if result.collapsed is None]
    told = 0 < len(sound) < len(results)
    return {"accuracy_without_collapsed": summary(sound)} if told else {}


def _measured(scores: Sequence[Scores]) -> dict[str, Any]:
    return {measure: summary(getattr(own, measure) for own in scores) for measure in MEASURES}


def mean_error(result: RunResult) -> float:
    """Return the mean corruption error: a plain mean over the corruptions, not normalised."""
    return float(np.mean(list((result.corruption_errors or {}).values())))


def _corruptions(runs: Results) -> CorruptionErrors | None:
    corrupted = runs[0][0].corrupted
    found = [result.corruption_errors for _, result in runs if result.corruption_errors]
    measured = [result.corrupted for _, result in runs if result.corrupted]
    if corrupted is None or len(found) < len(runs):
        return None
    errors = {name: float(np.mean([own[name] for own in found])) for name in found[0]}
    apart = [error for name, error in errors.items() if name not in corrupted.overlapping]
    return CorruptionErrors(
        profile=corrupted.profile,
        title=corrupted.title,
        mean_error=float(np.mean(list(errors.values()))),
        mean_error_without_overlap=float(np.mean(apart)) if 0 < len(apart) < len(errors) else None,
        errors=errors,
        severities=severities_of(measured, corrupted.extra),
        measured=tuple(
            replace(parts[0], **{name: _mean(parts, name) for name in CORRUPTED_MEASURES})
            for parts in zip(*measured, strict=True)
        ),
        extra=corrupted.extra,
    )


def severities_of(
    measured: Sequence[Sequence[CorruptedScores]], extra: Sequence[str]
) -> tuple[SeverityScores, ...]:
    """Return the figures at each severity, without ``extra`` corruptions.

    ``measured`` are those of each classifier.
    """
    counted = [[each for each in own if each.corruption not in extra] for own in measured]
    levels = sorted({each.severity for own in counted for each in own})
    found = []
    for level in levels:
        here = [[each for each in own if each.severity == level] for own in counted]
        means = {name: summary(_mean(own, name) for own in here) for name in CORRUPTED_MEASURES}
        found.append(SeverityScores(level, len(here[0]), **means))
    return tuple(found)


def _mean(scores: Sequence[CorruptedScores], measure: str) -> float:
    return float(np.mean([getattr(each, measure) for each in scores]))


def _pooled(parts: Sequence[Reliability]) -> Reliability:
    count = np.array([part.count for part in parts])
    total = count.sum(axis=0)
    full = np.maximum(total, 1)
    confidence = (count * np.array([part.confidence for part in parts])).sum(axis=0) / full
    right = (count * np.array([part.accuracy for part in parts])).sum(axis=0) / full
    return Reliability(tuple(total.tolist()), tuple(confidence.tolist()), tuple(right.tolist()))
