"""Rows to draw for, as the pipeline would hand them to a method."""

import numpy as np

from augfactory.keyed_random import generator
from augfactory.methods.method import Slots


def slots(
    count: int,
    image_shape: tuple[int, int, int],
    first: int = 0,
    per_round: int = 10**9,
    run: str = "test",
) -> Slots:
    """Make rows ``first`` to ``first + count``, with ``per_round`` of them in each round."""
    row = np.arange(first, first + count)
    return Slots(
        row, row // per_round, image_shape, lambda what, number: generator(run, what, number)
    )
