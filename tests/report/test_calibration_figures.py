"""Reliability diagrams show accuracy and confidence of every bin."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from augfactory.evaluation.comparison.measures import Reliability
from augfactory.report.figures.calibration_figures import RELIABILITY_PIXELS, reliability_figure
from augfactory.report.figures.drawing import BLUE, GREEN, RED

BINS = Reliability((0, 3, 5, 0, 12), (0.0, 0.3, 0.55, 0.0, 0.9), (0.0, 0.5, 0.35, 0.0, 0.9))


def bars(figure: Figure, axes: int, colour: str | None = None) -> dict[float, tuple[float, float]]:
    """Return bottom and top of each bar by its left side, in percent."""
    return {
        round(patch.get_x(), 6): (patch.get_y(), patch.get_y() + patch.get_height())
        for patch in figure.axes[axes].patches
        if isinstance(patch, Rectangle)
        if colour is None or to_hex(patch.get_facecolor()) == colour
    }


def test_blue_red_and_green_end_at_accuracy_and_confidence(drawn: list[Figure]) -> None:
    reliability_figure(BINS, 0.0712)
    blue, red, green = (bars(drawn[0], 0, colour) for colour in (BLUE, RED, GREEN))
    assert list(blue) == [20, 40, 80]
    assert [top for _, top in blue.values()] == pytest.approx([30, 35, 90])
    assert list(red) == [40]
    assert red[40] == pytest.approx((35, 55))
    assert list(green) == [20]
    assert green[20] == pytest.approx((30, 50))
    rows = bars(drawn[0], 1)
    assert [top for _, top in rows.values()] == pytest.approx([0, 15, 25, 0, 60])
    assert "ECE 7.1 %" in [text.get_text() for text in drawn[0].axes[0].texts]


@pytest.mark.parametrize("count", [[0] * 15, [0] * 14 + [9], list(range(15))])
def test_any_bins_are_drawn(count: list[int]) -> None:
    values = tuple(np.linspace(0, 1, 15).tolist())
    bins = Reliability(tuple(count), values, values)
    data = reliability_figure(bins, 0.0)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("PNG", RELIABILITY_PIXELS)
    assert data == reliability_figure(bins, 0.0)
