"""What an evaluation comes to: which arm to train on, and how sure that is."""

from collections.abc import Sequence
from functools import partial

from augfactory.evaluation.comparison.compare import ArmRuns, Results, by_arm, compared
from augfactory.evaluation.comparison.intervals import Comparison, Difference, half_width
from augfactory.evaluation.comparison.results import ArmSummary, Verdict
from augfactory.evaluation.comparison.verdict_words import MOST_SEEDS, POINT, in_words
from augfactory.records import Int64Array


def verdict_of(
    results: Results,
    arms: Sequence[ArmSummary],
    baselines: Sequence[str],
    groups: Int64Array | None = None,
) -> Verdict:
    """Compare all arms with the best of ``baselines`` and say which to use.

    An arm is used instead of the baseline only where its interval leaves out 0; of several, the
    one with the highest accuracy; of uneven test images all classes count alike. Failed trainings
    count as they are, so that a tendency to fail counts against an arm. All intervals hold together
    for every choice of the baseline, so that choosing it by the same figures does no harm. For
    ``groups`` see ``compared``.
    """
    known = [name for name in baselines if any(arm.name == name for arm in arms)]
    mean = {arm.name: arm.compared.mean for arm in arms}
    baseline = max(known, key=lambda name: mean[name])
    measure = arms[0].measure
    found = by_arm(results)
    comparison = compared(found, known, measure, groups)
    gaps = {one: gap for (one, other), gap in comparison.differences.items() if other == baseline}
    ordered = sorted(gaps, key=lambda name: -gaps[name].mean)
    better = tuple(name for name in ordered if gaps[name].excludes_zero and gaps[name].mean > 0)
    worse = tuple(
        name for name in reversed(ordered) if gaps[name].excludes_zero and gaps[name].mean < 0
    )
    use = better[0] if better else baseline
    own_test = max(
        (comparison.test[pair] for pair in comparison.test if pair[1] == baseline), default=0.0
    )
    sound = [(run, result) for run, result in results if result.collapsed is None]
    images = len(next(iter(results))[1].labels)
    seeds = len(arms[0].seeds)
    otherwise = partial(_otherwise, baselines=baselines, use=use, groups=groups)
    verdict = Verdict(
        use=use,
        baseline=baseline,
        gain=gaps.get(use),
        better=better,
        worse=worse,
        undecided=tuple(name for name in ordered if not gaps[name].excludes_zero),
        smallest_difference=_smallest(gaps),
        seeds_for_a_point=_seeds_for_a_point(comparison, own_test, len(gaps), len(arms), seeds),
        test_images_for_a_point=_images_for_a_point(own_test, images),
        test_images=images,
        rising={arm.name: arm.rise for arm in arms if arm.curve.rising},
        collapsed={arm.name: len(arm.collapsed) for arm in arms if arm.collapsed},
        without_collapsed=otherwise(by_arm(sound), measure) if len(sound) < len(results) else None,
        measure=measure,
        by_accuracy=None if measure == "accuracy" else otherwise(found, "accuracy"),
        by_nll=otherwise(found, "nll"),
    )
    return in_words(verdict, arms, gaps)


def _smallest(gaps: dict[str, Difference]) -> float | None:
    """Return the widest half of an interval: a smaller difference might have gone unseen.

    It is that of the arms that are not decided, where there are some.
    """
    known = [gap for gap in gaps.values() if gap.high is not None]
    open_ones = [gap for gap in known if not gap.excludes_zero] or known
    return max((gap.high - gap.mean for gap in open_ones if gap.high is not None), default=None)


def _seeds_for_a_point(
    comparison: Comparison, test: float, pairs: int, arms: int, seeds: int
) -> int | None:
    """Return the fewest trainings of each arm at which intervals reach no further than a point."""
    if not comparison.freedom or not pairs:
        return None
    for blocks in range(seeds, MOST_SEEDS + 1):
        freedom = (arms - 1) * (blocks - 1)
        if freedom and half_width(comparison.residual, freedom, test, blocks, pairs) <= POINT:
            return blocks
    return None


def _images_for_a_point(test: float, images: int) -> int:
    """Return how many test images keep their own chance below half of one point's interval."""
    return max(images, round(images * test * (1.96 * 2 / POINT) ** 2)) if test else images


def _otherwise(
    found: dict[str, ArmRuns],
    measure: str,
    *,
    baselines: Sequence[str],
    use: str,
    groups: Int64Array | None,
) -> str | None:
    """Return what ``measure`` of the trainings ``found`` would have used, where it is not ``use``.

    It is chosen as in ``verdict_of``.
    """
    known = [name for name in baselines if name in found]
    if not known:
        return None
    sign = -1 if measure == "nll" else 1
    means = {
        name: sign * sum(getattr(result.scores, measure) for _, result in own.values()) / len(own)
        for name, own in found.items()
    }
    baseline = max(known, key=lambda name: means[name])
    clear = [
        one
        for (one, other), gap in compared(found, known, measure, groups).differences.items()
        if other == baseline and gap.excludes_zero and sign * gap.mean > 0
    ]
    best = max(clear, key=lambda name: means[name]) if clear else baseline
    return None if best == use else best
