"""Letters that figures can show."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.report.drawing import label
from augfactory.report.letters import all_drawable, drawable, font, shortened, width_of, wrapped


def test_unknown_letters_are_squares() -> None:
    assert drawable("kind é 猫 7") == "kind é □ 7"
    assert drawable("Gro\N{COMBINING DIAERESIS}ße") == "Größe"
    assert label("cost $5", 9) == r"cost \$5"


@given(st.text("abc123", max_size=30), st.integers(4, 20))
def test_of_a_long_text_both_ends_are_kept(text: str, longest: int) -> None:
    shown = label(text, longest)
    assert len(shown) == min(len(text), longest)
    start, _, end = shown.partition("…")
    assert text.startswith(start)
    assert text.endswith(end)
    assert abs(len(start) - len(end)) <= 1 or shown == text


@given(st.lists(st.text("ab猫犬 (2)", max_size=6), unique=True, max_size=6))
def test_names_that_differ_still_do(names: list[str]) -> None:
    shown = all_drawable(names)
    assert len(set(shown)) == len(names)
    assert all("猫" not in name for name in shown)


@pytest.mark.parametrize("letter", list("ößéłñÅЖπ…□"))
def test_the_font_has_the_letters_of_names(letter: str) -> None:
    missing = bytes(font(20).getmask("\ue123"))
    assert bytes(font(20).getmask(letter)) not in (missing, b"")


TEXTS = st.text(st.sampled_from("iWö (),0.\N{NO-BREAK SPACE}"), max_size=60)


@given(TEXTS, st.integers(30, 300), st.sampled_from([11, 15]))
def test_a_shortened_text_fits_and_keeps_both_ends(text: str, room: int, size: int) -> None:
    shown = shortened(text, room, size)
    assert font(size).getbbox(shown)[2] <= width_of(shown, size) <= room
    if shown != text:
        assert font(size).getlength(text) > room - 1
        assert text[0] == shown[0]
        start, _, end = shown.partition("…")
        assert text.startswith(start)
        assert text.endswith(end)


@given(TEXTS, st.integers(30, 300), st.sampled_from([11, 15]))
def test_wrapped_lines_fit_and_lose_nothing(text: str, room: int, size: int) -> None:
    lines = wrapped(text, room, size)
    assert all(width_of(line, size) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_words_are_broken_between_words_where_they_can_be() -> None:
    room = width_of("what was made", 11)
    assert wrapped("what was made from it", room, 11) == ["what was made", "from it"]


def test_letters_are_at_hand_without_matplotlib() -> None:
    code = "import sys, augfactory.commands.preview; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
