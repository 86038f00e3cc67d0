"""Confusions and gains are drawn number for number."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from augfactory.report.figures.class_figures import (
    MOST_BARS,
    confusion_figure,
    gains_figure,
    largest_error,
)
from tests.report.conftest import check_legible

MATRIX = [[95, 4, 1], [0, 0, 0], [1, 399, 0]]
ODD = ("猫\n", "$a^$", "a name that is far too long to be drawn")


def rectangles(figure: Figure) -> list[Rectangle]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


def labels_of(ticks: Sequence[Any]) -> list[str]:
    return [tick.get_text() for tick in ticks]


def test_cells_hold_the_percent_of_the_true_class(drawn: list[Figure]) -> None:
    confusion_figure(MATRIX, ("a", "b", "c"), largest_error([MATRIX]))
    cells = {text.get_position(): text.get_text() for text in drawn[0].axes[0].texts}
    expected = {}
    for row, line in enumerate(MATRIX):
        for column, count in enumerate(line):
            percent = 100 * count / sum(line) if sum(line) else 0
            text = "" if count == 0 else "<1" if percent < 0.5 else str(round(percent))
            expected[column, row] = text
    assert cells == expected
    assert labels_of(drawn[0].axes[0].get_yticklabels()) == ["a", "b", "c"]


def test_errors_are_red_right_answers_blue_and_one_scale_serves_all(drawn: list[Figure]) -> None:
    other = [[50, 50], [0, 10]]
    assert largest_error([MATRIX, other]) == 399 / 400
    assert largest_error([other, [[9, 1], [1, 9]]]) == 0.5
    for reddest in (0.5, 1.0):
        confusion_figure(other, ("a", "b"), reddest)
    cells = [np.asarray(figure.axes[0].images[0].get_array()) for figure in drawn]
    for right, wrong in (own[0] for own in cells):
        assert right[2] > right[0]  # more blue than red
        assert wrong[0] > wrong[2]
    strong, weak = (own[0, 1] for own in cells)
    assert strong[1] < weak[1]


@pytest.mark.parametrize("names", [ODD, ("0", "1", "2")])
def test_any_names_are_drawn(names: tuple[str, ...], drawn: list[Figure]) -> None:
    data = confusion_figure(MATRIX, names, 1.0)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
    assert data == confusion_figure(MATRIX, names, 1.0)
    gains_figure([1.0, None, -2.0], names, 2.0)
    if names is ODD:
        for figure in drawn:
            shown = labels_of(figure.axes[0].get_yticklabels())
            assert shown == [r"□\x0a", r"\$a^\$", "a name th…be drawn"]


def test_bars_are_as_long_as_the_gains(drawn: list[Figure]) -> None:
    gains_figure([3.25, None, -1.5], ("a", "b", "c"), 5.0)
    assert [bar.get_width() for bar in rectangles(drawn[0])] == [3.25, 0, -1.5]
    said = [text.get_text() for text in drawn[0].axes[0].texts]
    assert said == ["+3.2", "not measured", "-1.5"]
    low, high = drawn[0].axes[0].get_xlim()
    assert low == -high
    assert high > 5


def test_without_any_gain_all_words_have_room(laid_out: list[Figure]) -> None:
    gains_figure([0.0, None], ("W" * 30, "b"), 0.0)
    confusion_figure([[5]], ["one"], 0.0)
    confusion_figure([[5] * 20] * 20, ["W" * 30] * 20, 0.05)
    for figure in laid_out:
        check_legible(figure)


@pytest.mark.parametrize("names", [("0", "1"), ("a class of a long name", "another class, longer")])
def test_numbers_beside_bars_stay_inside(names: tuple[str, ...], drawn: list[Figure]) -> None:
    gains_figure([-10.6, 13.3], names, 13.3)
    figure = drawn[0]
    check_legible(figure)
    inside = figure.axes[0].get_window_extent()
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1


def test_of_many_classes_both_ends_are_drawn(drawn: list[Figure]) -> None:
    gains: list[float | None] = [float((7 * place) % 50 - 25) for place in range(50)]
    gains[4] = None
    names = [f"n{place}" for place in range(50)]
    gains_figure(gains, names, 30.0)
    known = sorted((gain for gain in gains if gain is not None), reverse=True)
    half = MOST_BARS // 2
    assert [bar.get_width() for bar in rectangles(drawn[0])] == known[:half] + known[-half:]
    shown = labels_of(drawn[0].axes[0].get_yticklabels())
    assert gains[names.index(shown[0])] == known[0]
    gains_figure([None] * 50, names, 30.0)
