"""The letters that pictures are written in: DejaVu Sans, which comes with matplotlib."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from PIL import ImageFont

UNKNOWN = "\N{WHITE SQUARE}"


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, set alike on every machine; ``size`` in pixels."""
    return ImageFont.truetype(_path(), size, layout_engine=ImageFont.Layout.BASIC)


def drawable(text: str) -> str:
    """Return the text, letters composed, with a square for each letter that the font lacks."""
    known = _known_letters()
    composed = unicodedata.normalize("NFC", text)
    return "".join(letter if ord(letter) in known else UNKNOWN for letter in composed)


def all_drawable(names: Sequence[str]) -> list[str]:
    """Return ``drawable`` of names that all differ, so that they still differ."""
    found: dict[str, None] = {}
    for name in names:
        shown, number = drawable(name), 2
        while shown in found:
            shown = f"{drawable(name)} ({number})"
            number += 1
        found[shown] = None
    return list(found)


def width_of(text: str, size: int) -> int:
    """Return how many pixels wide the text is, all ink included."""
    return -(-int(64 * max(font(size).getlength(text), font(size).getbbox(text)[2])) // 64)


def shortened(text: str, width: int, size: int) -> str:
    """Return the text or, where it is wider than ``width`` pixels, as much of both ends as fits."""
    if width_of(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        short = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
        if width_of(short, size) <= width:
            return short
    return "…"


def wrapped(text: str, width: int, size: int, after: str = " ") -> list[str]:
    """Return the whole text in lines of at most ``width`` pixels, broken ``after`` these letters.

    What is wider than a line, and has none of them, is broken anywhere.
    """
    lines, line = [], ""
    for piece in re.split(f"(?<=[{re.escape(after)}])", text):
        longer = line + piece
        if width_of(longer.rstrip(" "), size) <= width:
            line = longer
            continue
        lines += [line] if line else []
        line = piece
        while width_of(line.rstrip(" "), size) > width and len(line) > 1:
            fits = next(
                (n for n in range(len(line) - 1, 1, -1) if width_of(line[:n], size) <= width), 1
            )
            lines.append(line[:fits])
            line = line[fits:]
    return [each.rstrip(" ") for each in (*lines, line)]


@cache
def _path() -> str:
    import matplotlib as mpl  # late: it takes a while, and most commands draw nothing

    return f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf"


@cache
def _known_letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(_path()).get_charmap())
