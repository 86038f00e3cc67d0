"""Figures of a training: every picture in its place, pixel for pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from augfactory.records import UInt8Array
from augfactory.report.training_figures import Strip, loss_figure, picture_figure
from augfactory.vae.history import HistoryRow


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
    plain = opened(loss_figure(history, {}, 15, "words"))
    marked = opened(loss_figure(history, {110.0: history[-1].step}, 15, "words"))
    assert plain.shape == (810, 1200, 3)
    assert (plain != marked).any()
    assert loss_figure(history, {}, 15, "words") == loss_figure(history, {}, 15, "words")


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
