"""The figure of the learning curves."""

import io
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from augfactory.report.figures import curves_figure as module
from augfactory.report.figures.curves_figure import HEIGHT, MOST_LINES, WIDTH, curves_figure
from tests.report.documents import arms_of, results


def drawn(monkeypatch: pytest.MonkeyPatch, arms: list[dict[str, Any]]) -> tuple[bytes, Axes]:
    """Return the picture and the axes it was drawn on."""
    seen: list[Axes] = []
    dress = module._dress

    def keep(axes: Axes) -> None:
        dress(axes)
        seen.append(axes)

    monkeypatch.setattr(module, "_dress", keep)
    data = curves_figure(arms_of({"arms": arms}), "originals", "what was $done$")
    return data, seen[0]


def test_each_arm_has_its_curve_and_that_of_its_training_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arms = results(tuple("abc"))["arms"]
    data, axes = drawn(monkeypatch, arms)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (WIDTH, HEIGHT)
    assert len(axes.lines) == 2 * len(arms)
    for arm, line in zip(arms, axes.lines[::2], strict=True):
        assert np.array_equal(line.get_xdata(), arm["curve"]["steps"])
        assert line.get_ydata() == pytest.approx(100 * np.array(arm["curve"]["accuracy"]))
    assert len(axes.collections) == len(arms)  # the bands
    names = [text.get_text().rsplit("  ", 1) for text in axes.texts]
    assert sorted(name for name, _ in names) == sorted(arm["name"] for arm in arms)


def test_names_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    arms = results(tuple("abc"), factors=range(2, 7))["arms"]
    for arm in arms:
        arm["curve"]["accuracy"][-1] = 0.8
    _, axes = drawn(monkeypatch, arms)
    places = sorted(text.xy[1] for text in axes.texts)  # type: ignore[attr-defined]
    gaps = [after - before for before, after in pairwise(places)]
    assert min(gaps) > 0.03


def test_one_classifier_has_no_band_and_the_first_arms_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arms = results(tuple("ab"), seeds=1, factors=range(2, 9))["arms"]
    _, axes = drawn(monkeypatch, arms)
    assert len(axes.collections) == 0
    assert len(axes.lines) == 2 * MOST_LINES
