"""Figures of a source: how many images each class has, and how large the images are."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from augfactory.report.figures.drawing import (
    BLUE,
    DASHED,
    HEADING,
    INK,
    RED,
    dress,
    headed_figure,
    label,
    png_of,
)

WIDTH, HEIGHT, LINE, BELOW = 1000, 620, 34, 92  # pixels
MOST_BARS = 40
MOST_BINS = 30
LONGEST_NAME = 24
LONGEST_TITLE = 40


def classes_figure(name: str, class_names: Sequence[str], counts: Sequence[int]) -> bytes:
    """Return a PNG of a bar for each class, the class with most images first.

    Of more than ``MOST_BARS`` classes, those with most and those with fewest images are drawn.
    """
    order = sorted(range(len(counts)), key=lambda place: -counts[place])
    if len(order) > MOST_BARS:
        order = order[: MOST_BARS // 2] + order[-MOST_BARS // 2 :]
    shown = f", {len(order)} of them drawn" if len(order) < len(counts) else ""
    least, most = min(counts), max(counts)
    each = f"{least:,} each" if least == most else f"{least:,} to {most:,} each"
    subtitle = f"{sum(counts):,} images of {len(counts):,} classes{shown}; {each}"
    height = HEADING + LINE * len(order) + BELOW
    axes = headed_figure(WIDTH, height, label(name, LONGEST_TITLE), subtitle).add_subplot()
    values = [counts[place] for place in order]
    bars = axes.barh(np.arange(len(order)), values, 0.7, color=BLUE)
    axes.bar_label(bars, [f"{value:,}" for value in values], padding=4, size=7.5, color=INK)
    axes.set_yticks(
        np.arange(len(order)), [label(class_names[place], LONGEST_NAME) for place in order]
    )
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(0, 1.1 * max(1, *values))
    axes.set_xlabel("images")
    dress(axes, "x", 8)
    axes.tick_params(axis="y", length=0)
    return png_of(axes.figure)


def sizes_figure(name: str, sizes: Sequence[tuple[int, int, int]], median: int) -> bytes:
    """Return a PNG of two histograms, of heights and of widths, and their median side.

    Args:
        name: of the source.
        sizes: (height, width, how many images have it), in pixels.
        median: the median of all sides.
    """
    heights, widths, images = (np.array(column) for column in zip(*sizes, strict=True))
    subtitle = (
        f"{images.sum():,} images of {len(sizes):,} size{'s' * (len(sizes) > 1)}; "
        f"the median side is {median} pixels"
    )
    axes = headed_figure(WIDTH, HEIGHT, label(name, LONGEST_TITLE), subtitle).add_subplot()
    low, high = min(heights.min(), widths.min()), max(heights.max(), widths.max())
    bins = min(MOST_BINS, int(high - low) + 1)
    edges = np.linspace(low - 0.5, high + 0.5, bins + 1).tolist()
    for values, colour, what in ((heights, BLUE, "height"), (widths, RED, "width")):
        axes.hist(
            values,
            edges,
            weights=images,
            color=colour,
            alpha=0.55,
            label=what,
            histtype="stepfilled",
        )
    axes.axvline(median, color=INK, linewidth=1.2, linestyle=DASHED, label="median side")
    if low == high:
        axes.set_xlim(low - 4, high + 4)
    axes.set_xlabel("pixels")
    axes.set_ylabel("images")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    dress(axes, "y")
    return png_of(axes.figure)
