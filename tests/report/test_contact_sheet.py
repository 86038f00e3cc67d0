"""A sheet shows every tile whole, unblurred, at its place, and the label shares beneath."""

import io

import numpy as np
import pytest
from PIL import Image

from augfactory.report.contact_sheet import contact_sheet
from augfactory.report.figures.letters import width_of
from augfactory.report.sheet_layout import (
    SMALL_SIZE,
    TITLE_SIZE,
    Layout,
    Line,
    Tile,
    Words,
    sheet_layout,
)


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


LONG = "Acer pseudoplatanus (sycamore)"
NAMES = (LONG, "Größe XL", "猫", "a" * 90, "automobile", "x")


def mixed(names: tuple[str, ...], whole: bool) -> Line:
    shares = ", ".join(f"{name}\N{NO-BREAK SPACE}0.25" for name in names)
    made = Tile(flat((9, 9, 9)), f"ricap: {shares}", (0.5, 0.5), whole=True)
    return Line(tuple(Tile(flat((1, 1, 1)), name, whole=whole) for name in names), (made,))


def single(name: str, count: int) -> Line:
    return Line((Tile(flat((1, 1, 1)), name),), (Tile(flat((2, 2, 2)), name),) * count)


PAGES = {
    "sheet": ("d v1: 7 images", [*(single(name, 4) for name in NAMES), mixed(NAMES[:4], False)]),
    "mixtures": ("a-long-name-" * 20, [mixed(NAMES[2:], False), mixed(NAMES[:2], False)]),
    "row": ("d@v1 row 1", [mixed(NAMES[:4], True)]),
    "row of one": ("a-long-name-" * 20, [mixed(NAMES[:1], True)]),
    "bare": ("t", [Line((), (Tile(flat((1, 1, 1)), LONG),))]),
}


def page_of(kind: str) -> Layout:
    title, lines = PAGES[kind]
    return sheet_layout(title, "what there was", "what was made from it", lines)


def apart(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def box(words: Words) -> tuple[int, int, int, int]:
    return words.x, words.y, words.right, words.bottom


@pytest.mark.parametrize("kind", PAGES)
def test_words_and_tiles_stand_on_the_page_and_apart(kind: str) -> None:
    page = page_of(kind)
    boxes = [box(words) for words in page.words]
    boxes += [
        (place.x, place.y, place.x + 30 * page.scale, place.y + 20 * page.scale)
        for place in page.places
    ]
    boxes.append((page.rule, page.rule_top, page.rule + 1, page.height))
    for number, one in enumerate(boxes):
        assert 0 <= one[0] < one[2] <= page.width
        assert 0 <= one[1] < one[3] <= page.height
        assert all(apart(one, other) for other in boxes[:number])
    for words in page.words:
        size = TITLE_SIZE if words.role == "title" else SMALL_SIZE
        assert width_of(words.text, size) == words.right - words.x


@pytest.mark.parametrize("kind", PAGES)
def test_no_ink_outside_the_boxes(kind: str) -> None:
    """The boxes are where the words are drawn: paint them over, and but tiles remain."""
    page, (title, lines) = page_of(kind), PAGES[kind]
    drawn = opened(contact_sheet(title, "what there was", "what was made from it", lines)).copy()
    assert drawn.shape == (page.height, page.width, 3)
    inked = 0
    for words in page.words:
        inked += bool((drawn[words.y : words.bottom, words.x : words.right] < 128).any())
        drawn[words.y : words.bottom, words.x : words.right] = 255
    assert inked == len(page.words)
    for place in page.places:
        drawn[place.y : place.y + 10 + 20 * page.scale, place.x : place.x + 1 + 30 * page.scale] = (
            255
        )
    drawn[:, page.rule] = 255
    assert (drawn == 255).all()


def captions(kind: str) -> str:
    return "".join(each.text for each in page_of(kind).words if each.role == "caption")


def test_a_picture_of_a_row_keeps_all_of_every_name() -> None:
    told = captions("row").replace(" ", "")
    assert "…" not in told
    for name in ("Acerpseudoplatanus(sycamore)", "GrößeXL", "□", "a" * 90):
        assert told.count(name) == 2
    assert told.count("\N{NO-BREAK SPACE}0.25") == 4
    titles = [each.text for each in page_of("row of one").words if each.role == "title"]
    assert "".join(titles) == "a-long-name-" * 20


def test_a_sheet_keeps_what_a_mixture_is_labelled_and_shortens_its_parents() -> None:
    told = captions("mixtures").replace(" ", "")
    assert told.count("\N{NO-BREAK SPACE}0.25") == 6
    assert "Acerpseudoplatanus(sycamore)\N{NO-BREAK SPACE}0.25" in told
    assert "…" in told


def test_a_name_too_wide_for_its_tile_stands_once_over_all_that_share_it() -> None:
    texts = [each.text for each in page_of("sheet").words]
    assert texts.count(LONG) == 2
    assert texts.count("x") == 5
