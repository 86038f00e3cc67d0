"""Learning curves: accuracy against optimiser steps, a line for each arm."""

from collections.abc import Sequence

from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from augfactory.evaluation.comparison.results import ArmSummary
from augfactory.report.figures.drawing import (
    COLOURS,
    DASHED,
    INK,
    SMALL,
    dress,
    headed_figure,
    label,
    png_of,
)

WIDTH, HEIGHT = 1200, 720
MOST_LINES = 8
LONGEST_NAME = 34


def curves_figure(arms: Sequence[ArmSummary], baseline: str, subtitle: str) -> bytes:
    """Return a PNG of accuracy against steps; each band is ± one standard deviation.

    The baseline is dashed. A thin dotted line is the accuracy on training images. Names are beside
    the figure, in the order of the lines' ends.

    Args:
        arms: the first 8 that have a curve are drawn.
        baseline: the name of one of them.
        subtitle: one line about what was done.
    """
    shown = [arm for arm in arms if arm.curve.steps][:MOST_LINES]
    figure = headed_figure(WIDTH, HEIGHT, "Accuracy against steps", subtitle)
    axes = figure.add_subplot()
    ends = []
    for arm, colour in zip(shown, COLOURS, strict=False):
        curve, is_baseline = arm.curve, arm.name == baseline
        mean = [100 * value for value in curve.accuracy]
        ink = INK if is_baseline else colour
        if curve.std is not None:
            low = [value - 100 * std for value, std in zip(mean, curve.std, strict=True)]
            high = [value + 100 * std for value, std in zip(mean, curve.std, strict=True)]
            axes.fill_between(curve.steps, low, high, color=ink, alpha=0.09, linewidth=0)
        (line,) = axes.plot(
            curve.steps, mean, color=ink, linewidth=1.9, linestyle=DASHED if is_baseline else "-",
            label=f"{mean[-1]:.1f}  {label(arm.name, LONGEST_NAME)}",
        )  # fmt: skip
        ends.append((mean[-1], line))
        training = [100 * value for value in curve.training_accuracy]
        axes.plot(curve.steps, training, color=ink, linewidth=0.9, linestyle=":", alpha=0.7)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("optimiser steps")
    axes.set_ylabel("accuracy, %")
    dress(axes, "y")
    figure.legend(
        handles=[line for _, line in sorted(ends, key=lambda end: -end[0])],
        loc="outside right upper", frameon=False, fontsize=SMALL, labelcolor="linecolor",
    )  # fmt: skip
    return png_of(figure)
