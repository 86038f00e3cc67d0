"""Figures of the single classes: who is taken for whom, and which class gained."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Rectangle

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

MOST_DRAWN = 20  # classes of a confusion matrix whose cells can still be read
MOST_BARS = 30
LONGEST_NAME = 18
LETTER = 10  # pixels, a wide letter at the size of labels
NUMBER = 58  # pixels, the number beside a bar
LUMINANCE = (0.299, 0.587, 0.114)
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
    room = _room(labels)
    above = 66 + (room - 62 if _turned(labels) else 0)
    width, height = room + side * classes + 12, above + side * classes + 12
    figure = new_figure(width, height)
    axes = figure.add_axes(
        (room / width, 12 / height, side * classes / width, side * classes / height)
    )
    axes.set_xlim(0, classes)
    axes.set_ylim(classes, 0)
    for row in range(classes):
        for column in range(classes):
            right = row == column
            share = shares[row, column]
            depth = 0.85 * share if right else 0.9 * (share / max(reddest, 1e-9)) ** 0.5
            colour = to_rgb((RIGHT if right else WRONG)(depth))
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="white"))
            axes.text(
                column + 0.5,
                row + 0.52,
                _percent(share),
                size=8 if classes <= 12 else 6.2,
                ha="center",
                va="center",
                color="white" if np.dot(colour, LUMINANCE) < 0.55 else INK,
            )
    _name_classes(axes, labels)
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
    values = np.array([gains[place] or 0.0 for place in kept])
    labels = [label(names[place], LONGEST_NAME) for place in kept]
    room = _room(labels) - 26
    width, height = max(440, room + 262), 92 + 34 * len(kept)
    half = (width - room - 22) / 2
    figure = new_figure(width, height)
    axes = figure.add_axes(
        (room / width, 72 / height, (width - room - 22) / width, 34 * len(kept) / height)
    )
    places = np.arange(len(kept))
    axes.barh(places, values, 0.7, color=[GREEN if value >= 0 else RED for value in values])
    reach = max(limit, 1e-9) * half / (half - NUMBER)
    for place, value in zip(places, values, strict=True):
        known = gains[kept[place]] is not None
        axes.annotate(
            f"{value:+.1f}" if known else "not measured",
            (value, place),
            xytext=(4 if value >= 0 else -4, 0),
            textcoords="offset points",
            size=7.5,
            ha="left" if value >= 0 else "right",
            va="center",
            color=INK if known else FAINT,
        )
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(len(kept) - 0.4, -0.6)
    axes.set_yticks(places, labels)
    axes.set_xlabel("points of accuracy", size=8.5, color=INK)
    axes.tick_params(labelsize=8, colors=INK, length=0)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    only_left_and_bottom(axes)
    axes.spines["left"].set_visible(False)
    return png_of(figure)


def _shares(matrix: Sequence[Sequence[int]]) -> Any:
    counts = np.asarray(matrix, dtype=np.float64)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _room(labels: Sequence[str]) -> int:
    """Return the pixels beside a figure for the labels and the name of the axis."""
    return 62 + LETTER * max(len(name.replace("\\", "")) for name in labels)


def _turned(labels: Sequence[str]) -> bool:
    return max(map(len, labels)) > 3


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


def _name_classes(axes: Axes, labels: Sequence[str]) -> None:
    places = np.arange(len(labels)) + 0.5
    axes.set_xticks(places, labels, rotation=90 if _turned(labels) else 0)
    axes.set_yticks(places, labels)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("taken for", size=8.5, color=INK)
    axes.set_ylabel("true class", size=8.5, color=INK)
    axes.tick_params(labelsize=8 if len(labels) <= 12 else 7, colors=INK, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
