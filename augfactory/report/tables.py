"""An evaluation as a table in plain text."""

from collections.abc import Sequence
from typing import Protocol

from augfactory.report.measured_arms import MeasuredArm, MeasuredSpread, baseline_among

HEAD = ("trained on", "images", "accuracy %", "difference", "NLL", "seconds")


class Measured(Protocol):
    """An evaluation: its arms, and the name of the one that the others are compared with."""

    @property
    def arms(self) -> Sequence[MeasuredArm]: ...  # noqa: D102
    @property
    def baseline(self) -> str: ...  # noqa: D102


def table(result: Measured) -> str:
    """Return one line for each arm: mean ± standard deviation over the seeds.

    Accuracy and its difference from the baseline are in percent and percentage points, the
    negative log-likelihood in nats, the seconds those of training one classifier.
    """
    baseline = baseline_among(result.arms, result.baseline)
    lines = [HEAD, *(_line(arm, baseline) for arm in result.arms)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _line(arm: MeasuredArm, baseline: MeasuredArm) -> tuple[str, ...]:
    difference = 100 * (arm.accuracy.mean - baseline.accuracy.mean)
    return (
        arm.name,
        f"{arm.rows:,}",
        _mean_and_std(arm.accuracy, 100, 2),
        "" if arm.name == baseline.name else f"{difference:+.2f}",
        _mean_and_std(arm.nll, 1, 3),
        f"{arm.seconds.mean:,.1f}",
    )


def _mean_and_std(spread: MeasuredSpread, scale: float, digits: int) -> str:
    mean = f"{scale * spread.mean:.{digits}f}"
    return mean if spread.std is None else f"{mean} ± {scale * spread.std:.{digits}f}"
