"""The figure of training and test against epochs."""

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from augfactory.report.figures.epochs_figure import HEIGHT, MOST_LINES, WIDTH, epochs_figure
from tests.report.conftest import check_legible
from tests.report.documents import arms_of, results


def draw(arms: list[dict[str, Any]]) -> bytes:
    return epochs_figure(arms_of({"arms": arms}), "originals", "what was $done$")


def test_each_arm_has_its_test_images_and_its_batches_in_both_panels(drawn: list[Figure]) -> None:
    arms = results(tuple("abc"))["arms"]
    with Image.open(io.BytesIO(draw(arms))) as image:
        assert image.size == (WIDTH, HEIGHT)
    for axes, keys, scale in zip(
        drawn[0].axes,
        (("accuracy", "batch_accuracy"), ("nll", "batch_loss")),
        (100, 1),
        strict=True,
    ):
        assert len(axes.lines) == 2 * len(arms)
        assert axes.get_xscale() == "linear"
        for place, arm in enumerate(arms):
            for line, key in zip(axes.lines[2 * place : 2 * place + 2], keys, strict=True):
                assert line.get_xdata() == pytest.approx(arm["curve"]["epochs"])
                assert line.get_ydata() == pytest.approx(scale * np.array(arm["curve"][key]))


def test_sets_of_other_sizes_share_a_logarithmic_axis(laid_out: list[Figure]) -> None:
    arms = results(tuple("ab"), factors=range(2, 9))["arms"]
    for place, arm in enumerate(arms):
        arm["name"] += " with words" * 5
        arm["curve"]["epochs"] = [epoch / 10 ** (place % 3) for epoch in arm["curve"]["epochs"]]
    draw(arms)
    left, right = laid_out[0].axes
    assert left.get_xscale() == right.get_xscale() == "log"
    assert len(left.lines) == 2 * MOST_LINES
    check_legible(laid_out[0])
    assert left.bbox.width > 0.25 * WIDTH
