"""The accuracy of many arms, one below the other, where lines over factors would overlap."""

from collections.abc import Sequence

from augfactory.evaluation.comparison.results import ArmSummary
from augfactory.report.figures.drawing import BLUE, INK
from augfactory.report.figures.rows_figure import Row, rows_figure


def arms_figure(arms: Sequence[ArmSummary], baseline: str, subtitle: str) -> bytes:
    """Return a PNG: a row for each arm, its classifiers as rings, mean ± one standard deviation.

    The arm called ``baseline`` comes first, then the best; its mean goes through all rows, dashed.
    """
    ordered = sorted(arms, key=lambda arm: (arm.name != baseline, -arm.accuracy.mean))
    rows = [_row(arm, INK if arm.name == baseline else BLUE) for arm in ordered]
    return rows_figure("Test accuracy", subtitle, rows, rows[0].value, "test accuracy, %")


def _row(arm: ArmSummary, colour: str) -> Row:
    mean, std = 100 * arm.accuracy.mean, 100 * (arm.accuracy.std or 0.0)
    bar = (mean - std, mean + std) if std else None
    rings = [100 * value for value in arm.accuracy.values]
    return Row(arm.name, mean, bar, colour, f"{mean:.1f}", rings)
