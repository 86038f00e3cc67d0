"""Values written beside the points of a figure, where they hide as little as can be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patheffects import withStroke

SIZE = 8.5
HALO = (withStroke(linewidth=3, foreground="white"),)
APART = 11  # pixels, from the middle of a point to the words beside it
CROSSED, HIDDEN, OUTSIDE = 3.0, 1_000.0, 10_000.0  # what a place costs; places further off: 1 each

Float64Array = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]  # left, bottom, right, top, in pixels


@dataclass(frozen=True)
class Value:
    """A point in data coordinates and what is written beside it."""

    x: float
    y: float
    text: str
    colour: str


def write_values(
    axes: Axes,
    values: Sequence[Value],
    points: Sequence[tuple[float, float, float]],
    lines: Sequence[Sequence[tuple[float, float]]],
) -> list[Box]:
    """Write the values beside their points; return their boxes. Limits of axes must be settled.

    Args:
        axes: where the points are drawn.
        values: what to write.
        points: x, y and radius in pixels of each point that no value may hide.
        lines: corners of what a value may cross where there is no other place.
    """
    axes.get_xlim(), axes.get_ylim()  # settles limits that are still to be computed
    canvas = axes.get_figure(root=True).canvas  # type: ignore[union-attr]
    assert isinstance(canvas, FigureCanvasAgg)
    texts = [
        axes.annotate(
            value.text, (value.x, value.y), xytext=(0, 0), textcoords="offset pixels",
            size=SIZE, color=value.colour, weight="bold", path_effects=HALO, zorder=5,
        )
        for value in values
    ]  # fmt: skip
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    sizes = []
    for text in texts:
        extent = text.get_window_extent(renderer)
        sizes.append((extent.width, extent.height))
    anchors = [tuple(axes.transData.transform((value.x, value.y))) for value in values]
    solid = []
    for *point, radius in points:
        x, y = axes.transData.transform(point)
        solid.append((x - radius, y - radius, x + radius, y + radius))
    crossed = [_along(axes.transData.transform(np.asarray(corners))) for corners in lines]
    boxes = free_boxes(anchors, sizes, solid, np.concatenate(crossed), axes.bbox.extents)
    for text, (x, y), box in zip(texts, anchors, boxes, strict=True):
        text.set_position((box[0] - x, box[1] - y))
    return boxes


def free_boxes(
    anchors: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    solid: Sequence[Box],
    crossed: Float64Array,
    within: Sequence[float],
) -> list[Box]:
    """Return a box of each size beside its anchor, one after the other where it costs least.

    Args:
        anchors: x and y of the points.
        sizes: width and height of what is written beside each.
        solid: boxes that must stay free, as must those given out before.
        crossed: [N, 2] points of lines, better left free.
        within: the box that none should leave.
    """
    taken, found = list(solid), []
    for anchor, size in zip(anchors, sizes, strict=True):
        places = list(_beside(anchor, size))
        costs = [
            rank + _cost(box, taken, crossed, within) for rank, box in enumerate(places)
        ]  # fmt: skip
        found.append(places[int(np.argmin(costs))])
        taken.append(found[-1])
    return found


def _beside(anchor: tuple[float, float], size: tuple[float, float]) -> Iterator[Box]:
    """Yield the places near a point, the best ones first."""
    (x, y), (width, height) = anchor, size
    for step in (0.7, 0.0, 1.4, 2.1, 2.8):
        for middle in (y + step * height, y - step * height)[: 1 if step == 0 else 2]:
            for left in (x + APART, x - APART - width):
                yield left, middle - height / 2, left + width, middle + height / 2
    for rise in (APART, APART + height, APART + 2 * height):
        for bottom in (y + rise, y - rise - height):
            yield x - width / 2, bottom, x + width / 2, bottom + height


def _cost(box: Box, taken: Sequence[Box], crossed: Float64Array, within: Sequence[float]) -> float:
    left, bottom, right, top = box
    hidden = sum(
        left < other[2] and other[0] < right and bottom < other[3] and other[1] < top
        for other in taken
    )
    x, y = crossed[:, 0], crossed[:, 1]
    on_lines = ((left < x) & (x < right) & (bottom < y) & (y < top)).sum()
    outside = left < within[0] or bottom < within[1] or right > within[2] or top > within[3]
    return float(HIDDEN * hidden + CROSSED * on_lines + OUTSIDE * outside)


def _along(corners: Float64Array) -> Float64Array:
    """Return a point every few pixels of the line through the corners, float64 [N, 2]."""
    parts = [corners]
    for start, end in pairwise(corners):
        count = int(np.hypot(*(end - start)) // 6) + 1
        parts.append(np.linspace(start, end, count))
    return np.concatenate(parts)
