"""JSON and TOML that nobody vouches for, bounded in size, depth and digits."""

import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

from augfactory.guarded.files import read_file

LARGEST_JSON = 2**29  # a manifest of a million PNG files has some 200 MB
LARGEST_TOML = 2**24
DEEPEST = 100  # lists and tables within each other
_MANY_DIGITS = re.compile(r"\d(?:_?\d){1000}")
_BEYOND = "a whole number is beyond 64 bits"


def parse_json(data: bytes | str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is none, is nested too deeply, or has a number of thousands of digits.
    """
    try:
        value = json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    _check_depth(value)
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        ValueError: it is none (``tomllib.TOMLDecodeError``), is nested too deeply, or has a whole
            number beyond the 64 bits that TOML allows; naming the line or the key.
    """
    try:
        values = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # of Python's int: thousands of digits
        digits = _MANY_DIGITS.search(text)
        line = text.count("\n", 0, digits.start()) + 1 if digits else 1
        raise ValueError(f"line {line}: {_BEYOND}") from error
    _check_depth(values)
    key = _key_of_large_number(values)
    if key is not None:
        raise ValueError(f"{key}: {_BEYOND}")
    return values


def read_json(path: Path, most: int = LARGEST_JSON, *, follow: bool = True) -> Any:
    """Return the value of a JSON file of at most ``most`` bytes.

    Raises:
        ValueError: as ``parse_json``, or the file is larger.
        OSError: it is not a regular file, or cannot be read.
    """
    return parse_json(read_file(path, most, follow=follow))


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def _key_of_large_number(value: Any) -> str | None:
    """Return where a number beyond 64 bits stands in the value; None where there is none."""
    if isinstance(value, int):
        return None if -(2**63) <= value < 2**63 else ""
    if isinstance(value, dict):
        inner = ((key, _key_of_large_number(own)) for key, own in value.items())
    elif isinstance(value, list):
        inner = ((f" {place}", _key_of_large_number(own)) for place, own in enumerate(value, 1))
    else:
        return None
    found = next(((key, own) for key, own in inner if own is not None), None)
    if found is None:
        return None
    key, own = found
    return f"{key}.{own}" if own[:1] not in ("", " ", ".") else f"{key}{own}"


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            own
            for each in level
            if isinstance(each, (dict, list))
            for own in (each.values() if isinstance(each, dict) else each)
            if isinstance(own, (dict, list))
        ]
        if not level:
            return
    raise ValueError("it is nested too deeply")
