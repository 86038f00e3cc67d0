"""Draw decoded rows again that are not fit to be kept, before any of them is stored.

What is fit, somebody else says who can look at pixels: a block is drawn, looked at, and the rows
that are rejected are drawn with their next key, at most ``MOST_DRAWS`` times in all. Every row is
kept in the end, the last of its draws where none was fit, so that no count changes.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from augfactory.pipeline.plan import REASONS, PlanRows
from augfactory.pipeline.redraw import Rounds, draw_later, draw_of
from augfactory.records import Int64Array

MOST_DRAWS = 8
FIT = -1
UNTOLD = -1

DrawBlock = Callable[[Int64Array | None], PlanRows]
"""The number of each row's draw, int64 [64], None for all first draws -> the block so drawn."""

Settle = Callable[[DrawBlock], Int64Array]
"""-> int64 [64, reasons]: how many draws of each row are rejected, for each of ``REASONS``."""


def draw_number(rejected: Int64Array) -> Int64Array:
    """Return which draw of each row is kept, int64 [n], for rejections [n, reasons]."""
    number: Int64Array = np.minimum(rejected.sum(axis=1), MOST_DRAWS - 1)
    return number


def settle_by(
    reason_of: Callable[[PlanRows], Int64Array], told: Int64Array | None = None
) -> Settle:
    """Return what draws again until all rows of a block are fit, or have had their draws.

    ``reason_of`` looks at a block and says int64 [n]: the place in ``REASONS`` of why a row is
    rejected, ``FIT`` where it is not. ``told`` is that of ``settle_as`` where a part of the rows is
    settled already; the others are -1 in it.
    """

    def settle(draw: DrawBlock) -> Int64Array:
        plan = draw(None)
        rejected = np.zeros((len(plan), len(REASONS)), dtype=np.int64)
        free = np.ones(len(plan), dtype=np.bool_)
        if told is not None:
            rejected = _told_of(told, plan.row)
            free = rejected[:, 0] == UNTOLD
            rejected[free] = 0
            if not free.any():
                return rejected
            plan = draw(draw_number(rejected))
        for _ in range(MOST_DRAWS):
            reason = reason_of(plan)
            # A row that was rejected as often as it may be is drawn no more, and stays rejected.
            again = np.flatnonzero(free & (reason != FIT) & (rejected.sum(axis=1) < MOST_DRAWS))
            if not len(again):
                break
            rejected[again, reason[again]] += 1
            plan = draw(draw_number(rejected))
        return rejected

    return settle


def settle_as(told: Int64Array) -> Settle:
    """Return what settles blocks as they were once: ``told`` int64 [rows, reasons] of a dataset."""

    def settle(draw: DrawBlock) -> Int64Array:
        return _told_of(told, draw(None).row)

    return settle


def settle_before(rounds: Rounds, after: int) -> Settle:
    """Return what settles blocks as they were after round ``after``, by what later rounds tell.

    Rows that no later round lists come as anything: they are to be read, not made.
    """

    def settle(draw: DrawBlock) -> Int64Array:
        rows = draw(None).row
        found = np.zeros((len(rows), len(REASONS)), dtype=np.int64)
        was = draw_later(rounds, after, rows)
        found[:, 0] = np.maximum(was - draw_of(rounds[:after], rows), 0)
        return found

    return settle


def _told_of(told: Int64Array, rows: Int64Array) -> Int64Array:
    # The last block is drawn whole, and its rows behind the end are nobody's.
    found = np.zeros((len(rows), len(REASONS)), dtype=np.int64)
    there = rows < len(told)
    found[there] = told[rows[there]]
    return found


def columns_of_rejected() -> list[str]:
    """Return the names of the plan's columns of rejections."""
    return [f"vae_{reason}" for reason in REASONS]


def rejected_columns(rejected: Int64Array, decoded: npt.NDArray[np.bool_]) -> dict[str, np.ndarray]:
    """Return the plan's columns of rejections [n, reasons]: NaN for rows that are not decoded."""
    return {
        name: np.where(decoded, rejected[:, place], np.nan)
        for place, name in enumerate(columns_of_rejected())
    }


def rejected_of(drawn: npt.NDArray[np.float64]) -> Int64Array:
    """Return how many draws of each row were rejected, int64 [n, reasons].

    ``drawn`` float64 [n, reasons] are the plan's columns, NaN for rows that are not decoded.

    Raises:
        ValueError: they hold other numbers than such ones.
    """
    rejected = np.nan_to_num(drawn)
    if (rejected != np.rint(rejected)).any() or (rejected < 0).any():
        raise ValueError("rejected draws are counted in whole numbers")
    if len(rejected) and rejected.sum(axis=1).max() > MOST_DRAWS:
        raise ValueError(f"a row is drawn {MOST_DRAWS} times at most")
    return rejected.astype(np.int64)


def count_rejected(
    rejected: Int64Array, labels: Int64Array, class_names: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Count the draws that were rejected: reason -> class name -> draws.

    Under "kept" it counts the rows none of whose draws was fit, so that the last of them stands.
    ``rejected`` int64 [n, reasons] and ``labels`` int64 [n] are those of each row.
    """
    counted = {reason: rejected[:, place] for place, reason in enumerate(REASONS)}
    counted["kept"] = (rejected.sum(axis=1) == MOST_DRAWS).astype(np.int64)
    found: dict[str, dict[str, int]] = {}
    for reason, draws in counted.items():
        total: Counter[str] = Counter()
        for row in np.flatnonzero(draws).tolist():
            total[class_names[labels[row]]] += int(draws[row])
        found[reason] = dict(sorted(total.items()))
    return found
