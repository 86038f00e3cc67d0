"""An evaluation as a table, in plain text or Markdown."""

from collections.abc import Sequence

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.results import ArmSummary, Summary
from augfactory.guarded import tables

HEAD = ("trained on", "images", "accuracy %", "difference [95 %]", "", "NLL", "ECE %", "seconds")
BALANCED = "balanced %"  # and the difference is that of it
CORRUPTED = "error on {title} %"


def table(arms: Sequence[ArmSummary]) -> str:
    """Return one line for each arm, aligned for a terminal; the best comes first.

    Mean ± standard deviation over the classifiers. Accuracy and its difference from the baseline,
    with the 95 % interval, are in percent and percentage points, the negative log-likelihood in
    nats, the seconds those of training one classifier. Of uneven test images balanced accuracy
    stands beside it, and the difference is that of balanced accuracy.
    """
    return tables.aligned(_lines(arms))


def markdown_table(arms: Sequence[ArmSummary]) -> str:
    """Return the same table in Markdown."""
    return tables.markdown(_lines(arms)) + "\n"


def ensembles_table(arms: Sequence[ArmSummary]) -> str | None:
    """Return one line for each arm's ensembles, for a terminal; None where there are none."""
    lines = _ensemble_lines(arms)
    return tables.aligned(lines) if lines else None


def markdown_ensembles(arms: Sequence[ArmSummary]) -> str | None:
    """Return the same in Markdown."""
    lines = _ensemble_lines(arms)
    return tables.markdown(lines) + "\n" if lines else None


def _ensemble_lines(arms: Sequence[ArmSummary]) -> list[tuple[str, ...]]:
    found = [(arm, arm.ensemble) for arm in best_first(arms) if arm.ensemble is not None]
    if not found:
        return []
    corrupted = next((arm.corruptions for arm, _ in found if arm.corruptions), None)
    extra = () if corrupted is None else (CORRUPTED.format(title=corrupted.title),)
    size = found[0][1].size
    head = (f"{size} answering together", "accuracy %", "over one", "NLL", "ECE %", *extra)
    lines = [head]
    for arm, own in found:
        error = own.corruption_error
        errors = () if corrupted is None else (mean_and_std(error, 100, 1) if error else "",)
        lines.append(
            (
                arm.name,
                mean_and_std(own.accuracy, 100, 1),
                f"{100 * own.gain.mean:+.1f}",
                mean_and_std(own.nll, 1, 3),
                mean_and_std(own.ece, 100, 1),
                *errors,
            )
        )
    return lines


def severities_table(arms: Sequence[ArmSummary]) -> str | None:
    """Return error, NLL and calibration at each severity in Markdown, the best arm first.

    None where nothing was measured on corrupted images.
    """
    measured = [(arm, arm.corruptions) for arm in best_first(arms) if arm.corruptions]
    lines = [
        (
            arm.name,
            str(each.severity),
            mean_and_std(each.error, 100, 1),
            mean_and_std(each.nll, 1, 3),
            mean_and_std(each.ece, 100, 1),
            mean_and_std(each.rms_calibration, 100, 1),
        )
        for arm, corruptions in measured
        for each in corruptions.severities
    ]
    if not lines:
        return None
    title = measured[0][1].title
    head = ("trained on", f"severity, {title}", "error %", "NLL", "ECE %", "RMS calibration %")
    return tables.markdown([head, *lines]) + "\n"


def best_first(arms: Sequence[ArmSummary]) -> list[ArmSummary]:
    """Return the arms by what they are compared by, the highest mean first."""
    return sorted(arms, key=lambda arm: -arm.compared.mean)


def _lines(arms: Sequence[ArmSummary]) -> list[tuple[str, ...]]:
    """Return the head and one line for each arm."""
    corrupted = next((arm.corruptions for arm in arms if arm.corruptions), None)
    extra = () if corrupted is None else (CORRUPTED.format(title=corrupted.title),)
    balanced = any(arm.measure == "balanced_accuracy" for arm in arms)
    first = (*HEAD[:3], BALANCED, *HEAD[3:-1]) if balanced else HEAD[:-1]
    head = (*first, *extra, HEAD[-1])
    return [head, *(_line(arm, corrupted is not None) for arm in best_first(arms))]


def _line(arm: ArmSummary, with_corruptions: bool) -> tuple[str, ...]:
    errors = f"{100 * arm.corruptions.mean_error:.1f}" if arm.corruptions else ""
    return (
        arm.name,
        f"{arm.rows:,}",
        mean_and_std(arm.accuracy, 100, 1),
        *([mean_and_std(arm.compared, 100, 1)] if arm.measure != "accuracy" else []),
        interval(arm.gain) if arm.gain else "",
        _decided(arm.gain),
        mean_and_std(arm.nll, 1, 3),
        mean_and_std(arm.ece, 100, 1),
        *([errors] if with_corruptions else []),
        f"{arm.seconds.mean:,.1f}",
    )


def _decided(gain: Difference | None) -> str:
    """Say in a word what a difference and its interval decide."""
    if gain is None:
        return "baseline"
    if not gain.excludes_zero:
        return "undecided"
    return "better" if gain.mean > 0 else "worse"


def failed_in_words(arm: ArmSummary) -> str:
    """Say how many trainings of an arm failed, and its accuracy without them."""
    said = f"{len(arm.collapsed)} of {len(arm.seeds)} trainings failed"
    without = arm.accuracy_without_collapsed
    return said if without is None else f"{said}, {mean_and_std(without, 100, 1)} % without"


def interval(gap: Difference, scale: float = 100, digits: int = 1) -> str:
    """Return ``+1.8 [+0.9, +2.7]``; without the brackets where there is but one pair."""
    mean = f"{scale * gap.mean:+.{digits}f}"
    if gap.low is None or gap.high is None:
        return mean
    return f"{mean} [{scale * gap.low:+.{digits}f}, {scale * gap.high:+.{digits}f}]"


def mean_and_std(values: Summary, scale: float, digits: int) -> str:
    """Return ``86.5 ± 0.7``; without the second number where there is but one value."""
    mean = f"{scale * values.mean:.{digits}f}"
    return mean if values.std is None else f"{mean} ± {scale * values.std:.{digits}f}"
