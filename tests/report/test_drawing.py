"""Letters that figures can show."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.report.figures.drawing import label
from augfactory.report.figures.letters import (
    all_drawable,
    drawable,
    font,
    shortened,
    width_of,
    wrapped,
)


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


def shortened_one_by_one(text: str, width: int, size: int) -> str:
    """Every length is tried, the longest first."""
    if width_of(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        short = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
        if width_of(short, size) <= width:
            return short
    return "…"


def wrapped_one_by_one(text: str, width: int, size: int) -> list[str]:
    """Every length is tried, the longest first."""
    lines, line = [], ""
    for piece in re.split("(?<= )", text):
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


@given(TEXTS, st.integers(4, 300), st.sampled_from([11, 15]))
def test_shortened_is_as_if_every_length_were_tried(text: str, room: int, size: int) -> None:
    assert shortened(text, room, size) == shortened_one_by_one(text, room, size)


@given(TEXTS, st.integers(4, 300), st.sampled_from([11, 15]))
def test_wrapped_is_as_if_every_length_were_tried(text: str, room: int, size: int) -> None:
    assert wrapped(text, room, size) == wrapped_one_by_one(text, room, size)


@pytest.mark.parametrize("act", [lambda *given: [shortened(*given)], wrapped])
@pytest.mark.parametrize("letters", [1_500, 100_000])
def test_a_long_text_is_measured_a_few_times_only(
    monkeypatch: pytest.MonkeyPatch, act: Callable[..., list[str]], letters: int
) -> None:
    """Counted are the letters that were measured, which is what takes the time."""
    measured: list[int] = []

    def measure(text: str, size: int) -> int:
        measured.append(len(text))
        return len(text) * size

    monkeypatch.setattr("augfactory.report.figures.letters.width_of", measure)
    shown = act("x" * letters, 400, 11)
    assert len(shown[0]) == 400 // 11
    assert sum(measured) <= 2 * letters + len(shown) * 1_000


def test_a_text_without_end_is_shortened_too() -> None:
    shown = shortened("x" * 3_000_000, 100, 11)
    assert shown.count("…") == 1
    assert width_of(shown, 11) <= 100


def test_what_fools_a_reader_is_drawn_as_escapes() -> None:
    assert drawable("a\nb\x1bc") == r"a\x0ab\x1bc"
    assert drawable("\u202eabc") == r"\u202eabc"
    assert drawable("\udcff") == r"\xff"
    assert all_drawable(["a\n", r"a\x0a"]) == [r"a\x0a", r"a\x0a (2)"]
    assert label("\x1b" * 30, 9) == r"\x1b…\x1b"
    assert len(label("\u202e" * 30, 12)) == 12


def test_many_names_of_unknown_letters_are_told_apart_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []

    def square(text: str) -> str:
        calls.append(text)
        return "□"

    monkeypatch.setattr("augfactory.report.figures.letters.drawable", square)
    shown = all_drawable([str(number) for number in range(2000)])
    assert len(set(shown)) == 2000
    assert len(calls) == 2000


def test_words_are_broken_between_words_where_they_can_be() -> None:
    room = width_of("what was made", 11)
    assert wrapped("what was made from it", room, 11) == ["what was made", "from it"]


def test_letters_are_at_hand_without_matplotlib() -> None:
    code = "import sys, augfactory.commands.opening.sheet; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
