"""Figures of the single classes: who is taken for whom, and which class gained."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from augfactory.arrays.colour import LUMA
from augfactory.report.figures.drawing import (
    BLUE,
    GREEN,
    INK,
    RED,
    SMALL,
    dress,
    label,
    new_figure,
    png_of,
)
from augfactory.report.figures.letters import width_of

MOST_DRAWN = 20  # classes of a confusion matrix whose cells can still be read
MOST_BARS = 30
LONGEST_NAME = 18
LETTERS = 17  # pixels, of the labels
ROOM_FOR_NUMBERS = 1.7  # times the longest bar
RIGHT = LinearSegmentedColormap.from_list("right", ["#ffffff", BLUE])
WRONG = LinearSegmentedColormap.from_list("wrong", ["#ffffff", RED])


def confusion_figure(
    matrix: Sequence[Sequence[int]], names: Sequence[str], reddest: float
) -> bytes:
    """Return a PNG of a confusion matrix, true classes down, at most ``MOST_DRAWN`` of them.

    Numbers are percent of the true class's rows. Right answers are blue, errors red; the reds are
    spread over the errors alone, so that a rare one can be seen beside 99 % of right answers.

    Args:
        matrix: rows of each true class (down) that were taken for each class (across).
        names: of the classes.
        reddest: the share of a class, 0 to 1, that is drawn in the darkest red; see
            ``largest_error``. The same for all figures that are compared.
    """
    shares = _shares(matrix)
    classes = len(shares)
    side = 54 if classes <= 12 else 40
    labels = [label(name, LONGEST_NAME) for name in names]
    turned = max(map(len, labels)) > 3
    room = _room(labels)
    figure = new_figure(room + side * classes, (room if turned else 90) + side * classes)
    axes = figure.add_subplot()
    colours = WRONG(0.9 * np.sqrt(shares / max(reddest, 1e-9)))
    colours[np.eye(classes, dtype=bool)] = RIGHT(0.85 * np.diag(shares))
    axes.imshow(colours)
    for (row, column), share in np.ndenumerate(shares):
        dark = np.dot(colours[row, column, :3], LUMA) < 0.55
        axes.text(
            column, row, _percent(share), ha="center", va="center",
            size=8 if classes <= 12 else 6.2, color="white" if dark else INK,
        )  # fmt: skip
    places = np.arange(classes)
    axes.set_xticks(places, labels, rotation=90 if turned else 0)
    axes.set_yticks(places, labels)
    axes.set_xticks(places[1:] - 0.5, minor=True)
    axes.set_yticks(places[1:] - 0.5, minor=True)
    axes.grid(which="minor", color="white")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("taken for", size=SMALL, color=INK)
    axes.set_ylabel("true class", size=SMALL, color=INK)
    axes.tick_params(which="both", labelsize=8 if classes <= 12 else 7, colors=INK, length=0)
    axes.spines[:].set_visible(False)
    return png_of(figure)


def largest_error(matrices: Sequence[Sequence[Sequence[int]]]) -> float:
    """Return the largest share, 0 to 1, of any class that any matrix has taken for another."""
    errors = (_shares(own) * (1 - np.eye(len(own))) for own in matrices)
    return max((float(own.max()) for own in errors), default=0.0)


def gains_figure(gains: Sequence[float | None], names: Sequence[str], limit: float) -> bytes:
    """Return a PNG of bars: what each class gained in points of accuracy, -100 to 100.

    Of more than ``MOST_BARS`` classes, the most and least gaining are drawn. A None, for a class
    that was not measured, has no bar. The axis goes from ``-limit`` to ``limit``, so that figures
    can stand side by side.
    """
    kept = _most_changed(gains)
    labels = [label(names[place], LONGEST_NAME) for place in kept]
    figure = new_figure(max(440, _room(labels) + 290), 92 + 34 * len(kept))
    axes = figure.add_subplot()
    values = np.array([gains[place] or 0.0 for place in kept])
    places = np.arange(len(kept))
    bars = axes.barh(places, values, 0.7, color=[GREEN if value >= 0 else RED for value in values])
    said = [
        "not measured" if gains[place] is None else f"{value:+.1f}"
        for place, value in zip(kept, values, strict=True)
    ]
    axes.bar_label(bars, said, padding=4, size=7.5, color=INK)
    axes.axvline(0, color=INK, linewidth=0.9)
    reach = ROOM_FOR_NUMBERS * (limit or 1.0)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(len(kept) - 0.4, -0.6)
    axes.set_yticks(places, labels)
    axes.set_xlabel("points of accuracy")
    dress(axes, "x", 8)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    return png_of(figure)


def _shares(matrix: Sequence[Sequence[int]]) -> Any:
    counts = np.asarray(matrix, dtype=np.float64)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _room(labels: Sequence[str]) -> int:
    """Return the pixels beside a figure for the labels and the name of the axis."""
    return 62 + max(width_of(name, LETTERS) for name in labels)


def _most_changed(gains: Sequence[float | None]) -> list[int]:
    if len(gains) <= MOST_BARS:
        return list(range(len(gains)))
    known = [place for place, gain in enumerate(gains) if gain is not None]
    ordered = sorted(known, key=lambda place: -(gains[place] or 0.0))
    half = MOST_BARS // 2
    if not ordered:
        return list(range(MOST_BARS))
    return ordered if len(ordered) <= MOST_BARS else [*ordered[:half], *ordered[-half:]]


def _percent(share: float) -> str:
    whole = f"{100 * share:.0f}"
    return "" if share == 0 else "<1" if whole == "0" else whole
