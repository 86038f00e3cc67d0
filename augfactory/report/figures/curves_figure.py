"""Learning curves: accuracy against optimiser steps, a line for each arm."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from augfactory.evaluation.comparison.results import ArmSummary
from augfactory.report.figures.drawing import (
    FAINT,
    INK,
    RULE,
    label,
    new_figure,
    only_left_and_bottom,
    png_of,
)

WIDTH, HEIGHT = 1200, 720
COLOURS = ("#0a6ebd", "#d1495b", "#2e8b57", "#8a5fbf", "#c98a1b", "#4a6572", "#b05d9c", "#5a8f29")
MOST_LINES = len(COLOURS)
LONGEST_NAME, LONGEST_LINE = 28, 104
APART = 0.035  # of the height, between two names


def curves_figure(arms: Sequence[ArmSummary], baseline: str, subtitle: str) -> bytes:
    """Return a PNG of accuracy against steps; each band is ± one standard deviation.

    The baseline is dashed. A thin dotted line is the accuracy on training images. Names stand at
    the ends of the lines, in their order.

    Args:
        arms: the first 8 that have a curve are drawn.
        baseline: the name of one of them.
        subtitle: one line about what was done.
    """
    shown = [arm for arm in arms if arm.curve.steps][:MOST_LINES]
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.add_axes((0.075, 0.11, 0.62, 0.735))
    ends = []
    for arm, colour in zip(shown, COLOURS, strict=False):
        curve = arm.curve
        steps, mean = curve.steps, [100 * value for value in curve.accuracy]
        is_baseline = arm.name == baseline
        ink = INK if is_baseline else colour
        if curve.std is not None:
            low = [value - 100 * std for value, std in zip(mean, curve.std, strict=True)]
            high = [value + 100 * std for value, std in zip(mean, curve.std, strict=True)]
            axes.fill_between(steps, low, high, color=ink, alpha=0.09, linewidth=0)
        axes.plot(
            steps, mean, color=ink, linewidth=1.9, linestyle=(0, (5, 3)) if is_baseline else "-"
        )
        training = [100 * value for value in curve.training_accuracy]
        axes.plot(steps, training, color=ink, linewidth=0.9, linestyle=":", alpha=0.7)
        ends.append((mean[-1], f"{label(arm.name, LONGEST_NAME)}  {mean[-1]:.1f}", ink))
    _dress(axes)
    _write_names(axes, ends)
    left = 24 / WIDTH
    figure.text(left, 1 - 44 / HEIGHT, "Accuracy against steps", size=13, weight="bold", color=INK)
    figure.text(left, 1 - 82 / HEIGHT, label(subtitle, LONGEST_LINE), size=8.5, color=FAINT)
    return png_of(figure)


def _dress(axes: Axes) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    ticks = [step for power in range(1, 7) for step in (10**power, 2 * 10**power, 5 * 10**power)]
    axes.set_xticks([], minor=True)
    inside = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(inside, [f"{tick:,}" for tick in inside])
    axes.set_xlabel("optimiser steps", size=9, color=INK)
    axes.set_ylabel("accuracy, %", size=9, color=INK)
    axes.tick_params(labelsize=8.5, colors=INK, length=3)
    axes.grid(axis="y", color=RULE, linewidth=0.7)
    only_left_and_bottom(axes)


def _write_names(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write each name right of its line's end, moved down where two would overlap."""
    bottom, top = axes.get_ylim()
    above = 1.0 + APART
    for value, text, colour in sorted(ends, key=lambda end: -end[0]):
        place = min((value - bottom) / (top - bottom), above - APART)
        above = place
        axes.annotate(
            text, (1, place), xycoords="axes fraction", xytext=(8, 0), textcoords="offset points",
            size=8.5, color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
