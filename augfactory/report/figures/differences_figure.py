"""Differences from one arm with their intervals, one below the other."""

from collections.abc import Sequence

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.tune_results import Tried
from augfactory.report.figures.drawing import BLUE, GREEN, INK, RED
from augfactory.report.figures.rows_figure import Row, rows_figure


def differences_figure(tried: Sequence[Tried], baseline: str) -> bytes:
    """Return a PNG: for each name its difference in percentage points and the 95 % interval.

    ``baseline`` is the one that the others differ from. An interval that excludes 0 is green or
    red.
    """
    return rows_figure(
        f"Difference from {baseline}",
        "mean over the folds and 95 % interval; green and red exclude 0",
        [_row(one.name, one.against_default) for one in tried],
        0.0,
        "percentage points of accuracy",
    )


def _row(name: str, gap: Difference | None) -> Row:
    if gap is None:
        return Row(name, 0.0, None, INK, "")
    colour = BLUE if not gap.excludes_zero else GREEN if gap.mean > 0 else RED
    bar = None
    if gap.low is not None and gap.high is not None:
        bar = (100 * gap.low, 100 * gap.high)
    return Row(name, 100 * gap.mean, bar, colour, f"{100 * gap.mean:+.1f}")
