"""What the tests of figures share."""

from collections.abc import Callable
from itertools import combinations

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.transforms import Bbox

from augfactory.report.figures.drawing import png_of

DRAWING = (
    *("rows_figure", "calibration_figures", "class_figures", "curves_figure"),
    *("evaluation_figures", "losses_figure", "training_figures"),
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Keep every figure that becomes a PNG."""
    return _kept(monkeypatch, png_of)


@pytest.fixture
def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Keep every figure with all in its place, and make no PNG of it."""

    def without_pixels(figure: Figure | SubFigure) -> bytes:
        figure.canvas.figure.draw_without_rendering()
        return b""

    return _kept(monkeypatch, without_pixels)


def _kept(patch: pytest.MonkeyPatch, draw: Callable[[Figure | SubFigure], bytes]) -> list[Figure]:
    figures: list[Figure] = []

    def keep(figure: Figure | SubFigure) -> bytes:
        figures.append(figure.canvas.figure)
        return draw(figure)

    for module in DRAWING:
        patch.setattr(f"augfactory.report.figures.{module}.png_of", keep)
    return figures


def lines_of(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """Return what each line is called, and its points."""
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore[arg-type]
        for line in axes.get_lines()
    }


def words_of(figure: Figure) -> list[Bbox]:
    """Return where the words of a figure are: titles, legends, names of axes and ticks."""
    parts = [figure, *figure.subfigs]
    boxes = [text.get_window_extent() for part in parts for text in part.texts]
    boxes += [legend.get_window_extent() for part in parts for legend in part.legends]
    for axes in figure.axes:
        texts = [*axes.texts, axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [
                each.label1 for each in axis.get_major_ticks() if low <= each.get_loc() <= high
            ]
            texts += [
                each.label2 for each in axis.get_major_ticks() if low <= each.get_loc() <= high
            ]
            texts.append(axis.get_offset_text())
        for side in axes.child_axes:
            texts += side.get_yticklabels()
        boxes += [
            each.get_window_extent() for each in texts if each.get_visible() and each.get_text()
        ]
        if (legend := axes.get_legend()) is not None:
            boxes.append(legend.get_window_extent())
    return boxes


def check_legible(figure: Figure) -> None:
    """Hold that no words are on others, or beyond the page."""
    boxes = words_of(figure)
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, box
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, box
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other), (one, other)
