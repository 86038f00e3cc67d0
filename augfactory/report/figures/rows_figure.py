"""Values one below the other: a row for each arm, with its spread and its number."""

from collections.abc import Sequence
from dataclasses import dataclass

from augfactory.report.figures.drawing import (
    DASHED,
    HEADING,
    INK,
    SMALL,
    dress,
    headed_figure,
    label,
    png_of,
)

WIDTH, LINE, BELOW = 1200, 44, 92  # pixels
LONGEST_NAME = 40  # letters


@dataclass(frozen=True)
class Row:
    """A value, how far its bar reaches, rings for single values, and the number on the right.

    ``low`` and ``high`` are None where there is no bar.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    colour: str
    number: str
    rings: Sequence[float] = ()


def rows_figure(
    title: str, subtitle: str, rows: Sequence[Row], reference: float, unit: str
) -> bytes:
    """Return a PNG of the rows; a dashed line goes through all of them at ``reference``."""
    height = HEADING + LINE * len(rows) + BELOW
    figure = headed_figure(WIDTH, height, title, subtitle)
    axes = figure.add_subplot()
    axes.axvline(reference, color=INK, linewidth=1.3, linestyle=DASHED, zorder=1)
    for place, row in enumerate(rows):
        middle = place - 0.12 if row.rings else place
        axes.scatter(
            row.rings, [place + 0.26] * len(row.rings), s=13, facecolors="none",
            edgecolors=row.colour, linewidths=0.8, zorder=3,
        )  # fmt: skip
        axes.plot([row.value], [middle], "o", color=row.colour, markersize=6, zorder=3)
        if row.low is not None and row.high is not None:
            axes.errorbar(
                [row.value], [middle], fmt="none", ecolor=row.colour, elinewidth=1.3,
                xerr=[[row.value - row.low], [row.high - row.value]], capsize=3, zorder=3,
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), [label(row.name, LONGEST_NAME) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.margins(x=0.06)
    axes.set_xlabel(unit)
    dress(axes, "both")
    numbers = axes.secondary_yaxis("right")
    numbers.set_yticks(range(len(rows)), [row.number for row in rows])
    for tick, row in zip(numbers.get_yticklabels(), rows, strict=True):
        tick.set(color=row.colour, weight="bold", size=SMALL)
    for side in (axes, numbers):
        side.tick_params(axis="y", length=0)
        side.spines[["left", "right"]].set_visible(False)
    return png_of(figure)
