"""Contact sheets: what was there on the left, what was made from it on the right."""

import colorsys
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from augfactory.records import UInt8Array

SMALLEST_TILE = 56
GAP = 6
CAPTION = 16
BAR = 7
MARGIN = 12
TITLE = 46
INK, FAINT, PAPER = (20, 20, 20), (120, 120, 120), (255, 255, 255)


@dataclass(frozen=True)
class Tile:
    """One image uint8 [H, W, C], the words above it, and label shares [K] for a bar, if any."""

    image: UInt8Array
    caption: str
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class Line:
    """One line of a sheet: ``left`` what was there, ``right`` what was made from it."""

    left: tuple[Tile, ...]
    right: tuple[Tile, ...]


def contact_sheet(title: str, left: str, right: str, lines: Sequence[Line]) -> bytes:
    """Return a PNG of ``lines``, all tiles of one size, under a title and two column heads."""
    sample = next(tile.image for line in lines for tile in (*line.left, *line.right))
    scale = max(1, -(-SMALLEST_TILE // max(sample.shape[:2])))
    height, width = sample.shape[0] * scale, sample.shape[1] * scale
    left_tiles = max(1, *(len(line.left) for line in lines))
    right_tiles = max(1, *(len(line.right) for line in lines))
    small = ImageFont.load_default(12)
    left_width = max(left_tiles * (width + GAP), int(small.getlength(left)) + GAP)
    split = MARGIN + left_width + 2 * GAP
    total_width = max(split + right_tiles * (width + GAP) + MARGIN, 420)
    line_height = CAPTION + height + BAR + GAP
    page = Image.new("RGB", (total_width, TITLE + len(lines) * line_height + MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((MARGIN, 8), title, INK, ImageFont.load_default(15))
    draw.text((MARGIN, 28), left, FAINT, small)
    draw.text((split, 28), right, FAINT, small)
    for row, line in enumerate(lines):
        top = TITLE + row * line_height
        for start, tiles in ((MARGIN, line.left), (split, line.right)):
            for column, tile in enumerate(tiles):
                x = start + column * (width + GAP)
                room = page.width - MARGIN - x if column == len(tiles) - 1 else width
                draw.text((x, top), _shortened(tile.caption, room, small), INK, small)
                page.paste(_enlarged(tile.image, scale), (x, top + CAPTION))
                _draw_shares(draw, tile.shares, x, top + CAPTION + height + 1, width)
    draw.line((split - 2 * GAP, 30, split - 2 * GAP, page.height - MARGIN), (200, 200, 200))
    buffer = io.BytesIO()
    page.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _draw_shares(
    draw: ImageDraw.ImageDraw, shares: tuple[float, ...], x: int, y: int, width: int
) -> None:
    """Draw a bar whose parts are as long as the shares, each class in a colour of its own."""
    start = 0.0
    for label, share in enumerate(shares):
        hue = colorsys.hsv_to_rgb(label / len(shares), 0.75, 0.85)
        if share > 0:
            box = (x + start * width, y, x + (start + share) * width, y + BAR - 2)
            draw.rectangle(box, fill=tuple(round(255 * part) for part in hue))
        start += share


def _enlarged(image: UInt8Array, scale: int) -> Image.Image:
    pixels = np.repeat(np.repeat(image, scale, axis=0), scale, axis=1)
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _shortened(text: str, width: int, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
