"""Stripes, lines and edges."""

import math

import numpy as np
import pytest

from augfactory.evaluation.corruptions import overlays
from tests.evaluation.corruptions.images import batch, digits, flat, photos

BLACK = flat(0, count=12, size=(28, 31))


def test_stripe_turns_the_outer_quarters_to_their_negative() -> None:
    images = photos(3)
    found = overlays.stripe(batch(images), 0.25)
    for column in range(36):
        outer = column < 9 or column >= 27
        expected = 255 - images[:, :, column] if outer else images[:, :, column]
        np.testing.assert_array_equal(found[:, :, column], expected)
    np.testing.assert_array_equal(overlays.stripe(batch(found), 0.25), images)


@pytest.mark.parametrize(
    ("start", "end"),
    [((3, 0), (20, 27)), ((9.5, 4.25), (2, 11.5)), ((5, 9), (5, 9)), ((5, 9), (7, 2))],
)
def test_a_line_fades_above_and_below(start: tuple[float, float], end: tuple[float, float]) -> None:
    found = overlays.line(np.array([start], float), np.array([end], float), (26, 29), 2.3)[0]
    for row, column in np.ndindex(26, 29):
        expected = 0.0
        if end[1] > start[1] and math.floor(start[1]) <= column < math.ceil(end[1]):
            along = (column - start[1]) / (end[1] - start[1])
            away = abs(row - start[0] - along * (end[0] - start[0]))
            expected = max(0.0, math.log(1 - away / 2.3) + 1) if away < 2.3 else 0.0
        assert found[row, column] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_dots_and_gaps_alternate(scale: float) -> None:
    found = overlays.dotted_line(batch(BLACK, scale), 2.3, 2)
    ink = found.max(axis=(1, 3)) > 0
    dot = int(2 * scale)
    for column in range(30):
        assert (ink[:, column] == (column // dot % 2 == 1)).all()
    rows = found[..., 0].argmax(axis=1)
    assert np.unique(rows[:, 6]).size > 3
    assert (found.max(axis=(1, 2, 3)) > 150).all()


def test_lines_add_to_the_image() -> None:
    images = photos(4)
    black = np.zeros_like(images)
    for ink, changed in (
        [overlays.dotted_line(batch(given), 2.3, 2) for given in (black, images)],
        [overlays.zigzag(batch(given), 2.3, 2, 2, 5) for given in (black, images)],
    ):
        expected = np.minimum(ink.astype(np.int64) + images, 255)
        np.testing.assert_allclose(changed, expected, atol=1)


def test_a_zigzag_runs_from_margin_to_margin_and_turns() -> None:
    black = flat(0, count=60, size=(60, 47))
    found = overlays.zigzag(batch(black), 2.3, 2, 2, 5)[..., 0].astype(np.float64)
    ink = found.max(axis=1)
    assert (ink[:, :2] == 0).all()
    assert (ink[:, -2:] == 0).all()
    inside = [
        i for i, image in enumerate(found) if (image[:5] == 0).all() and (image[-5:] == 0).all()
    ]
    assert len(inside) > 30
    for image in found[inside]:
        assert (image[:, 3:-4].max(axis=0) > 80).all()
        rows = np.arange(60)[:, None]
        path = (image * rows).sum(axis=0)[4:-4] / image.sum(axis=0)[4:-4]
        straight = np.polyval(np.polyfit(np.arange(len(path)), path, 1), np.arange(len(path)))
        turns = np.diff(np.sign(path - straight))
        # A corner every four pixels along the line.
        assert 7 <= (turns != 0).sum() <= 14
        assert 1 < np.abs(path - straight).max() < 3.5
        assert abs(straight[-1] - straight[0]) < 6


def test_edges_follow_a_square() -> None:
    image = np.zeros((1, 40, 34, 3), dtype=np.uint8)
    image[:, 12:28, 10:24] = [250, 200, 180]
    found = overlays.canny_edges(batch(image), 1, 0.1, 0.2)
    assert set(np.unique(found)) == {0, 255}
    np.testing.assert_array_equal(found[..., 0], found[..., 2])
    edges = found[0, :, :, 0] > 0
    for row in range(16, 24):
        columns = np.flatnonzero(edges[row])
        assert len(columns) == 2
        assert abs(columns[0] - 9.5) < 1
        assert abs(columns[1] - 23.5) < 1
    assert not edges[:10].any()
    assert not edges[15:25, 13:21].any()


def test_only_steep_edges_begin_and_less_steep_ones_go_on() -> None:
    def edges(step: float) -> int:
        image = np.full((1, 30, 36, 1), 100, dtype=np.uint8)
        image[:, :, 18:] = round(100 + 255 * step)
        return int((overlays.canny_edges(batch(image), 1, 0.1, 0.2) > 0).sum())

    # Of a step smoothed by one pixel, neighbours of its edge differ by two weights of the Gaussian;
    # Sobel's kernel takes that difference four times.
    steepest = 4 * (0.2420 + 0.3989) / (0.3989 + 2 * (0.2420 + 0.0540 + 0.0044))
    assert edges(0.2 / steepest - 0.008) == 0
    assert edges(0.2 / steepest + 0.008) >= 28

    rows, columns = np.mgrid[:30, :36]
    slanting = np.where(columns > rows, round(100 + 255 * 0.85 * 0.2 / steepest), 100)
    slanting = slanting.astype(np.uint8)[None, :, :, None]
    assert not overlays.canny_edges(batch(slanting), 1, 0.1, 0.2).any()

    fading = np.full((1, 30, 36, 1), 100, dtype=np.uint8)
    fading[:, :15, 18:] = round(100 + 255 * (0.2 / steepest + 0.02))
    fading[:, 15:, 18:] = round(100 + 255 * (0.1 / steepest + 0.02))
    found = overlays.canny_edges(batch(fading), 1, 0.1, 0.2)[0, :, :, 0] > 0
    assert found[25, 15:21].any()


def test_digits_become_outlines() -> None:
    images = digits(40)
    found = overlays.canny_edges(batch(images), 1, 0.1, 0.2)
    assert 0.06 < (found > 0).mean() < 0.16
    inside = (images > 250) & (np.roll(images, 1, 1) > 250) & (np.roll(images, -1, 1) > 250)
    inside &= (np.roll(images, 1, 2) > 250) & (np.roll(images, -1, 2) > 250)
    assert (found[inside] > 0).mean() < 0.2
