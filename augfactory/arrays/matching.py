"""Pairing of equal rows of two tables, repeats included."""

import numpy as np

from augfactory.records import Int64Array


def numbered(table: Int64Array) -> Int64Array:
    """Return int64 [N]: equal rows of ``table`` [N, M] get equal numbers, unequal ones others."""
    numbers = np.zeros(len(table), dtype=np.int64)
    if len(table):
        order = np.lexsort(table.T[::-1])
        ordered = table[order]
        numbers[order[1:]] = np.cumsum((ordered[1:] != ordered[:-1]).any(axis=1))
    return numbers


def pair_equal(first: Int64Array, second: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Pair equal values of ``first`` [N] and ``second`` [M], each place at most once.

    A value that stands there several times is paired in the order of its places, as often as both
    have it. Returns the places in ``first`` and in ``second`` of each pair.
    """
    longest = max(len(first), len(second), 1)
    numbers = numbered(np.concatenate([first, second])[:, None])
    ours, theirs = numbers[: len(first)], numbers[len(first) :]
    _, in_first, in_second = np.intersect1d(
        ours * longest + _ordinals(ours),
        theirs * longest + _ordinals(theirs),
        assume_unique=True,
        return_indices=True,
    )
    return in_first.astype(np.int64), in_second.astype(np.int64)


def _ordinals(values: Int64Array) -> Int64Array:
    """Return for each value how many equal ones stand before it."""
    order = np.argsort(values, kind="stable")
    _, starts, lengths = np.unique(values[order], return_index=True, return_counts=True)
    ordinals = np.empty(len(values), dtype=np.int64)
    ordinals[order] = np.arange(len(values)) - np.repeat(starts, lengths)
    return ordinals
