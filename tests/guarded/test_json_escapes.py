"""JSON in which nothing fools a reader says the same as before."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from augfactory.guarded.text import escaped, escaped_json

LETTERS = st.text(
    st.characters() | st.sampled_from('\u202e\u2066\u200e\x7f\x85\x9b\u2028\u2029\udcff\\\n"')
)
VALUES = st.recursive(LETTERS, lambda own: st.lists(own) | st.dictionaries(LETTERS, own))


@given(VALUES)
def test_the_value_stays_the_same_and_nothing_can_fool(value: Any) -> None:
    text = escaped_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == value
    assert escaped(text, keep="\n") == text
    text.encode()


def test_letters_stay_letters() -> None:
    text = json.dumps({"é": "猫 \N{CAT FACE}"}, ensure_ascii=False)
    assert escaped_json(text) == text
