"""Accuracy against the loss of the VAE."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from augfactory.report.figures.evaluation_figures import FIGURE_PIXELS
from augfactory.report.figures.losses_figure import losses_figure
from tests.report.arms import ORIGINALS, arm
from tests.report.conftest import check_legible, lines_of

ARMS = {
    50: [(120.0, arm("b", 50, 0.84, 0.86)), (150.0, arm("a", 50, 0.7, 0.72))],
    10: [(150.0, arm("c", 10, 0.6)), (120.0, arm("d", 10, 0.65))],
}


def test_each_factor_is_a_line_over_falling_losses(drawn: list[Figure]) -> None:
    data = losses_figure(ARMS, ORIGINALS, "what was done")
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("PNG", FIGURE_PIXELS)
    (axes,) = drawn[0].axes
    lines = lines_of(axes)
    places, means = lines["×50: 71.0, 85.0 %"]
    assert np.round(places, -1).tolist() == [150, 120]
    assert means == pytest.approx([71, 85])
    assert lines["×10: 60.0, 65.0 %"][1] == pytest.approx([60, 65])
    assert "originals (100 images): 81.0 %" in lines
    assert axes.xaxis_inverted()
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["120", "150"]


def test_nothing_hides_anything(laid_out: list[Figure]) -> None:
    losses_figure(ARMS, ORIGINALS, "what was done")
    check_legible(laid_out[0])
