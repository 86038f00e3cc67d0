"""JSON and TOML of any depth and with any number of digits end in a ValueError, no other way."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.guarded.documents import parse_json, parse_toml, read_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda own: st.lists(own, max_size=3) | st.dictionaries(st.text(max_size=3), own, max_size=3),
    max_leaves=20,
)


@given(JSON)
def test_json_comes_back(value: object) -> None:
    assert parse_json(json.dumps(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_json(data)
    with contextlib.suppress(ValueError):
        parse_toml(data.decode("latin-1"))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200 + "]" * 200,
        "[" * 200_000,
        '{"a":' * 150 + "1" + "}" * 150,
        "9" * 5000,
        "NaN",
        "-Infinity",
        "1e999",
        '{"a": 1',
    ],
)
def test_hostile_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000 + "]" * 5000, "a = " + "9" * 5000, "a = " + "[" * 150 + "]" * 150]
)
def test_hostile_toml_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_toml(text)


def test_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"é": [1, 2.5]}', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {"é": [1, 2.5]}
