"""The letters that pictures are written in: DejaVu Sans, which comes with matplotlib."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

from PIL import ImageFont

from augfactory.guarded.text import escaped

UNKNOWN = "\N{WHITE SQUARE}"
NARROWEST = 4  # letters that may share a pixel: more would all have to be without width


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, set alike on every machine; ``size`` in pixels."""
    return ImageFont.truetype(_path(), size, layout_engine=ImageFont.Layout.BASIC)


def drawable(text: str) -> str:
    """Return the text, letters composed, with a square for each letter that the font lacks.

    Control characters, line breaks and marks that turn the reading direction come as escapes.
    """
    known = _known_letters()
    composed = unicodedata.normalize("NFC", escaped(text))
    return "".join(letter if ord(letter) in known else UNKNOWN for letter in composed)


def all_drawable(names: Sequence[str]) -> list[str]:
    """Return ``drawable`` of names that all differ, so that they still differ."""
    found: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for name in names:
        plain = shown = drawable(name)
        while shown in found:
            numbers[plain] = numbers.get(plain, 1) + 1
            shown = f"{plain} ({numbers[plain]})"
        found[shown] = None
    return list(found)


def width_of(text: str, size: int) -> int:
    """Return how many pixels wide the text is, all ink included."""
    return -(-int(64 * max(font(size).getlength(text), font(size).getbbox(text)[2])) // 64)


def fits(text: str, width: int, size: int) -> bool:
    """Tell whether the text is at most ``width`` pixels wide; one far too long is not measured."""
    return len(text) <= NARROWEST * width and width_of(text, size) <= width


def shortened(text: str, width: int, size: int) -> str:
    """Return the text or, where it is wider than ``width`` pixels, as much of both ends as fits."""
    if fits(text, width, size):
        return text

    def both_ends(kept: int) -> str:
        return f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"

    kept = _most(lambda count: width_of(both_ends(count), size) <= width, len(text) - 1)
    return both_ends(kept) if kept else "…"


def wrapped(text: str, width: int, size: int) -> list[str]:
    """Return the whole text in lines of at most ``width`` pixels, broken between words.

    A word that is wider than a line is broken anywhere.
    """
    lines, line = [], ""
    for piece in re.split("(?<= )", text):
        longer = line + piece
        if fits(longer.rstrip(" "), width, size):
            line = longer
            continue
        lines += [line] if line else []
        line = piece
        while (count := _fitting(line, width, size)) < len(line):
            lines.append(line[:count])
            line = line[count:]
    return [each.rstrip(" ") for each in (*lines, line)]


def _fitting(line: str, width: int, size: int) -> int:
    """Return how many letters of the line fit, one at least; a space at its end takes no room."""
    whole = len(line.rstrip(" "))
    count = _most(lambda count: width_of(line[:count], size) <= width, whole)
    return len(line) if count == whole else max(count, 1)


def _most(fit: Callable[[int], bool], most: int) -> int:
    """Return the largest number up to ``most`` that fits, 0 where none does.

    Twice as many are tried each time, then halves, so that what is far too long is not looked at.
    Kerning can make one letter more a little narrower: so the next two are tried as well.
    """
    step = 1
    while step <= most and fit(step):
        step *= 2
    low, high = step // 2, min(step, most + 1)  # low fits, high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fit(middle) else (low, middle)
    return next((n for n in (low + 2, low + 1) if low < n <= most and fit(n)), low)


@cache
def _path() -> str:
    import matplotlib as mpl  # late: it takes a while, and most commands draw nothing

    return f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf"


@cache
def _known_letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(_path()).get_charmap())
