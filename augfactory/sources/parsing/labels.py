"""Labels from outside, checked: integers 0 to K-1, or soft rows that sum to 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.errors import InputDataError
from augfactory.records import Float32Array, Int64Array
from augfactory.sources.parsing.other_tasks import classification_only

AnyArray = npt.NDArray[Any]
MAX_CLASSES = 32_768
SUM_TOLERANCE = 1e-3
FLOAT32_NOISE = 1e-6

WHOLE_NUMBERS = "Number the classes 0, 1, 2, … and give every row one of these whole numbers."
SHARES = "Give every row one share per class, none negative, that sum to 1."


def read_labels(
    hard: AnyArray | None,
    soft: AnyArray | None,
    names: Sequence[str] | None,
    where: str,
    least_classes: int = 0,
) -> tuple[Int64Array, Float32Array | None, tuple[str, ...]]:
    """Check a set's labels and return (labels int64 [N], soft labels float32 [N, K], class names).

    Args:
        hard: [N] or [N, 1] class numbers; [N, K] shares are taken for soft labels.
        soft: [N, K] shares, or None. Without ``hard`` the largest share is the label.
        names: the class names in label order; None calls them "0", "1", …
        where: what to call the set in messages.
        least_classes: K is at least this, such as what another split of the set has.

    Raises:
        InputDataError: a label that is no class, shares that do not sum to 1 (to 1e-3), lengths
            that differ, or fewer than two classes with rows; with the row.
    """
    if soft is None and hard is not None and hard.ndim == 2 and hard.shape[1] > 1:
        hard, soft = None, hard
    shares = None if soft is None else checked_soft(soft, where, np.arange(len(soft)))
    classes = None if shares is None else shares.shape[1]
    if classes is None and names is not None:
        classes = len(names)
    if hard is not None:
        labels = checked_hard(hard, where, classes)
    elif shares is not None:
        labels = shares.argmax(axis=1)
    else:
        raise InputDataError(where, "there are no labels", WHOLE_NUMBERS)
    if shares is not None and len(shares) != len(labels):
        raise InputDataError(where, f"{len(labels)} labels but {len(shares)} soft labels", SHARES)
    require_two_classes(labels, where)
    count = classes or max(int(labels.max()) + 1, least_classes)
    return labels, shares, checked_names(names, count, where)


def checked_hard(values: AnyArray, where: str, classes: int | None) -> Int64Array:
    """Return class numbers as int64 [N]; ``classes`` None allows any from 0 up.

    Raises:
        InputDataError: naming the first row that is not a whole number or not a class.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        shape = "x".join(map(str, values.shape))
        what = f"an array {shape} of type {values.dtype} is not a list of class numbers"
        raise InputDataError(where, what, WHOLE_NUMBERS)
    if values.dtype.kind == "f":
        _refuse_first(~np.isfinite(values), values, where, "not a number")
        fractions = values != np.rint(values)
        if fractions.any():
            row = int(fractions.argmax())
            raise classification_only(
                where, f"the label of row {row}, {values[row]}, is no whole number"
            )
    _refuse_first(values < 0, values, where, "negative")
    limit = MAX_CLASSES if classes is None else classes
    _refuse_first(values >= limit, values, where, f"outside the {limit} classes 0 to {limit - 1}")
    return values.astype(np.int64)


def checked_soft(values: AnyArray, where: str, rows: Int64Array) -> Float32Array:
    """Return shares as float32 [n, K]; a row off 1 by more than float32 noise is scaled to 1.

    Raises:
        InputDataError: naming the first of ``rows`` that is not a share-out of 1 (to 1e-3).
    """
    if values.ndim != 2 or values.dtype.kind not in "biuf" or values.shape[1] < 2:
        shape = "x".join(map(str, values.shape))
        what = f"an array {shape} of type {values.dtype} holds no soft labels"
        raise InputDataError(where, what, SHARES)
    if values.shape[1] > MAX_CLASSES:
        raise InputDataError(where, f"more than {MAX_CLASSES} classes", SHARES)
    _refuse_row(
        np.any(~np.isfinite(values), axis=1), rows, where, "holds a share that is not a number"
    )
    _refuse_row(np.any(values < 0, axis=1), rows, where, "holds a negative share")
    sums = values.sum(axis=1, dtype=np.float64)
    _refuse_row(np.abs(sums - 1) > SUM_TOLERANCE, rows, where, "has shares that do not sum to 1")
    off = np.abs(sums - 1) > FLOAT32_NOISE
    if off.any():
        values = np.where(off[:, None], values / sums[:, None], values)
    return values.astype(np.float32)


def require_two_classes(labels: Int64Array, where: str) -> None:
    """Raise InputDataError unless at least two classes have rows."""
    present = np.unique(labels)
    if len(present) < 2:
        what = "it has no rows" if len(present) == 0 else f"all rows are of class {present[0]}"
        raise InputDataError(where, what, "Give images of at least two classes.")


def checked_names(names: Sequence[str] | None, classes: int, where: str) -> tuple[str, ...]:
    """Return ``names``, or "0", "1", … where there are none.

    Raises:
        InputDataError: their number is not ``classes``, or one is empty or stands twice.
    """
    if names is None:
        return tuple(str(number) for number in range(classes))
    if len(names) != classes:
        what = f"{len(names)} class names for {classes} classes"
    elif not all(names) or len(set(names)) != len(names):
        what = "a class name is empty or stands twice"
    else:
        return tuple(names)
    raise InputDataError(where, what, "Give each class one name, in the order of the labels.")


def _refuse_first(bad: AnyArray, values: AnyArray, where: str, what: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise InputDataError(
            where, f"the label of row {row}, {values[row]}, is {what}", WHOLE_NUMBERS
        )


def _refuse_row(bad: AnyArray, rows: Int64Array, where: str, what: str) -> None:
    if bad.any():
        raise InputDataError(where, f"row {rows[int(bad.argmax())]} {what}", SHARES)
