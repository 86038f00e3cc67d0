"""What an evaluation comes to: which arm to train on, and how sure that is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from augfactory.evaluation.comparison.compare import ArmRuns, Results, by_arm, compared
from augfactory.evaluation.comparison.intervals import Comparison, Difference, half_width
from augfactory.evaluation.comparison.results import ArmSummary, Verdict

POINT = 0.01  # of accuracy
MOST_SEEDS = 200
SINGLE = "One training of each arm decides nothing: ask for more --seeds."
ALL_RISE = "All arms still rise: more steps may change the order."
EARLY = f"It is too early to tell. {ALL_RISE}"
UNEVEN = 1.5  # times as many images of one class as of another


def verdict_of(results: Results, arms: Sequence[ArmSummary], baselines: Sequence[str]) -> Verdict:
    """Compare all arms with the best of ``baselines`` and say which to use.

    An arm is used instead of the baseline only where its interval leaves out 0; of several, the
    one with the highest accuracy. Failed trainings count as they are, so that a tendency to fail
    counts against an arm. All intervals hold together for every choice of the baseline, so that
    choosing it by the same figures does no harm.
    """
    known = [name for name in baselines if any(arm.name == name for arm in arms)]
    mean = {arm.name: arm.accuracy.mean for arm in arms}
    baseline = max(known, key=lambda name: mean[name])
    comparison = compared(by_arm(results), known, "accuracy")
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
        without_collapsed=_otherwise(by_arm(sound), baselines, "accuracy", use)
        if len(sound) < len(results)
        else None,
        balanced=_otherwise(by_arm(results), baselines, "balanced_accuracy", use)
        if _uneven(next(iter(results))[1].labels)
        else None,
    )
    return replace(verdict, text=_text(verdict, arms))


def _uneven(labels: Sequence[int]) -> bool:
    """Say whether some class has far more test images than another that has any."""
    counts = Counter(labels).values()
    return max(counts) > UNEVEN * min(counts)


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
    found: dict[str, ArmRuns], baselines: Sequence[str], measure: str, use: str
) -> str | None:
    """Return what ``measure`` of the trainings ``found`` would have used, where it is not ``use``.

    It is chosen as in ``verdict_of``.
    """
    known = [name for name in baselines if name in found]
    if not known:
        return None
    means = {
        name: sum(getattr(result.scores, measure) for _, result in own.values()) / len(own)
        for name, own in found.items()
    }
    baseline = max(known, key=lambda name: means[name])
    clear = [
        one
        for (one, other), gap in compared(found, known, measure).differences.items()
        if other == baseline and gap.excludes_zero and gap.mean > 0
    ]
    best = max(clear, key=lambda name: means[name]) if clear else baseline
    return None if best == use else best


def _text(verdict: Verdict, arms: Sequence[ArmSummary]) -> str:
    """Say the verdict in sentences, accuracies in points."""
    by_name = {arm.name: arm for arm in arms}
    baseline = verdict.baseline
    said = [SINGLE] if verdict.smallest_difference is None else []
    all_rise = len(verdict.rising) == len(arms)
    if verdict.gain is not None:
        said.append(f"Use {verdict.use} ({points(verdict.gain)} over {baseline}).")
    elif all_rise:
        said.append(f"{EARLY} Until then use {baseline}: nothing here is surely better.")
    else:
        said.append(f"Use {baseline}: nothing here is surely better.")
    others = [name for name in verdict.better if name != verdict.use]
    if others:
        said.append(f"Also better: {_listed(others, by_name, baseline)}.")
    if verdict.worse:
        said.append(f"Leave out {_listed(verdict.worse, by_name, baseline)}.")
    if verdict.undecided:
        said.append(f"Not decided: {_listed(verdict.undecided, by_name, baseline)}.")
    if all_rise:
        said += [ALL_RISE] if verdict.gain is not None else []
    elif verdict.rising:
        said.append(
            "Still rising: "
            + ", ".join(
                name if rise is None else f"{name} ({100 * rise:+.1f} in the last fifth)"
                for name, rise in verdict.rising.items()
            )
            + "; more steps may change the order."
        )
    if verdict.collapsed:
        failed = ", ".join(f"{count} of {name}" for name, count in verdict.collapsed.items())
        said.append(f"Failed trainings, counted as they are: {failed}.")
        if verdict.without_collapsed is not None:
            said.append(f"Without them it would be {verdict.without_collapsed}.")
    if verdict.balanced is not None:
        said.append(
            f"With all classes counting alike (balanced accuracy) it would be {verdict.balanced}."
        )
    if verdict.smallest_difference is not None:
        said.append(_sharpness(verdict, verdict.smallest_difference))
    return " ".join(said)


def points(gap: Difference) -> str:
    """Return ``+3.1 points [+2.2, +4.0]``."""
    text = f"{100 * gap.mean:+.1f} points"
    if gap.low is None or gap.high is None:
        return f"{text}, no interval"
    return f"{text} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"


def _listed(names: Sequence[str], arms: dict[str, ArmSummary], baseline: str) -> str:
    return ", ".join(
        f"{name} ({100 * arms[name].versus[baseline]['accuracy'].mean:+.1f})" for name in names
    )


def _sharpness(verdict: Verdict, smallest: float) -> str:
    text = f"Differences below {100 * smallest:.1f} percentage points may go unseen here"
    if smallest <= POINT:
        return text + "."
    point = "to see a difference of one percentage point"
    if verdict.seeds_for_a_point is not None:
        return f"{text}; {point} would take {verdict.seeds_for_a_point} trainings of each arm."
    if verdict.test_images_for_a_point <= verdict.test_images:
        return f"{text}; {point} would take more than {MOST_SEEDS} trainings of each arm."
    return (
        f"{text}; {point} would take about {verdict.test_images_for_a_point:,} test images, "
        "however many trainings there are."
    )


def sentence(arm: ArmSummary) -> str:
    """Say in words what the arm gained, in points of accuracy, over each that it is compared to."""
    said = [_gain(other, found["accuracy"]) for other, found in arm.versus.items()]
    return f"{arm.name}: {'; '.join(said)}." if said else ""


def _gain(other: str, gap: Difference) -> str:
    points = f"{100 * gap.mean:+.1f} points"
    if gap.low is None or gap.high is None:
        return f"{points} against {other} (one pair, so no interval)"
    interval = f"[{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
    if gap.excludes_zero:
        return f"{points} {interval} {'over' if gap.mean > 0 else 'below'} {other}"
    return f"not distinguishable from {other} ({points} {interval})"
