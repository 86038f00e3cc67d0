"""Many arms are drawn one below the other."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.tune_results import Tried
from augfactory.report.figures.arms_figure import arms_figure
from augfactory.report.figures.differences_figure import differences_figure
from augfactory.report.figures.drawing import BLUE, GREEN, INK, RED
from tests.report.arms import ORIGINALS, arm
from tests.report.conftest import check_legible


def test_each_arm_has_a_line_with_its_mean_and_its_classifiers(drawn: list[Figure]) -> None:
    arms = [arm("a$x$", 10, 0.7, 0.74, 0.9), ORIGINALS, arm("by-hand", None, 0.95)]
    data = arms_figure(arms, "originals", "what was done for $^ and $")
    axes = drawn[0].axes[0]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert names == ["originals", "by-hand", r"a\$x\$"]
    (numbers,) = axes.child_axes
    assert [tick.get_text() for tick in numbers.get_yticklabels()] == ["81.0", "95.0", "78.0"]
    dashed = [line for line in axes.get_lines() if line.is_dashed()]
    assert [list(np.asarray(line.get_xdata(), float)) for line in dashed] == [
        pytest.approx([81, 81])
    ]
    rings, means = (np.asarray(each.get_offsets()) for each in axes.collections[:2])
    own = rings[rings[:, 1] > 2]
    assert own[:, 0] == pytest.approx([70, 74, 90])
    assert own[:, 1] == pytest.approx([2.26] * 3)
    assert means[:, 0] == pytest.approx([81, 95, 78])
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        assert image.height < image.width == 1200
    assert data == arms_figure(arms, "originals", "what was done for $^ and $")


@pytest.mark.parametrize(
    "names", [["originals"], ["originals", *(f"{n} {'x' * 50}" for n in range(30))]]
)
def test_all_words_have_room(names: list[str], laid_out: list[Figure]) -> None:
    arms_figure([arm(name, None, 0.8, 0.9) for name in names], "originals", "words " * 40)
    check_legible(laid_out[0])
    assert laid_out[0].axes[0].bbox.width > 400


def test_differences_are_coloured_by_what_they_exclude(drawn: list[Figure]) -> None:
    gaps = [None, Difference(0.02, 0.01, 0.03, 3), Difference(-0.02, -0.03, -0.01, 3),
            Difference(0.01, -0.01, 0.03, 3), Difference(0.01, None, None, 1)]  # fmt: skip
    tried = [Tried(f"recipe {n}", "", 3, 0.9, gap, None) for n, gap in enumerate(gaps)]
    differences_figure(tried, "recipe 0")
    check_legible(drawn[0])
    (numbers,) = drawn[0].axes[0].child_axes
    ticks = numbers.get_yticklabels()
    assert [tick.get_text() for tick in ticks] == ["", "+2.0", "-2.0", "+1.0", "+1.0"]
    assert [tick.get_color() for tick in ticks] == [INK, GREEN, RED, BLUE, BLUE]


def test_more_arms_make_a_taller_figure() -> None:
    heights = []
    for count in (1, 30):
        arms = [ORIGINALS, *(arm(f"arm {place}", None, 0.8) for place in range(count))]
        with Image.open(io.BytesIO(arms_figure(arms, "originals", ""))) as image:
            heights.append(image.height)
    assert heights[1] - heights[0] == 29 * 44
