"""Which rows go together, and how groups of rows are dealt into parts, each class evenly."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from augfactory.errors import InputDataError, RecipeError
from augfactory.guarded.text import escaped
from augfactory.keyed_random import generator
from augfactory.records import Int64Array, Source

WAYS = "'parent', 'stem-prefix', or a regular expression over the file name"
PREFIX = re.compile(r"^[^_.\-\s]+")


def groups_of(source: Source, group: str | None) -> npt.NDArray[np.str_]:
    """Return for each row the name of its group: str [N]; without ``group`` each row is its own.

    ``group`` is a column that the source offers (``Source.columns``), or a way to read a group off
    the row's name: "parent" is the folder it lies in, "stem-prefix" what its file name begins with,
    up to the first ``_``, ``-`` or ``.``; anything else is a regular expression that is searched
    for in the name, whose first bracket, or the whole match, is the group.

    Raises:
        RecipeError: ``group`` is no regular expression.
        InputDataError: a row has no such group.
    """
    if group is None:
        return np.arange(len(source)).astype(np.str_)
    if group in source.columns:
        return source.columns[group].astype(np.str_)
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise RecipeError(
            f"--group {escaped(group)}", f"is no regular expression: {error}", f"Give {WAYS}."
        ) from error
    return np.array([_group(source, row, group, pattern) for row in range(len(source))])


def _group(source: Source, row: int, group: str, pattern: re.Pattern[str]) -> str:
    name = source.row_name(row)
    path = PurePosixPath(name)
    found: str | None
    if group == "parent":
        found = str(path.parent) if "/" in name else None
    else:
        match = PREFIX.match(path.stem) if group == "stem-prefix" else pattern.search(name)
        found = match and (match.group(1) if match.re.groups else match.group())
    if found:
        return found
    columns = ", ".join(source.columns)
    offered = f"Its columns are {escaped(columns)}" if columns else "It has no columns"
    raise InputDataError(
        source.name,
        f"--group {escaped(group)} finds no group in '{escaped(name)}'",
        f"{offered}; else give {WAYS}.",
    )


def joined(*keys: npt.NDArray[np.generic]) -> Int64Array:
    """Return group numbers, int64 [N]: rows that share a value in any of ``keys`` have one."""
    parent = np.arange(len(keys[0]))

    def top(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = int(parent[row])
        return row

    for key in keys:
        _, first, number = np.unique(key, return_index=True, return_inverse=True)
        for row in np.flatnonzero(first[number] != np.arange(len(key))).tolist():
            one, other = sorted((top(row), top(int(first[number[row]]))))
            parent[other] = one
    tops = np.array([top(row) for row in range(len(parent))])
    numbers: Int64Array = np.unique(tops, return_inverse=True)[1].astype(np.int64)
    return numbers


def deal(
    labels: Int64Array,
    groups: Int64Array,
    shares: Sequence[float],
    seed: int,
    keys: tuple[int | str, ...] = ("validation", "deal"),
) -> Int64Array:
    """Deal whole groups into parts as large as ``shares`` say: the part of each row, int64 [N].

    Large groups are dealt first, groups of one size in an order that ``seed`` and ``keys`` draw;
    each goes to the part that its classes are shortest in. So each part has its share of each class
    as nearly as whole groups allow, to within one row where every row is its own group.
    """
    classes, of_class = np.unique(labels, return_inverse=True)
    counts = np.zeros((int(groups.max()) + 1, len(classes)))
    np.add.at(counts, (groups, of_class), 1)
    wanted = np.outer(shares, counts.sum(axis=0))
    missing = wanted.copy()
    part_of_group = np.empty(len(counts), dtype=np.int64)
    mixed = generator(seed, *keys).permutation(len(counts))
    order = mixed[np.argsort(-counts[mixed].sum(axis=1), kind="stable")]
    for group in order.tolist():
        own = np.flatnonzero(counts[group])
        # Of parts that are as short of these classes, the one that is shortest of rows.
        short = (missing[:, own] / np.maximum(wanted[:, own], 1e-9) * counts[group, own]).sum(1)
        part = int(np.lexsort((-missing.sum(axis=1), -short.round(9)))[0])
        part_of_group[group] = part
        missing[part, own] -= counts[group, own]
    return part_of_group[groups]
