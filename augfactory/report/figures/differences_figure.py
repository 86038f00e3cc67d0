"""Differences from one arm with their intervals, one below the other."""

from collections.abc import Sequence

from augfactory.evaluation.comparison.results import Tried
from augfactory.report.figures.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    RED,
    RULE,
    label,
    new_figure,
    only_left_and_bottom,
    png_of,
)

WIDTH, LINE, ABOVE, BELOW = 1200, 40, 112, 84  # pixels
LONGEST_NAME, LETTER = 40, 11  # letters, pixels of a wide one


def differences_figure(tried: Sequence[Tried], baseline: str) -> bytes:
    """Return a PNG: for each name its difference in percentage points and the 95 % interval.

    ``baseline`` is the one that the others differ from. An interval that excludes 0 is green or
    red.
    """
    names = [label(one.name, LONGEST_NAME) for one in tried]
    room = 40 + LETTER * max(map(len, names))
    height = ABOVE + LINE * len(names) + BELOW
    figure = new_figure(WIDTH, height)
    axes = figure.add_axes(
        (room / WIDTH, BELOW / height, (WIDTH - room - 90) / WIDTH, LINE * len(names) / height)
    )
    axes.axvline(0, color=INK, linewidth=1.3, linestyle=(0, (5, 4)), zorder=1)
    for place, one in enumerate(tried):
        gap = one.against_default
        if gap is None:
            axes.plot([0], [place], "o", color=INK, markersize=6)
            continue
        mean = gap.mean
        colour = BLUE if not gap.excludes_zero else GREEN if mean > 0 else RED
        if gap.low is not None and gap.high is not None:
            axes.plot([100 * gap.low, 100 * gap.high], [place, place], color=colour, linewidth=1.4)
        axes.plot([100 * mean], [place], "o", color=colour, markersize=6)
        axes.annotate(
            f"{100 * mean:+.1f}", (1, place), xycoords=("axes fraction", "data"), xytext=(8, 0),
            textcoords="offset points", size=8.5, color=colour, weight="bold", va="center",
        )  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.margins(x=0.06)
    axes.set_xlabel("percentage points of accuracy", size=9, color=INK)
    axes.tick_params(labelsize=8.5, colors=INK, length=0)
    axes.grid(axis="both", color=RULE, linewidth=0.7)
    only_left_and_bottom(axes)
    axes.spines["left"].set_visible(False)
    left = 24 / WIDTH
    title = f"Difference from {label(baseline, LONGEST_NAME)}"
    figure.text(left, 1 - 44 / height, title, size=13, weight="bold", color=INK)
    about = "mean over the folds and 95 % interval; green and red leave out 0"
    figure.text(left, 1 - 80 / height, about, size=8.5, color=FAINT)
    return png_of(figure)
