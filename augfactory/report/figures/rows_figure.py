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
    """A value, where its bar begins and ends, rings for single values, the number on the right."""

    name: str
    value: float
    bar: tuple[float, float] | None
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
    colours = [row.colour for row in rows]
    rings = [(ring, n + 0.26, row.colour) for n, row in enumerate(rows) for ring in row.rings]
    if rings:
        x, y, edges = zip(*rings, strict=True)
        axes.scatter(x, y, s=13, facecolors="none", edgecolors=edges, linewidths=0.8, zorder=3)
    middles = [n - 0.12 if row.rings else n for n, row in enumerate(rows)]
    axes.scatter([row.value for row in rows], middles, s=36, c=colours, zorder=3)
    low, high = zip(*(row.bar or (row.value, row.value) for row in rows), strict=True)
    axes.hlines(middles, low, high, colors=colours, linewidth=1.4, zorder=3)
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
