"""Where the words and tiles of a contact sheet stand, so that no two of them meet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from augfactory.records import UInt8Array
from augfactory.report.figures.letters import drawable, fits, shortened, width_of, wrapped

SMALLEST_TILE = 56
GAP, MARGIN, BAR = 6, 12, 7
TITLE_SIZE, SMALL_SIZE = 15, 11
TITLE_LINE, SMALL_LINE = 20, 15
NARROWEST_PAGE = 420
WIDE_TILE, WIDE_END = 170, 420  # pixels at most, for the whole caption of a tile, of the last one


@dataclass(frozen=True)
class Tile:
    """One image uint8 [H, W, C], the words above it, and label shares [K] for a bar, if any.

    A caption that is wider than its room is shortened; one that is to be ``whole`` takes lines.
    """

    image: UInt8Array
    caption: str
    shares: tuple[float, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Line:
    """One line of a sheet: ``left`` what was there, ``right`` what was made from it."""

    left: tuple[Tile, ...]
    right: tuple[Tile, ...]


@dataclass(frozen=True)
class Words:
    """One line of text in a box of pixels; ``role``: title, head or caption."""

    text: str
    role: str
    x: int
    y: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Place:
    """A tile whose upper left pixel is at (x, y)."""

    tile: Tile
    x: int
    y: int


@dataclass(frozen=True)
class Layout:
    """A page in pixels; ``rule`` is the x of the line between left and right, from ``rule_top``.

    Each pixel of an image is a square of ``scale`` by ``scale``.
    """

    width: int
    height: int
    scale: int
    rule: int
    rule_top: int
    words: tuple[Words, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True)
class _Column:
    """Tiles of ``tile`` pixels start every ``pitch`` from ``start``; words end before ``end``."""

    start: int
    pitch: int
    tile: int
    end: int


def sheet_layout(title: str, left: str, right: str, lines: Sequence[Line]) -> Layout:
    """Return where all goes: all tiles of one size, under a title and two column heads."""
    sample = next(tile.image for line in lines for tile in (*line.left, *line.right))
    scale = max(1, -(-SMALLEST_TILE // max(sample.shape[:2])))
    height, width = sample.shape[0] * scale, sample.shape[1] * scale
    was = _column(MARGIN, width, left, [line.left for line in lines])
    made = _column(was.end + 3 * GAP, width, right, [line.right for line in lines])
    page = max(made.end + MARGIN, NARROWEST_PAGE)
    made = _Column(made.start, made.pitch, width, page - MARGIN)
    titles = wrapped(drawable(title), page - 2 * MARGIN, TITLE_SIZE)
    words = [
        _words(text, "title", MARGIN, 8 + place * TITLE_LINE) for place, text in enumerate(titles)
    ]
    top = 8 + len(titles) * TITLE_LINE
    words += [_words(left, "head", was.start, top), _words(right, "head", made.start, top)]
    rule_top, y = top + 2, top + SMALL_LINE + GAP // 2
    places = []
    for line in lines:
        captions = [*_captions(was, line.left), *_captions(made, line.right)]
        y += SMALL_LINE * max((len(texts) for _, texts in captions), default=0)
        for x, texts in captions:
            first = y - SMALL_LINE * len(texts)
            words += [
                _words(text, "caption", x, first + number * SMALL_LINE)
                for number, text in enumerate(texts)
            ]
        for column, tiles in ((was, line.left), (made, line.right)):
            for place, tile in enumerate(tiles):
                places.append(Place(tile, column.start + place * column.pitch, y + 1))
        y += 1 + height + BAR + GAP
    return Layout(page, y + MARGIN, scale, was.end + GAP, rule_top, tuple(words), tuple(places))


def _words(text: str, role: str, x: int, y: int) -> Words:
    size, line = (TITLE_SIZE, TITLE_LINE) if role == "title" else (SMALL_SIZE, SMALL_LINE)
    return Words(text, role, x, y, x + width_of(text, size), y + line)


def _column(start: int, width: int, head: str, lines: Sequence[Sequence[Tile]]) -> _Column:
    """Return a column that is as wide as its tiles, its head, and captions that stay whole."""
    pitch = 2 * GAP + max(
        (min(WIDE_TILE, _wish(tile)) for line in lines for tile in line[:-1]), default=0
    )
    pitch = max(pitch, width + GAP)
    ends = [
        (len(line) - 1) * pitch + max(width, min(WIDE_END, _wish(line[-1])))
        for line in lines
        if line
    ]
    return _Column(start, pitch, width, start + max(width, width_of(head, SMALL_SIZE), *ends))


def _wish(tile: Tile) -> int:
    """Return how wide a tile would have its caption."""
    # No tile gets more than WIDE_END, which so many letters fill.
    return width_of(drawable(tile.caption)[:WIDE_END], SMALL_SIZE) if tile.whole else 0


def _captions(column: _Column, tiles: Sequence[Tile]) -> Iterator[tuple[int, list[str]]]:
    """Yield the x and the lines of each caption.

    Where it is too wide for a tile, and the tiles beside have the same, it stands once over all.
    """
    place = 0
    while place < len(tiles):
        tile, text, then = tiles[place], drawable(tiles[place].caption), place + 1
        if not fits(text, column.tile, SMALL_SIZE):
            while then < len(tiles) and tiles[then].caption == tile.caption:
                then += 1
        x = column.start + place * column.pitch
        room = (column.start + then * column.pitch - GAP if then < len(tiles) else column.end) - x
        if tile.whole:
            yield x, wrapped(text, room, SMALL_SIZE)
        else:
            yield x, [shortened(text, room, SMALL_SIZE)]
        place = then
