"""Rows of a finished dataset that somebody rejected, and that are drawn anew; no other row changes.

A recipe lists them in rounds, as they were rejected: after round n the dataset is that of the
recipe with its first n rounds. So a row is as it was after the last round that lists it.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field, StrictInt

from augfactory.keyed_random import key_of
from augfactory.methods.registry import METHODS
from augfactory.records import Int64Array

LARGEST_ROW = 2**53

Pair = tuple[
    Annotated[StrictInt, Field(ge=0, le=LARGEST_ROW)],
    Annotated[StrictInt, Field(ge=0, le=LARGEST_ROW)],
]


def _ascending(pairs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    if any(row >= after for (row, _), (after, _) in pairwise(pairs)):
        raise ValueError("the rows of a round ascend, each of them once")
    return pairs


Rounds = tuple[Annotated[tuple[Pair, ...], Field(min_length=1), AfterValidator(_ascending)], ...]
"""Round by round the rows that were rejected: (row, the number of the draw that it was)."""


def draw_of(rounds: Rounds, rows: Int64Array) -> Int64Array:
    """Return with which draw each row begins: int64 [n], 0 where it was never rejected."""
    first = np.zeros(len(rows), dtype=np.int64)
    for pairs in _tables(rounds):
        listed, draw = _listed(pairs, rows)
        first[listed] = draw[listed] + 1
    return first


def last_round(rounds: Rounds, rows: Int64Array) -> Int64Array:
    """Return the last round that lists each row, int64 [n]; they count from 1, 0 is none."""
    last = np.zeros(len(rows), dtype=np.int64)
    for number, pairs in enumerate(_tables(rounds), 1):
        last[_listed(pairs, rows)[0]] = number
    return last


def draw_later(rounds: Rounds, after: int, rows: Int64Array) -> Int64Array:
    """Return which draw each row was after round ``after``, by what later rounds tell: int64 [n].

    -1 where no later round lists the row.
    """
    found = np.full(len(rows), -1, dtype=np.int64)
    for pairs in _tables(rounds)[after:]:
        listed, draw = _listed(pairs, rows)
        new = listed & (found < 0)
        found[new] = draw[new]
    return found


def seed_of(seed: int, draw: int) -> int:
    """Return the seed of draw number ``draw``; that of the first is the recipe's own."""
    return key_of(seed, "redraw", draw) if draw else seed


def parents_as_of(rounds: Rounds, method: str, rows: Int64Array) -> Int64Array:
    """Return after which round the parents of mixed rows are as they were mixed: int64 [n].

    Views of one image must stay so, whichever of them is rejected: they are of its first draw.
    """
    if METHODS[method].views:
        return np.zeros(len(rows), dtype=np.int64)
    return last_round(rounds, rows)


@lru_cache(maxsize=8)
def _tables(rounds: Rounds) -> list[Int64Array]:
    return [np.array(pairs, dtype=np.int64).reshape(-1, 2) for pairs in rounds]


def _listed(pairs: Int64Array, rows: Int64Array) -> tuple[Any, Int64Array]:
    """Tell which rows a round lists, bool [n], and the draw it has for each, int64 [n]."""
    places = np.minimum(np.searchsorted(pairs[:, 0], rows), len(pairs) - 1)
    return pairs[places, 0] == rows, pairs[places, 1]
