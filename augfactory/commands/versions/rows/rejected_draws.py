"""How many draws of each decoded row of a version were rejected, as its tables tell it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augfactory.errors import VerificationError
from augfactory.pipeline.settle import columns_of_rejected, rejected_of
from augfactory.records import Int64Array
from augfactory.store.beside.left_out_table import LEFT_OUT, read_drawn_of_left_out
from augfactory.store.manifest import PLAN
from augfactory.store.reader import read_plan


def read_rejected(folder: Path, rows: int) -> Int64Array:
    """Return the rejected draws of each of the ``rows`` in ``folder``: int64 [rows, reasons].

    Raises:
        VerificationError: its plan cannot be read, or tells something else.
    """
    return _checked(folder / PLAN, read_plan(folder, rows, columns_of_rejected()))


def read_rejected_of_left_out(folder: Path, left_out: Sequence[int]) -> Int64Array:
    """Return those of the rows that the version in ``folder`` is stored without.

    Raises:
        VerificationError: the table of these rows cannot be read, or tells something else.
    """
    drawn = read_drawn_of_left_out(folder, left_out, columns_of_rejected())
    return _checked(folder / LEFT_OUT, drawn)


def _checked(path: Path, drawn: npt.NDArray[np.float64]) -> Int64Array:
    try:
        return rejected_of(drawn)
    except ValueError as error:
        raise VerificationError(
            path, str(error), "It was edited: restore it from a copy."
        ) from error
