"""Contact sheets: what was there on the left, what was made from it on the right."""

import colorsys
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from augfactory.records import UInt8Array
from augfactory.report.figures.letters import font
from augfactory.report.sheet_layout import BAR, MARGIN, SMALL_SIZE, TITLE_SIZE, Line, sheet_layout

INK, FAINT, RULE, PAPER = (20, 20, 20), (120, 120, 120), (200, 200, 200), (255, 255, 255)


def contact_sheet(title: str, left: str, right: str, lines: Sequence[Line]) -> bytes:
    """Return a PNG of ``lines``, all tiles of one size, under a title and two column heads."""
    layout = sheet_layout(title, left, right, lines)
    page = Image.new("RGB", (layout.width, layout.height), PAPER)
    draw = ImageDraw.Draw(page)
    for words in layout.words:
        letters = font(TITLE_SIZE if words.role == "title" else SMALL_SIZE)
        colour = FAINT if words.role == "head" else INK
        draw.text((words.x, words.y), words.text, colour, letters)
    for place in layout.places:
        image = _enlarged(place.tile.image, layout.scale)
        page.paste(image, (place.x, place.y))
        below = place.y + image.height + 1
        _draw_shares(draw, place.tile.shares, place.x, below, image.width)
    draw.line((layout.rule, layout.rule_top, layout.rule, layout.height - MARGIN), RULE)
    buffer = io.BytesIO()
    page.save(buffer, "PNG")  # not optimized: 1 % smaller, and up to ten times as long
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
