"""A sheet shows every tile whole, unblurred, at its place, and the label shares beneath."""

import io

import numpy as np
from PIL import Image

from augfactory.report.contact_sheet import Line, Tile, contact_sheet


def opened(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def find(page: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return top, left, bottom, right of all pixels of ``colour``; they must fill that box."""
    rows, columns = np.nonzero((page == colour).all(axis=2))
    assert len(rows) > 0, colour
    box = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
    assert len(rows) == (box[2] - box[0]) * (box[3] - box[1])
    return tuple(int(side) for side in box)  # type: ignore[return-value]


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((20, 30, 3), colour, dtype=np.uint8)


def test_tiles_stand_left_and_right_at_one_scale() -> None:
    left, right, below = (10, 200, 30), (250, 5, 90), (1, 2, 201)
    page = opened(
        contact_sheet(
            "title",
            "was",
            "made",
            [
                Line((Tile(flat(left), "a"),), (Tile(flat(right), "b"),)),
                Line((), (Tile(flat(below), "a long caption that is cut"),)),
            ],
        )
    )
    boxes = [find(page, colour) for colour in (left, right, below)]
    assert {(bottom - top, end - start) for top, start, bottom, end in boxes} == {(40, 60)}
    assert boxes[0][3] < boxes[1][1]
    assert boxes[0][0] == boxes[1][0] < boxes[2][0]
    assert boxes[1][1] == boxes[2][1]


def test_bar_is_as_long_as_the_shares() -> None:
    tile = Tile(flat((1, 1, 1)), "x", (0.25, 0.0, 0.75))
    page = opened(contact_sheet("t", "was", "made", [Line((), (tile,))]))
    _, start, bottom, end = find(page, (1, 1, 1))
    bar = page[bottom + 3, start:end]
    colours, counts = np.unique(bar, axis=0, return_counts=True)
    assert len(colours) == 2
    assert np.abs(np.sort(counts / (end - start)) - [0.25, 0.75]).max() < 0.04


def test_grey_images_stay_grey() -> None:
    grey = np.full((64, 64, 1), 77, dtype=np.uint8)
    page = opened(contact_sheet("t", "was", "made", [Line((Tile(grey, "g"),), ())]))
    top, left, bottom, right = find(page, (77, 77, 77))
    assert (bottom - top, right - left) == (64, 64)
