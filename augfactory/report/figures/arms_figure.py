"""The accuracy of many arms, one below the other, where lines over factors would overlap."""

from collections.abc import Sequence

from augfactory.evaluation.comparison.results import ArmSummary
from augfactory.report.figures.drawing import (
    BLUE,
    FAINT,
    INK,
    RULE,
    label,
    new_figure,
    only_left_and_bottom,
    png_of,
)

WIDTH, LINE, ABOVE, BELOW = 1200, 44, 118, 84  # pixels
LONGEST_NAME, LONGEST_LINE, LETTER = 40, 104, 11  # letters, letters, pixels of a wide one


def arms_figure(arms: Sequence[ArmSummary], baseline: str, subtitle: str) -> bytes:
    """Return a PNG: a line for each arm, its classifiers as rings, mean ± one standard deviation.

    The arm called ``baseline`` comes first, then the best; its mean goes through
    all lines, dashed.
    """
    ordered = sorted(arms, key=lambda arm: (arm.name != baseline, -arm.accuracy.mean))
    names = [label(arm.name, LONGEST_NAME) for arm in ordered]
    room = 40 + LETTER * max(map(len, names))
    height = ABOVE + LINE * len(ordered) + BELOW
    figure = new_figure(WIDTH, height)
    axes = figure.add_axes(
        (room / WIDTH, BELOW / height, (WIDTH - room - 90) / WIDTH, LINE * len(ordered) / height)
    )
    base = 100 * next(arm for arm in arms if arm.name == baseline).accuracy.mean
    axes.axvline(base, color=INK, linewidth=1.3, linestyle=(0, (5, 4)), zorder=1)
    for place, arm in enumerate(ordered):
        colour = INK if arm.name == baseline else BLUE
        mean, std = 100 * arm.accuracy.mean, 100 * (arm.accuracy.std or 0.0)
        values = [100 * value for value in arm.accuracy.values]
        axes.errorbar(
            [mean], [place - 0.12], xerr=[std] if std else None, fmt="o", color=colour,
            markersize=6, elinewidth=1.2, capsize=3, zorder=3,
        )  # fmt: skip
        axes.scatter(
            values, [place + 0.26] * len(values), s=13, facecolors="none", edgecolors=colour,
            linewidths=0.8, zorder=3,
        )  # fmt: skip
        axes.annotate(
            f"{mean:.1f}", (1, place), xycoords=("axes fraction", "data"), xytext=(8, 0),
            textcoords="offset points", size=8.5, color=colour, weight="bold", va="center",
        )  # fmt: skip
    axes.set_yticks(range(len(ordered)), names)
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    axes.margins(x=0.06)
    axes.set_xlabel("test accuracy, %", size=9, color=INK)
    axes.tick_params(labelsize=8.5, colors=INK, length=0)
    axes.grid(axis="both", color=RULE, linewidth=0.7)
    only_left_and_bottom(axes)
    axes.spines["left"].set_visible(False)
    left = 24 / WIDTH
    figure.text(left, 1 - 44 / height, "Test accuracy", size=13, weight="bold", color=INK)
    figure.text(left, 1 - 82 / height, label(subtitle, LONGEST_LINE), size=8.5, color=FAINT)
    return png_of(figure)
