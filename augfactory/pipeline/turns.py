"""Which original leads each row of a section, and in which turn: found for any row without others.

Where all originals have as many rows as each other, they come turn after turn in source order.
Where classes have their own numbers of rows, originals that are kept come first, in source order.
Behind them the classes take turns row by row, as long as they have rows left, those with most rows
first; so any stretch of rows holds as much of each class as it can. Within a class its originals
come in order, again and again. If the last time there are too few rows for all of them, these are
spread evenly over the class.
"""

from dataclasses import dataclass

import numpy as np

from augfactory.pipeline.partners import ClassRows
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.records import Int64Array


@dataclass(frozen=True)
class Turns:
    """The turns of a section.

    Attributes:
        class_rows: of the source.
        counts: int64 [K], rows of each class, without originals that are kept.
        kept: 1 where the section begins with the originals, else 0.
        by_class: whether classes take turns; else all originals have as many rows.
    """

    class_rows: ClassRows
    counts: Int64Array
    kept: int
    by_class: bool

    def of(self, within: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return (turn, source row), each int64 [n], of rows counted within the section.

        Turn 0 is that of the originals where they are kept. Rows behind the end are like the last.
        """
        sources = len(self.class_rows.labels)
        if not self.by_class:
            turn, source = np.divmod(within, sources)
            return turn, source
        levels = _levels(self.counts)
        behind = np.clip(within - self.kept * sources, 0, max(0, int(self.counts.sum()) - 1))
        label, place = levels.at(behind)
        size, extra = self._sizes[label], self._extra[label]
        turn, rank = np.divmod(place, np.maximum(size, 1))
        last = turn == self.counts[label] // np.maximum(size, 1)
        rank = np.where(last, rank * size // np.maximum(extra, 1), rank)
        source = self.class_rows.order[np.minimum(self.class_rows.first[label] + rank, sources - 1)]
        first = within < self.kept * sources
        return np.where(first, 0, turn + self.kept), np.where(first, within, source)

    def row(self, turn: Int64Array, source: Int64Array) -> Int64Array:
        """Return the row within the section: the inverse of ``of``, for turns that there are."""
        sources = len(self.class_rows.labels)
        if not self.by_class:
            whole: Int64Array = turn * sources + source
            return whole
        label, later = self.class_rows.labels[source], turn - self.kept
        size, rank = self._sizes[label], self.class_rows.rank[source]
        last = later == self.counts[label] // size
        place = later * size + np.where(last, self._before(source), rank)
        row = self.kept * sources + _levels(self.counts).row(label, np.maximum(place, 0))
        return np.where(later < 0, source, row)

    def rows_of(self, source: Int64Array) -> Int64Array:
        """Return how many rows each source row leads here, originals that are kept apart."""
        label = self.class_rows.labels[source]
        size, extra = self._sizes[label], self._extra[label]
        place = self._before(source)
        once_more = place * size // np.maximum(extra, 1) == self.class_rows.rank[source]
        rows: Int64Array = self.counts[label] // size + (once_more & (place < extra))
        return rows

    def rows_before(self, source: Int64Array) -> Int64Array:
        """Return how many rows are led by images before each, class by class, as ``rows_of``."""
        label = self.class_rows.labels[source]
        begun = np.cumsum(self.counts) - self.counts
        each = self.counts[label] // self._sizes[label]
        rows: Int64Array = begun[label] + self.class_rows.rank[source] * each + self._before(source)
        return rows

    @property
    def _sizes(self) -> Int64Array:
        return np.diff(self.class_rows.first)

    @property
    def _extra(self) -> Int64Array:
        """How many rows each class has in a last turn that is not whole."""
        return self.counts % np.maximum(self._sizes, 1)

    def _before(self, source: Int64Array) -> Int64Array:
        """Return how many of the rows in a last turn are led by images of the class before each."""
        label = self.class_rows.labels[source]
        taken = self.class_rows.rank[source] * self._extra[label]
        before: Int64Array = -(-taken // self._sizes[label])  # rounded up
        return before


@dataclass(frozen=True)
class _Levels:
    """Classes that take turns: a level has one row of each class that has rows left.

    From the segment s on, ``K - s`` classes have rows left: the first ones of ``order``. It begins
    with the level ``level[s]`` and the row ``start[s]``. ``seat`` is the place of a class in
    ``order``.
    """

    order: Int64Array
    seat: Int64Array
    level: Int64Array
    start: Int64Array

    def at(self, row: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return (class, place among its rows), each int64 [n]."""
        segment = np.searchsorted(self.start, row, side="right") - 1
        level, seat = np.divmod(row - self.start[segment], len(self.order) - segment)
        return self.order[seat], self.level[segment] + level

    def row(self, label: Int64Array, place: Int64Array) -> Int64Array:
        """Return the inverse of ``at``: int64 [n]."""
        segment = np.searchsorted(self.level, place, side="right") - 1
        deeper = (place - self.level[segment]) * (len(self.order) - segment)
        row: Int64Array = self.start[segment] + deeper + self.seat[label]
        return row


def _levels(counts: Int64Array) -> _Levels:
    order = np.argsort(-counts, kind="stable")
    level = np.concatenate([[0], counts[order[:0:-1]]])  # where a class has come to its end
    length = np.diff(level)
    left = len(counts) - np.arange(len(length))
    seat = np.empty_like(order)
    seat[order] = np.arange(len(order))
    return _Levels(order, seat, level, np.concatenate([[0], np.cumsum(length * left)]))


def turns_of(recipe: Recipe, class_rows: ClassRows, stage: int) -> Turns:
    """Return the turns of the first section, at 0, or of a mix stage, counted from 1."""
    kept = int(recipe.originals and stage == 0)
    sizes = np.diff(class_rows.first)
    by_class = recipe.class_rows
    if by_class is not None:
        return Turns(class_rows, by_class[stage] - kept * sizes, kept, True)
    each = recipe.further if stage == 0 else recipe.mix[stage - 1].copies
    return Turns(class_rows, sizes * each, kept, False)
