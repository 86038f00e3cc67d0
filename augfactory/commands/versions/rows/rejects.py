"""Rows of a version that its user does not want: a list that `preview --html` saves, or typed."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.errors import InputDataError
from augfactory.guarded.files import read_file
from augfactory.guarded.text import escaped
from augfactory.records import Int64Array
from augfactory.store.manifest import Manifest

LARGEST = 2**27  # bytes
HOW = 'Write one row number a line, or save the list of "augfactory preview --html".'


def read_rejects(path: Path, manifest: Manifest, *, may_be_all: bool = False) -> Int64Array:
    """Return the rows that the file ``path`` lists, sorted, each once: int64 [n].

    It is what the page of `augfactory preview --html` saves, which knows its version, or has one
    row number a line; empty lines and what follows "#" are passed over.

    Raises:
        InputDataError: it cannot be read or understood, was made for another version, or lists
            rows that there are not, or all of them unless they ``may_be_all``.
    """
    text = _text_of(path)
    rows = _of_page(path, text, manifest) if _is_of_page(text) else _typed(path, text)
    found = np.unique(np.array(rows, dtype=np.int64))
    if len(found) and not 0 <= found[0] <= found[-1] < manifest.rows:
        wrong = found[0] if found[0] < 0 else found[-1]
        raise InputDataError(
            path,
            f"row {wrong} is not in {manifest.address}",
            f"Its rows are 0 to {manifest.rows - 1}.",
        )
    if len(found) == manifest.rows and not may_be_all:
        raise InputDataError(path, "all rows are in it: none would be left", "Take some out.")
    return found


def listed_content(path: Path) -> str | None:
    """Return the content hash of the version that a list was made for; None of a typed one.

    Raises:
        InputDataError: it cannot be read or understood.
    """
    text = _text_of(path)
    return str(_read_page(path, text)["content_hash"]) if _is_of_page(text) else None


def _text_of(path: Path) -> str:
    try:
        return read_file(path, LARGEST).decode()
    except FileNotFoundError as error:
        raise InputDataError(path, "there is no such file", f"Check the path. {HOW}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputDataError(path, f"cannot be read: {reason}", HOW) from error


def _is_of_page(text: str) -> bool:
    return text.lstrip().startswith("{")


def _read_page(path: Path, text: str) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(text)
        return {
            "version": told.get("version", "another version"),
            "content_hash": told["content_hash"],
            "rejected": told["rejected"],
        }
    except (ValueError, KeyError, RecursionError) as error:
        raise InputDataError(path, "is no list of rejected rows", HOW) from error


def _of_page(path: Path, text: str, manifest: Manifest) -> list[int]:
    told = _read_page(path, text)
    rows = told["rejected"]
    if told["content_hash"] != manifest.content_hash:
        raise InputDataError(
            path,
            f"was made for {escaped(str(told['version']))}, whose rows are others than "
            f"those of {manifest.address}",
            "Name that version, or look through this one: augfactory preview --html.",
        )
    if not isinstance(rows, list) or not all(type(row) is int and abs(row) < 2**62 for row in rows):
        raise InputDataError(path, '"rejected" is no list of row numbers', HOW)
    return rows


def _typed(path: Path, text: str) -> list[int]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        written = line.partition("#")[0].strip()
        if re.fullmatch(r"\d{1,18}", written):
            rows.append(int(written))
        elif written:
            raise InputDataError(path, f"line {number} is no row number: {written[:60]!r}", HOW)
    return rows
