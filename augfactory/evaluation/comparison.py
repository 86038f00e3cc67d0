"""What the cells of an evaluation say together: means, intervals of differences, a sentence.

Arms are compared where both have a cell for the same subset and training seed, so that the chance
of the draw and of the first weights is the same for both. With several subsets the seeds of each
are averaged first and the interval is over the subsets, since seeds on one subset say nothing of
another; with one subset it is over the seeds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import t as student

from augfactory.evaluation.measures import Reliability, Scores, class_accuracy
from augfactory.evaluation.protocol import Arm, Cell, CellResult

LEVEL = 0.95
MEASURES = tuple(Scores.__dataclass_fields__)


@dataclass(frozen=True)
class Spread:
    """Some values, their mean and standard deviation (ddof 1; None for a single value)."""

    mean: float
    std: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences and its 95 % interval by Student's t.

    ``low`` and ``high`` are None for a single pair; ``pairs`` counts the subsets or, where there
    is but one, the seeds.
    """

    mean: float
    low: float | None
    high: float | None
    pairs: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


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
        class_accuracy: [K], over all cells; NaN for a class without test rows.
        confusion: [K][K], summed over the cells.
        reliability: over all cells.
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
    measures: dict[str, Spread]
    scaled: dict[str, Spread] | None
    versus: dict[str, dict[str, Difference]] = field(repr=False)
    class_accuracy: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: Reliability
    corruption_errors: dict[str, Spread] | None
    seconds: Spread
    waiting: Spread

    @property
    def accuracy(self) -> Spread:
        """Share of right answers, 0 to 1."""
        return self.measures["accuracy"]

    @property
    def nll(self) -> Spread:
        """Negative log-likelihood in nats."""
        return self.measures["nll"]


def spread(values: Iterable[float]) -> Spread:
    """Return the mean and the standard deviation of ``values``, which must not be empty."""
    kept = tuple(float(value) for value in values)
    std = float(np.std(kept, ddof=1)) if len(kept) > 1 else None
    return Spread(float(np.mean(kept)), std, kept)


def difference(
    first: Mapping[tuple[int, int], float], second: Mapping[tuple[int, int], float]
) -> Difference:
    """Compare two arms by (subset, seed); they must have a pair in common."""
    by_subset: dict[int, list[float]] = {}
    for subset, seed in sorted(first.keys() & second.keys()):
        gap = first[subset, seed] - second[subset, seed]
        by_subset.setdefault(subset, []).append(gap)
    if len(by_subset) > 1:
        gaps = np.array([np.mean(own) for own in by_subset.values()])
    else:
        gaps = np.array(next(iter(by_subset.values())))
    mean = float(gaps.mean())
    if len(gaps) == 1:
        return Difference(mean, None, None, 1)
    half = student.ppf((1 + LEVEL) / 2, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
    return Difference(mean, mean - float(half), mean + float(half), len(gaps))


def summarise(
    results: Iterable[tuple[Cell, CellResult]], against: Sequence[str]
) -> tuple[ArmSummary, ...]:
    """Return one summary for each arm, in the order in which the arms first appear.

    Arms of one name on several subsets are one arm. Each is compared with those of ``against``
    that there are.
    """
    by_name: dict[str, dict[tuple[int, int], tuple[Arm, CellResult]]] = {}
    for cell, result in results:
        by_name.setdefault(cell.arm.name, {})[cell.subset, cell.seed] = (cell.arm, result)
    others = {name: by_name[name] for name in against if name in by_name}
    return tuple(_summary(name, found, others) for name, found in by_name.items())


Found = dict[tuple[int, int], tuple[Arm, CellResult]]


def _summary(name: str, found: Found, others: Mapping[str, Found]) -> ArmSummary:
    keys = sorted(found)
    arms = [found[key][0] for key in keys]
    results = [found[key][1] for key in keys]
    matrix = np.sum([result.confusion for result in results], axis=0)
    kept = [result.scaled for result in results]
    scaled = None
    if all(own is not None for own in kept):
        scaled = {
            measure: spread(getattr(own, measure) for own in kept) for measure in MEASURES
        } | {"temperature": spread(result.temperature or 0.0 for result in results)}
    return ArmSummary(
        name=name,
        factor=arms[0].factor,
        rows=round(float(np.mean([arm.size for arm in arms]))),
        images_per_step=arms[0].images_per_step,
        subsets=tuple(subset for subset, _ in keys),
        seeds=tuple(seed for _, seed in keys),
        measures={
            measure: spread(getattr(result.scores, measure) for result in results)
            for measure in MEASURES
        },
        scaled=scaled,
        versus={
            other: _differences(found, those)
            for other, those in others.items()
            if other != name and found.keys() & those.keys()
        },
        class_accuracy=tuple(class_accuracy(matrix).tolist()),
        confusion=tuple(map(tuple, matrix.tolist())),
        reliability=_pooled([result.reliability for result in results]),
        corruption_errors=_corruptions(results),
        seconds=spread(result.seconds for result in results),
        waiting=spread(result.waiting for result in results),
    )


def _differences(found: Found, others: Found) -> dict[str, Difference]:
    def by_key(arm: Found, figure: Callable[[CellResult], float]) -> dict[tuple[int, int], float]:
        return {key: figure(result) for key, (_, result) in arm.items()}

    figures: dict[str, Callable[[CellResult], float]] = {
        measure: lambda result, measure=measure: getattr(result.scores, measure)  # type: ignore[misc]
        for measure in MEASURES
    }
    if all(result.corruption_errors for arm in (found, others) for _, result in arm.values()):
        figures["corruption_error"] = mean_error
    return {
        name: difference(by_key(found, figure), by_key(others, figure))
        for name, figure in figures.items()
    }


def mean_error(result: CellResult) -> float:
    """Return the mean corruption error: a plain mean over the corruptions, not normalised."""
    return float(np.mean(list((result.corruption_errors or {}).values())))


def _corruptions(results: Sequence[CellResult]) -> dict[str, Spread] | None:
    found = [result.corruption_errors for result in results if result.corruption_errors]
    if len(found) < len(results):
        return None
    return {name: spread(errors[name] for errors in found) for name in found[0]}


def _pooled(parts: Sequence[Reliability]) -> Reliability:
    count = np.array([part.count for part in parts])
    total = count.sum(axis=0)
    full = np.maximum(total, 1)
    confidence = (count * np.array([part.confidence for part in parts])).sum(axis=0) / full
    right = (count * np.array([part.accuracy for part in parts])).sum(axis=0) / full
    return Reliability(tuple(total.tolist()), tuple(confidence.tolist()), tuple(right.tolist()))


def sentence(arm: ArmSummary) -> str:
    """Say in words what the arm gained, in points of accuracy, over each that it is compared to."""
    said = [_gain(other, found["accuracy"]) for other, found in arm.versus.items()]
    return f"{arm.name}: {'; '.join(said)}." if said else ""


def _gain(other: str, gap: Difference) -> str:
    points = f"{100 * gap.mean:+.1f} points"
    if gap.low is None or gap.high is None:
        return f"{points} against {other} (one pair, so no interval)"
    interval = f"[{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
    if gap.clear:
        return f"{points} {interval} {'over' if gap.mean > 0 else 'below'} {other}"
    return f"not distinguishable from {other} ({points} {interval})"
