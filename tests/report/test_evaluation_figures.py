"""The figure of an evaluation."""

import io
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from augfactory.commands.evaluate.arms import series_of
from augfactory.evaluation.comparison.compare import summary
from augfactory.evaluation.comparison.results import ArmSummary
from augfactory.report.figures import evaluation_figures
from augfactory.report.figures.evaluation_figures import FIGURE_PIXELS, accuracy_figure
from augfactory.report.figures.value_labels import free_boxes


def arm(name: str, factor: int | None, *accuracies: float, rows: int = 500) -> ArmSummary:
    series = series_of(name, factor)
    return ArmSummary.model_construct(
        name=name, factor=factor, rows=rows, accuracy=summary(accuracies), series=series
    )


ORIGINALS = arm("originals", 1, 0.8, 0.82, rows=100)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    axes: list[Axes] = []
    dress = evaluation_figures._dress

    def keep(each: Axes, *rest: object) -> None:
        axes.append(each)
        dress(each, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluation_figures, "_dress", keep)
    return axes


def lines_of(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore[arg-type]
        for line in axes.get_lines()
    }


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


def test_factors_share_a_line_and_the_baseline_is_dashed(drawn: list[Axes]) -> None:
    arms = [
        arm("digits-x50", 50, 0.91, 0.94),
        ORIGINALS,
        arm("by-hand", None, 0.7, 0.72),
        arm("digits-x10", 10, 0.9, 0.92),
    ]
    accuracy_figure(arms, "originals", "")
    lines = lines_of(drawn[0])
    places, means = lines["digits"]
    assert places == [10, 50]
    assert means == pytest.approx([91, 92.5])
    baseline = next(name for name in lines if name.startswith("originals (100 images): 81.0"))
    assert lines[baseline][1] == pytest.approx([81, 81])
    dashed = next(line for line in drawn[0].get_lines() if line.get_label() == baseline)
    assert dashed.is_dashed()
    ticks = dict(
        zip((t.get_text() for t in drawn[0].get_xticklabels()), drawn[0].get_xticks(), strict=True)
    )
    assert ticks["×10"] == 10
    assert ticks["by-hand"] > ticks["×50"] == 50
    assert drawn[0].get_xscale() == "log"


def test_odd_names_are_drawn_as_they_are(drawn: list[Axes]) -> None:
    arms = [ORIGINALS, arm("a$^b$", None, 0.9), arm("/a/long/way/to/some-$data$-x7", 7, 0.9)]
    accuracy_figure(arms, "originals", "the price of $")
    ticks = [tick.get_text() for tick in drawn[0].get_xticklabels()]
    assert sorted(ticks) == [r"a\$^b\$", "×7"]
    assert r"/a/long/way/to/some-\$data\$" in lines_of(drawn[0])


def test_every_seed_is_a_ring(drawn: list[Axes]) -> None:
    accuracy_figure([ORIGINALS, arm("digits-x10", 10, 0.9, 0.92, 0.97)], "originals", "")
    offsets = [np.asarray(each.get_offsets()) for each in drawn[0].collections]
    (rings,) = [each for each in offsets if len(each) == 3]
    assert rings[:, 1] == pytest.approx([90, 92, 97])


def test_lines_of_the_same_factors_stand_beside_each_other(drawn: list[Axes]) -> None:
    arms = [ORIGINALS, arm("a-x10", 10, 0.9), arm("b-x10", 10, 0.9)]
    accuracy_figure(arms, "originals", "")
    lines = lines_of(drawn[0])
    assert lines["a"][0][0] < 10 < lines["b"][0][0]


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


@pytest.mark.parametrize("arms", [CLOSE, MANY])
def test_values_hide_no_point_and_names_of_ticks_stand_apart(
    arms: list[ArmSummary], drawn: list[Axes]
) -> None:
    accuracy_figure(arms, "originals", "words")
    (axes,) = drawn
    figure = axes.get_figure(root=True)
    assert figure is not None
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == len(arms) - 1
    points = [
        axes.transData.transform((x, y))
        for line in axes.get_lines()
        if not line.is_dashed() and line.get_marker() == "o"
        for x, y in np.asarray(line.get_xydata())
    ]
    assert len(points) == len(boxes)
    names = [tick.get_window_extent() for tick in axes.get_xticklabels()]
    words = [*names, axes.xaxis.label.get_window_extent()]
    for own in (boxes, words):
        for number, box in enumerate(own):
            assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
            assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
            assert not any(box.overlaps(other) for other in own[:number])
    # A marker is 6 points wide, which is 12.5 pixels.
    assert not any(box.padded(6).contains(*point) for box in boxes for point in points)
    assert all(
        left.x1 + 13 <= right.x0 for left, right in pairwise(sorted(names, key=lambda box: box.x0))
    )
    if arms is CLOSE:
        assert "originals+\ngeometry" in [each.get_text() for each in axes.get_xticklabels()]


def test_a_value_goes_where_there_is_room() -> None:
    page, none = (0.0, 0.0, 500.0, 500.0), np.empty((0, 2))
    beside = free_boxes([(100, 100), (105, 104)], [(40, 20)] * 2, [], none, page)
    assert beside[0][0] > 100
    assert beside[1][0] > 105 or beside[1][2] < 105
    assert beside[0][3] <= beside[1][1] or beside[1][2] <= beside[0][0]
    (inside,) = free_boxes([(495, 495)], [(40, 20)], [], none, page)
    assert max(inside) <= 500
    line = np.stack([np.arange(100.0, 200.0, 6), np.full(17, 114.0)], axis=1)
    (below,) = free_boxes([(100, 100)], [(40, 20)], [], line, page)
    assert not ((below[1] < 114) and (below[3] > 114) and below[2] > 100)


def test_drawing_needs_no_pyplot() -> None:
    code = (
        "import sys, augfactory.report.figures.evaluation_figures; "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
