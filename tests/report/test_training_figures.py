"""Figures of a training: every picture in its place, pixel for pixel."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from augfactory.records import UInt8Array
from augfactory.report.figures.training_figures import Strip, loss_figure, picture_figure
from augfactory.vae.history import HistoryRow
from tests.report.conftest import check_legible


def opened(png: bytes) -> UInt8Array:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def row(step: int, loss: float, validation_loss: float | None = None) -> HistoryRow:
    return HistoryRow(
        step=step,
        loss=loss,
        reconstruction=loss - 7,
        kl=7,
        kl_weight=1,
        learning_rate=1e-3,
        validation_loss=validation_loss,
        seconds=step / 10,
    )


@pytest.mark.parametrize(
    "history",
    [
        [row(10, 100.0)],
        [row(10, 500.0), row(20, 90.0), row(30, 80.0)],
        [row(10, 500.0, 700.0), row(20, 90.0, 120.0), row(30, 80.0, 130.0)],
    ],
)
def test_the_course_of_a_training_is_drawn(history: list[HistoryRow]) -> None:
    png = loss_figure(history, {}, 15, "words")
    plain = opened(png)
    marked = opened(loss_figure(history, {110.0: history[-1].step}, 15, "words"))
    assert plain.shape == (810, 1200, 3)
    assert (plain != marked).any()
    assert loss_figure(history, {}, 15, "words") == png


@pytest.mark.parametrize(
    "losses", [[500.0, 400.0, 390.0], [900.0, 120.0, 10.0], [50.0] * 3, [123456.7] * 3]
)
@pytest.mark.parametrize("watched", [None, 7.0, 500.0])
def test_no_words_on_others_nor_beyond_the_page(
    losses: list[float], watched: float | None, laid_out: list[Figure]
) -> None:
    course = [
        row(step, loss, watched and loss + watched)
        for step, loss in zip((1, 2, 3), losses, strict=True)
    ]
    loss_figure(course, {}, 1, "words", kept=2)
    (figure,) = laid_out
    check_legible(figure)
    for axes in figure.axes:
        legend = axes.get_legend()
        assert legend is not None
        assert all(text.get_text()[-1].isdigit() for text in legend.get_texts())  # last values


def test_weights_that_are_not_the_last_ones_are_told(laid_out: list[Figure]) -> None:
    course = [row(10, 500.0, 700.0), row(20, 90.0, 120.0), row(30, 80.0, 130.0)]
    for kept, told in ((20, True), (30, False), (None, False)):
        loss_figure(course, {}, 15, "words", kept=kept)
        legend = laid_out[-1].axes[1].get_legend()
        assert legend is not None
        texts = [text.get_text() for text in legend.get_texts()]
        assert ("weights kept: step 20, loss 90.0" in texts) == told


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_of_every_picture_is_there(channels: int) -> None:
    # 11×23 pixels: each is shown as a square of 4×4, so that 23 become more than 80.
    random = np.random.default_rng(0)
    left = random.integers(0, 200, (3, 1, 11, 23, channels), dtype=np.uint8)
    right = random.integers(0, 200, (3, 4, 11, 23, channels), dtype=np.uint8)
    strips = [Strip(f"class {line}", (left[line], right[line])) for line in range(3)]
    page = opened(picture_figure("title", "subtitle", ("left", "right"), strips))
    found = []
    for picture in [*left.reshape(-1, 11, 23, channels), *right.reshape(-1, 11, 23, channels)]:
        large = np.broadcast_to(picture.repeat(4, axis=0).repeat(4, axis=1), (44, 92, 3))
        places = [
            (int(y), int(x))
            for y, x in np.argwhere((page[:-43, :-91] == large[0, 0]).all(axis=2))
            if np.array_equal(page[y : y + 44, x : x + 92], large)
        ]
        assert len(places) == 1
        found += places
    tops, lefts = sorted({y for y, _ in found}), sorted({x for _, x in found})
    assert len(tops) == 3
    assert len(lefts) == 5
    assert [places[0] for places in found[:3]] == tops
    assert [x for _, x in found[:3]] == [lefts[0]] * 3
    assert found[3:] == [(top, x) for top in tops for x in lefts[1:]]


def test_blocks_of_lines_stand_apart() -> None:
    pictures = np.zeros((2, 20, 30, 1), dtype=np.uint8)
    strips = [Strip("line", (pictures,))] * 4
    apart = opened(picture_figure("title", "subtitle", ("",), strips, block=2))
    together = opened(picture_figure("title", "subtitle", ("",), strips))
    assert len(apart) > len(together)
