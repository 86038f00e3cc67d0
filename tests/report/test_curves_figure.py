"""The figure of the learning curves."""

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from augfactory.report.figures.curves_figure import HEIGHT, MOST_LINES, WIDTH, curves_figure
from tests.report.conftest import check_legible
from tests.report.documents import arms_of, results


def draw(arms: list[dict[str, Any]]) -> bytes:
    return curves_figure(arms_of({"arms": arms}), "originals", "what was $done$")


def test_each_arm_has_its_curve_and_that_of_its_training_images(drawn: list[Figure]) -> None:
    arms = results(tuple("abc"))["arms"]
    with Image.open(io.BytesIO(draw(arms))) as image:
        assert image.size == (WIDTH, HEIGHT)
    (axes,) = drawn[0].axes
    assert len(axes.lines) == 2 * len(arms)
    for arm, line in zip(arms, axes.lines[::2], strict=True):
        assert np.array_equal(line.get_xdata(), arm["curve"]["steps"])
        assert line.get_ydata() == pytest.approx(100 * np.array(arm["curve"]["accuracy"]))
    assert len(axes.collections) == len(arms)  # the bands
    (legend,) = drawn[0].subfigs[1].legends
    names = [text.get_text().split("  ") for text in legend.get_texts()]
    assert sorted(name for _, name in names) == sorted(arm["name"] for arm in arms)
    ends = [float(value) for value, _ in names]
    assert ends == sorted(ends, reverse=True)


def test_long_names_have_room(laid_out: list[Figure]) -> None:
    arms = results(tuple("abc"), factors=range(2, 7))["arms"]
    for arm in arms:
        arm["curve"]["accuracy"][-1] = 0.8
        arm["name"] += " with words " * 9
    draw(arms)
    check_legible(laid_out[0])
    assert laid_out[0].axes[0].bbox.width > 0.5 * WIDTH


def test_one_classifier_has_no_band_and_the_first_arms_are_drawn(laid_out: list[Figure]) -> None:
    draw(results(tuple("ab"), seeds=1, factors=range(2, 9))["arms"])
    (axes,) = laid_out[0].axes
    assert len(axes.collections) == 0
    assert len(axes.lines) == 2 * MOST_LINES
