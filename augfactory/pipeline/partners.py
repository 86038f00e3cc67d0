"""Which image goes with which."""

from dataclasses import dataclass

import numpy as np

from augfactory.records import Int64Array


@dataclass(frozen=True)
class ClassRows:
    """Where the rows of each class stand.

    Attributes:
        labels: int64 [N], the hard label of each row.
        order: int64 [N], the rows sorted by class, in row order within a class.
        first: int64 [K + 1], where in ``order`` each class begins.
        rank: int64 [N], the place of each row within its class.
    """

    labels: Int64Array
    order: Int64Array
    first: Int64Array
    rank: Int64Array


def rows_by_class(labels: Int64Array, classes: int) -> ClassRows:
    """Index ``labels`` int64 [N], each in 0..classes-1."""
    order = np.argsort(labels, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=classes))])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(labels)) - first[labels[order]]
    return ClassRows(labels, order, first.astype(np.int64), rank)


def same_class_partners(
    class_rows: ClassRows, rows: Int64Array, draws: int, generator: np.random.Generator
) -> Int64Array:
    """Draw for each of ``rows`` [n] another row of its class; a class of one gives the row itself.

    ``draws`` (at least n) uniform numbers are taken from the generator, whatever n is.
    """
    uniform = generator.random(draws)[: len(rows)]
    label = class_rows.labels[rows]
    others = class_rows.first[label + 1] - class_rows.first[label] - 1
    step = 1 + np.floor(uniform * others).astype(np.int64)  # 1..others: never back to itself
    place = (class_rows.rank[rows] + np.minimum(step, np.maximum(others, 0))) % (others + 1)
    partners: Int64Array = class_rows.order[class_rows.first[label] + place]
    return partners
