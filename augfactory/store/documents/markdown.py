"""Markdown that names of strangers cannot break: lines, tables, code and quotes."""

import json
import textwrap
from collections.abc import Sequence
from itertools import pairwise

from augfactory.guarded.text import escaped, escaped_json

LINE = 100
MOST_STRETCHES = 20  # of row numbers that are written out


def numbers(rows: Sequence[int]) -> str:
    """Return ``3, 5–9, 12``; the last of many are left to the manifest."""
    breaks = [0, *(i for i, (a, b) in enumerate(pairwise(rows), 1) if b != a + 1), len(rows)]
    ranges = [(rows[start], rows[stop - 1]) for start, stop in pairwise(breaks)]
    shown = [
        f"{first:,}" if first == last else f"{first:,}–{last:,}"
        for first, last in ranges[:MOST_STRETCHES]
    ]
    more = " and others: `manifest.json` lists all" if len(ranges) > MOST_STRETCHES else ""
    return ", ".join(shown) + more


def wrapped(text: str, bullet: str = "") -> str:
    """Return a text in lines of at most 100 letters; ``bullet`` stands before the first."""
    return textwrap.fill(
        text,
        LINE,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )


def code(text: object) -> str:
    """Return a text to stand between backticks: one line, without any of them."""
    return escaped(str(text)).replace("`", "'")


def quoted(text: str) -> str:
    """Return a text as YAML in quotes, which are those of JSON."""
    return escaped_json(json.dumps(text, ensure_ascii=False))


def channels(values: Sequence[float]) -> str:
    """Return figures of an image's channels, to four places."""
    return ", ".join(f"{value:.4f}" for value in values)
