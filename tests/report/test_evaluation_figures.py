"""The figure of an evaluation."""

import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from augfactory.evaluation.comparison.results import ArmSummary
from augfactory.report.figures.evaluation_figures import FIGURE_PIXELS, accuracy_figure
from tests.report.arms import ORIGINALS, arm
from tests.report.conftest import check_legible, lines_of, words_of


@pytest.mark.parametrize(
    "others",
    [
        [arm("digits-x10", 10, 0.9, 0.92), arm("digits-x50", 50, 0.91, 0.94)],
        [arm("digits-x10", 10, 0.9)],
        [arm("by-hand", None, 0.7, 0.72)],
        [arm("digits-x10", 10, 0.9, 0.9), arm("by-hand", None, 0.7, 0.8), arm("b-x10", 10, 0.5)],
        [],
    ],
)
def test_the_figure_is_a_png_of_its_size(others: list[ArmSummary]) -> None:
    data = accuracy_figure([ORIGINALS, *others], "originals", "what was done")
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("PNG", FIGURE_PIXELS)
        assert np.asarray(image.convert("L")).std() > 10
    assert data == accuracy_figure([ORIGINALS, *others], "originals", "what was done")


def test_factors_share_a_line_and_the_baseline_is_dashed(drawn: list[Figure]) -> None:
    arms = [
        arm("digits-x50", 50, 0.91, 0.94),
        ORIGINALS,
        arm("by-hand", None, 0.7, 0.72),
        arm("digits-x10", 10, 0.9, 0.92),
    ]
    accuracy_figure(arms, "originals", "")
    (axes,) = drawn[0].axes
    lines = lines_of(axes)
    places, means = lines["digits: ×10 91.0, ×50 92.5 %"]
    assert places == [10, 50]
    assert means == pytest.approx([91, 92.5])
    baseline = "originals (100 images): 81.0 %"
    assert lines[baseline][1] == pytest.approx([81, 81])
    dashed = next(line for line in axes.get_lines() if line.get_label() == baseline)
    assert dashed.is_dashed()
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    assert dict(zip(names, axes.get_xticks(), strict=True)) == {"×10": 10, "×50": 50}
    assert lines["by-hand: 71.0 %"][0][0] > 50
    assert axes.get_xscale() == "log"


def test_odd_names_are_drawn_as_they_are(drawn: list[Figure]) -> None:
    arms = [ORIGINALS, arm("a$^b$", None, 0.9), arm("/a/long/way/to/some-$data$-x7", 7, 0.9)]
    accuracy_figure(arms, "originals", "the price of $")
    names = lines_of(drawn[0].axes[0])
    assert r"a\$^b\$: 90.0 %" in names
    assert r"/a/long/way/to/some-\$data\$: ×7 90.0 %" in names


def test_every_seed_is_a_ring(drawn: list[Figure]) -> None:
    accuracy_figure([ORIGINALS, arm("digits-x10", 10, 0.9, 0.92, 0.97)], "originals", "")
    offsets = [np.asarray(each.get_offsets()) for each in drawn[0].axes[0].collections]
    (rings,) = [each for each in offsets if len(each) == 3]
    assert rings[:, 1] == pytest.approx([90, 92, 97])


def test_lines_of_the_same_factors_are_beside_each_other(drawn: list[Figure]) -> None:
    arms = [ORIGINALS, arm("a-x10", 10, 0.9), arm("b-x10", 10, 0.9)]
    accuracy_figure(arms, "originals", "")
    lines = lines_of(drawn[0].axes[0])
    assert lines["a: ×10 90.0 %"][0][0] < 10 < lines["b: ×10 90.0 %"][0][0]


CLOSE = [
    ORIGINALS,
    arm("vae-x10", 10, 0.876, 0.888),
    arm("mixed-x10", 10, 0.885, 0.887),
    arm("vae-x250", 250, 0.82, 0.87),
    arm("mixed-x250", 250, 0.856, 0.862),
    arm("originals+geometry", None, 0.937),
]
MANY = [
    *CLOSE,
    arm("geo-x10", 10, 0.8855),
    arm("originals+geometry+mixup of 4", None, 0.88),
    arm("a_name_without_end_or_space", None, 0.88),
    arm("W" * 40, None, 0.87),
    arm("猫", None, 0.86),
]


@pytest.mark.parametrize("arms", [CLOSE, MANY, [ORIGINALS]])
def test_all_words_have_room_and_hide_no_point(
    arms: list[ArmSummary], laid_out: list[Figure]
) -> None:
    accuracy_figure(arms, "originals", "words " * 40)
    (figure,) = laid_out
    check_legible(figure)
    (axes,) = figure.axes
    assert axes.bbox.height > 200
    for line in axes.get_lines():
        if line.get_marker() == "o":
            points = axes.transData.transform(np.asarray(line.get_xydata()))
            assert all(axes.bbox.contains(*point) for point in points)
            assert not any(box.contains(*point) for box in words_of(figure) for point in points)
    legend = figure.subfigs[1].legends[0]
    assert len(legend.get_texts()) == len({each.series for each in arms})


def test_drawing_needs_no_pyplot() -> None:
    code = (
        "import sys, augfactory.report.figures.evaluation_figures; "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
