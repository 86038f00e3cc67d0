"""Rows of a finished dataset that somebody rejected, and that a version is stored without.

A recipe lists them by their numbers in the dataset that it makes. All rows are drawn as if none
were left out, so that the others are the same to the last bit.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, StrictInt

from augfactory.pipeline.redraw import LARGEST_ROW
from augfactory.records import Int64Array


def _ascending(rows: tuple[int, ...]) -> tuple[int, ...]:
    if any(row >= after for row, after in pairwise(rows)):
        raise ValueError("the rows that are left out ascend, each of them once")
    return rows


LeftOut = Annotated[
    tuple[Annotated[StrictInt, Field(ge=0, le=LARGEST_ROW)], ...], AfterValidator(_ascending)
]
"""The rows that are left out, by their numbers in the whole dataset."""


def kept_rows(left_out: Sequence[int], rows: int) -> Int64Array:
    """Return the numbers of the rows that stay of ``rows``: int64 [n], ascending."""
    return np.delete(np.arange(rows), np.array(left_out, dtype=np.int64))
