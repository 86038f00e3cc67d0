"""Letters that figures can show."""

from hypothesis import given
from hypothesis import strategies as st

from augfactory.report.drawing import all_drawable, drawable, label


def test_unknown_letters_are_squares() -> None:
    assert drawable("kind é 猫 7") == "kind é □ 7"
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
