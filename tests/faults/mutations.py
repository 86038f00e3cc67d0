"""Ways to damage bytes and JSON, as strategies of Hypothesis: what fails is shrunk to the least."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Bytes = Callable[[bytes], bytes]
DIGITS, DEEP, NAN, HUGE = "@digits@", "@deep@", "@nan@", "@huge@"  # what json cannot write
SECRET = "@secret@"  # replaced by the path of a file that nobody may read
_RAW = {
    DIGITS: "9" * 5000,
    DEEP: "[" * 50_000 + "]" * 50_000,
    NAN: "NaN",
    HUGE: "1e999",
}
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 2**31, 2**63, 2**64, 10**30, -(10**30), 0.5, 1e308),
    *("", " ", "x", "\0", "a\0b", "..", "../../x", "../../../../x", "/", "\\", "\ud800", "\x1b[2J"),
    *("\n", "\u202e", "x" * 100_000, "v1", "99999999999999999999", "hdf5", "png", "/dev/zero"),
    *([], {}, [[]], [None], [-1], [0] * 3, [10**9], ["x"], [{}], {"a": 1}, {"": []}, [1] * 100_000),
    *(SECRET, [SECRET], DIGITS, DEEP, NAN, HUGE),
)
_HUGE_BYTES = (
    b"\xff" * 8,
    b"\x7f" + b"\xff" * 7,
    b"\0" * 8,
    b"\xff" * 4,
    b"\x80\0\0\0",
    b"\0" * 64,
)


def _flip(place: int, value: int) -> Bytes:
    def flip(data: bytes) -> bytes:
        at = place % max(1, len(data))
        return data[:at] + bytes([own ^ (value or 1) for own in data[at : at + 1]]) + data[at + 1 :]

    return flip


def _overwrite(place: int, what: bytes) -> Bytes:
    def overwrite(data: bytes) -> bytes:
        at = place % max(1, len(data))
        return data[:at] + what + data[at + len(what) :]

    return overwrite


def _cut(place: int) -> Bytes:
    return lambda data: data[: place % max(1, len(data))]


def _insert(place: int, what: bytes) -> Bytes:
    def insert(data: bytes) -> bytes:
        at = place % max(1, len(data))
        return data[:at] + what + data[at:]

    return insert


def _repeat(place: int, length: int, times: int) -> Bytes:
    def repeat(data: bytes) -> bytes:
        at = place % max(1, len(data))
        return data[:at] + data[at : at + length] * times + data[at + length :]

    return repeat


def _swap(one: int, two: int, length: int) -> Bytes:
    def swap(data: bytes) -> bytes:
        first, second = sorted((one % max(1, len(data)), two % max(1, len(data))))
        size = min(length, second - first)
        a, b = data[first : first + size], data[second : second + size]
        return data[:first] + b + data[first + size : second] + a + data[second + size :]

    return swap


# Half of all places are near the beginning or the end: there are the headers.
_PLACES = st.one_of(st.integers(0, 2**20), st.integers(0, 200), st.integers(-200, -1))
ONE_CHANGE: st.SearchStrategy[Bytes] = st.one_of(
    st.builds(_flip, _PLACES, st.integers(1, 255)),
    st.builds(_overwrite, _PLACES, st.sampled_from(_HUGE_BYTES)),
    st.builds(_overwrite, _PLACES, st.binary(min_size=1, max_size=16)),
    st.builds(_cut, _PLACES),
    st.builds(_insert, _PLACES, st.binary(min_size=1, max_size=64)),
    st.builds(_repeat, _PLACES, st.integers(1, 512), st.integers(2, 5)),
    st.builds(_swap, _PLACES, _PLACES, st.integers(1, 512)),
)
BYTES: st.SearchStrategy[list[Bytes]] = st.lists(ONE_CHANGE, min_size=1, max_size=4)
JSON = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.sampled_from(["replace", "replace", "replace", "remove", "rename", "repeat"]),
        st.sampled_from(VALUES),
    ),
    min_size=1,
    max_size=3,
)


def changed(data: bytes, changes: list[Bytes]) -> bytes:
    """Return ``data`` after all ``changes``."""
    for change in changes:
        data = change(data)
    return data


def changed_json(value: Any, changes: list[tuple[int, str, Any]], secret: str) -> bytes:
    """Return the JSON of ``value`` after changes at some of its places."""
    value = json.loads(json.dumps(value))
    for number, what, hostile in changes:
        places = _places(value)
        if not places:
            break
        holder, key = places[number % len(places)]
        if what == "replace":
            holder[key] = hostile
        elif what == "remove":
            del holder[key]
        elif isinstance(holder, list):
            holder.append(holder[key])
        else:
            holder[f"{key}x"] = holder[key] if what == "repeat" else holder.pop(key)
    text = json.dumps(value).replace(json.dumps(SECRET), json.dumps(secret))
    for mark, raw in _RAW.items():
        text = text.replace(json.dumps(mark), raw)
    return text.encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return where each part of a JSON value hangs, few of each long list."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(min(4, len(holder)))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                waiting.append(holder[key])
    return found
