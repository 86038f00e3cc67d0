"""Many arms are drawn one below the other."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from augfactory.report.figures.arms_figure import arms_figure
from tests.report.test_evaluation_figures import ORIGINALS, arm


def test_each_arm_has_a_line_with_its_mean_and_its_classifiers(drawn: list[Figure]) -> None:
    arms = [arm("a$x$", 10, 0.7, 0.74, 0.9), ORIGINALS, arm("by-hand", None, 0.95)]
    data = arms_figure(arms, "originals", "what was done for $^ and $")
    axes = drawn[0].axes[0]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert names == ["originals", "by-hand", r"a\$x\$"]
    assert [text.get_text() for text in axes.texts] == ["81.0", "95.0", "78.0"]
    dashed = [line for line in axes.get_lines() if line.is_dashed()]
    assert [list(np.asarray(line.get_xdata(), float)) for line in dashed] == [
        pytest.approx([81, 81])
    ]
    rings = [np.asarray(each.get_offsets()) for each in axes.collections]
    (own,) = [each for each in rings if len(each) == 3 and each.shape[1] == 2]
    assert own[:, 0] == pytest.approx([70, 74, 90])
    assert own[:, 1] == pytest.approx([2.26] * 3)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        assert image.height < image.width == 1200
    assert data == arms_figure(arms, "originals", "what was done for $^ and $")


def test_more_arms_make_a_taller_figure() -> None:
    heights = []
    for count in (1, 30):
        arms = [ORIGINALS, *(arm(f"arm {place}", None, 0.8) for place in range(count))]
        with Image.open(io.BytesIO(arms_figure(arms, "originals", ""))) as image:
            heights.append(image.height)
    assert heights[1] - heights[0] == 29 * 44
