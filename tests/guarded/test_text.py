"""No text from data moves a cursor, turns the reading direction or breaks a line."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.guarded.text import TURNING, escaped, first_problem, problem_with_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Bär 狗 عربي", "Bär 狗 عربي"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff\udcfe", "\\xff\\xfe"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=30))
def test_whatever_it_was_it_can_be_shown(text: str) -> None:
    shown = escaped(text)
    shown.encode()
    assert not TURNING.intersection(shown)
    assert all(unicodedata.category(letter) not in ("Cc", "Zl", "Zp", "Cs") for letter in shown)
    assert escaped(shown) == shown
    kept = escaped(text, keep="\n")
    assert kept.count("\n") == text.count("\n")


def test_names() -> None:
    assert problem_with_name("Bär\u200f ähnlich") is None
    assert problem_with_name("") == "it is empty"
    assert problem_with_name("a\nb") == "it holds the control character \\x0a"
    assert problem_with_name("\udcff") == "it is not UTF-8 text"
    assert first_problem(["a", "b\x07"]) == ("b\\x07", "it holds the control character \\x07")
    assert first_problem(["a", "b"]) is None
