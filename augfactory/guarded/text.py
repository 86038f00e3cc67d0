r"""Text that comes from data, made safe to show.

A class name or a path can hold control characters that move a terminal's cursor or change its
title, marks that turn the reading direction, or bytes that are not text. On a terminal and in files
they are shown as escapes: ``\x1b``, ``\u202e``.
"""

import unicodedata
from collections.abc import Iterable

# Bidirectional marks, embeddings, overrides and isolates: a text with one can look like another.
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKING = ("Cc", "Zl", "Zp", "Cs")  # control characters, line breaks, halves of letters


def breaks_text(letter: str) -> bool:
    """Tell whether a letter is a control character, a line break, or no text at all."""
    return unicodedata.category(letter) in _BREAKING


def escaped(text: str, keep: str = "") -> str:
    """Return ``text``, whatever could fool a terminal or a reader in it replaced by escapes.

    ``keep`` are letters to leave alone, such as a line break where lines are wanted.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter
        if letter in keep or not (letter in TURNING or breaks_text(letter))
        else _escape(letter)
        for letter in text
    )


def escaped_json(text: str) -> str:
    """Return a JSON text of the same value in which what could fool a reader is escaped.

    It may hold such letters in its strings only, as what ``json.dumps`` returns does; and then it
    can be encoded, whatever its strings hold.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        f"\\u{ord(letter):04x}"
        if letter not in "\n\t\r" and (letter in TURNING or breaks_text(letter))
        else letter
        for letter in text
    )


def problem_with_name(name: str) -> str | None:
    """Say why ``name`` cannot be a name of a class or a dataset, None where it can."""
    if not name:
        return "it is empty"
    wrong = next((letter for letter in name if breaks_text(letter)), None)
    if wrong is None:
        return None
    if unicodedata.category(wrong) == "Cs":
        return "it is not UTF-8 text"
    return f"it holds the control character {_escape(wrong)}"


def first_problem(names: Iterable[str]) -> tuple[str, str] | None:
    """Return (escaped name, what is wrong with it) of the first unfit name, None where all fit."""
    for name in names:
        problem = problem_with_name(name)
        if problem is not None:
            return escaped(name), problem
    return None


def _escape(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, as Python hands it over
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}"
