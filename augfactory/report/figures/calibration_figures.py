"""Reliability diagrams: what a classifier's confidence was worth."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from augfactory.evaluation.comparison.measures import Reliability
from augfactory.report.figures.drawing import (
    BLUE,
    DASHED,
    FAINT,
    GREEN,
    INK,
    RED,
    dress,
    new_figure,
    png_of,
)

RELIABILITY_PIXELS = (440, 500)


def reliability_figure(bins: Reliability, ece: float) -> bytes:
    """Return a PNG of ``RELIABILITY_PIXELS``: accuracy by confidence, and how many rows below.

    For each of the equal bins of confidence from 0 to 1 (Guo et al. 2017, figure 1), blue and green
    together are the accuracy, blue and red the mean confidence: red is what accuracy lacks of it,
    green what exceeds it. Empty bins have no bar.

    Args:
        bins: how many rows each has, and what confidence was worth there.
        ece: the expected calibration error that is printed, 0 to 1.
    """
    count = np.asarray(bins.count, dtype=np.float64)
    confidence, accuracy = (
        100 * np.asarray(values, dtype=np.float64) for values in (bins.confidence, bins.accuracy)
    )
    edges = np.linspace(0, 100, len(count) + 1)
    full = count > 0
    figure = new_figure(*RELIABILITY_PIXELS)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.6, 1))
    _draw_bins(upper, edges, full, confidence, accuracy)
    upper.text(4, 92, f"ECE {100 * ece:.1f} %", size=10, weight="bold", color=INK, va="center")
    shares = 100 * count / max(count.sum(), 1)
    lower.bar(edges[:-1], shares, np.diff(edges), align="edge", color="#9aa5ad", edgecolor="white")
    lower.set_xlabel("confidence, %")
    lower.set_ylabel("rows, %")
    lower.set_xlim(0, 100)
    for axes in (upper, lower):
        dress(axes, "y", 8)
    figure.align_ylabels()
    return png_of(figure)


def _draw_bins(axes: Axes, edges: Any, full: Any, confidence: Any, accuracy: Any) -> None:
    lefts, widths = edges[:-1][full], np.diff(edges)[full]
    low = np.minimum(confidence, accuracy)[full]
    axes.bar(lefts, low, widths, align="edge", color=BLUE, alpha=0.85, edgecolor="white")
    for gap, colour in ((confidence - accuracy, RED), (accuracy - confidence, GREEN)):
        height = np.maximum(gap[full], 0)
        shown = height > 0
        axes.bar(
            lefts[shown],
            height[shown],
            widths[shown],
            low[shown],
            align="edge",
            color=(colour, 0.4),
            edgecolor=colour,
            linewidth=0.8,
        )
    axes.plot([0, 100], [0, 100], color=FAINT, linewidth=1.1, linestyle=DASHED)
    axes.set_ylim(0, 100)
    axes.set_ylabel("accuracy, %")
