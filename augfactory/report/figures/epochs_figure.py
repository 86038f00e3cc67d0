"""Training and test beside each other: accuracy and loss against epochs, a line for each arm."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator, StrMethodFormatter

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

WIDTH, HEIGHT = 1500, 640
MOST_LINES = 8
LONGEST_NAME = 34
FAR_APART = 4  # times as many epochs as another arm: their lines need a logarithmic axis


def epochs_figure(arms: Sequence[ArmSummary], baseline: str, subtitle: str) -> bytes:
    """Return a PNG of accuracy and of loss against epochs, passes over each arm's own set.

    Whole lines are the test images, dotted ones the batches while they are learnt; the baseline is
    dashed.

    Args:
        arms: the first 8 are drawn; each has a curve with epochs and batches.
        baseline: the name of one of them, or of none.
        subtitle: one line about what was done.
    """
    shown = arms[:MOST_LINES]
    title = "Training (dotted) and test, epoch by epoch"
    figure = headed_figure(WIDTH, HEIGHT, title, subtitle)
    left, right = figure.subplots(1, 2)
    lines = []
    for arm, colour in zip(shown, COLOURS, strict=False):
        curve, ink = arm.curve, INK if arm.name == baseline else colour
        style = DASHED if arm.name == baseline else "-"
        pairs = (
            (left, [100 * own for own in curve.accuracy], [100 * x for x in curve.batch_accuracy]),
            (right, list(curve.nll), list(curve.batch_loss)),
        )
        for axes, test, training in pairs:
            (line,) = axes.plot(
                curve.epochs, test, color=ink, linewidth=1.8, linestyle=style,
                label=label(arm.name, LONGEST_NAME),
            )  # fmt: skip
            axes.plot(curve.epochs, training, color=ink, linewidth=1.1, linestyle=":")
        lines.append(line)
    last = [arm.curve.epochs[-1] for arm in shown]
    for axes, name in ((left, "accuracy, %"), (right, "loss")):
        _dress(axes, name, logarithmic=max(last) > FAR_APART * min(last))
    figure.legend(
        handles=lines, loc="outside right upper", frameon=False, fontsize=SMALL,
        labelcolor="linecolor",
    )  # fmt: skip
    return png_of(figure)


def _dress(axes: Axes, name: str, *, logarithmic: bool) -> None:
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.set_xlabel("epochs")
    axes.set_ylabel(name)
    dress(axes, "y")
