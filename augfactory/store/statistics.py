"""What a dataset's rows add up to: pixels for normalising, how mixed the labels are, repeats.

Every shard is summed when it is written, in whole numbers, so that the figures are the same for any
number of workers, after a kill and resume, and on any machine.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from augfactory.records import Rows
from augfactory.store.repeats import Repeats

SHARE_UNIT = 2**32  # label shares are summed as multiples of its inverse
Counts = dict[str, dict[str, int]]  # such as method -> class name -> rows


class LabelStatistics(BaseModel):
    """How mixed the labels of some rows are.

    ``mixed`` of them hold a share of more than one class; ``largest_share`` is the mean, over all
    of them, of the largest share.
    """

    model_config = ConfigDict(frozen=True)

    mixed: int
    largest_share: float


class Statistics(BaseModel):
    """Figures of a whole dataset.

    ``pixel_mean`` and ``pixel_deviation`` are those of each channel, on the scale 0 to 1, over all
    rows. ``repeats`` counts rows that equal an earlier one, pixels and label. ``labels`` maps
    method -> how mixed its labels are.
    """

    model_config = ConfigDict(frozen=True)

    pixel_mean: list[float]
    pixel_deviation: list[float]
    repeats: int
    labels: dict[str, LabelStatistics]


@dataclass(frozen=True)
class Sums:
    """What the rows of one shard add up to.

    ``values`` and ``squares`` are sums over the pixels of each channel. ``labels`` maps method ->
    (rows, rows with a mixed label, sum of the largest shares in ``SHARE_UNIT``).
    """

    pixels: int
    values: tuple[int, ...]
    squares: tuple[int, ...]
    labels: dict[str, tuple[int, int, int]]


def sums_of(rows: Rows) -> Sums:
    """Sum up the rows of one shard."""
    from augfactory.arrays.pixel_sums import pixel_sums  # OpenCV: not for every command

    values, squares = pixel_sums(rows.image)
    largest = rows.soft_label.max(axis=1).astype(np.float64)
    units = np.rint(largest * SHARE_UNIT).astype(np.int64)
    labels = {}
    for method in sorted({*rows.method.tolist()}):
        own = rows.method == method
        labels[method] = (
            int(own.sum()),
            int((largest[own] < 1).sum()),
            int(units[own].sum()),
        )
    return Sums(rows.image[..., 0].size, values, squares, labels)


def mean_and_deviation(
    pixels: int, values: Sequence[int], squares: Sequence[int]
) -> tuple[list[float], list[float]]:
    """Return those of each channel, on the scale 0 to 1, from the sums over ``pixels`` pixels."""
    mean = [value / pixels / 255 for value in values]
    variance = [
        (pixels * square - value**2) / pixels**2
        for value, square in zip(values, squares, strict=True)
    ]
    return mean, [value**0.5 / 255 for value in variance]


def added(one: Sums, other: Sums) -> Sums:
    """Return what the rows of both add up to."""
    labels = dict(one.labels)
    for method, (rows, mixed, units) in other.labels.items():
        before = labels.get(method, (0, 0, 0))
        labels[method] = (before[0] + rows, before[1] + mixed, before[2] + units)
    return Sums(
        one.pixels + other.pixels,
        tuple(a + b for a, b in zip(one.values, other.values, strict=True)),
        tuple(a + b for a, b in zip(one.squares, other.squares, strict=True)),
        labels,
    )


class Totals:
    """Sums up shard after shard, in memory that does not grow with their number."""

    def __init__(self, rows: int, folder: Path) -> None:
        """Expect about ``rows`` rows; ``folder`` is for files that are needed for a while."""
        self._sums: Sums | None = None
        self._repeats = Repeats(rows, folder)

    def add(self, sums: Sums, digests: bytes) -> None:
        """Take a shard: its sums, and its ``manifest.row_digests``."""
        self._sums = sums if self._sums is None else added(self._sums, sums)
        self._repeats.add(digests)

    def statistics(self) -> Statistics:
        """Return the figures of the dataset that all shards make up.

        Raises:
            ValueError: there were none.
        """
        if self._sums is None:
            raise ValueError("nothing was summed up")
        sums = self._sums
        mean, deviation = mean_and_deviation(sums.pixels, sums.values, sums.squares)
        return Statistics(
            pixel_mean=[round(value, 6) for value in mean],
            pixel_deviation=[round(value, 6) for value in deviation],
            repeats=self._repeats.count(),
            labels={
                method: LabelStatistics(
                    mixed=mixed, largest_share=round(units / SHARE_UNIT / rows, 6)
                )
                for method, (rows, mixed, units) in sorted(sums.labels.items())
            },
        )


class Tally:
    """Counts by two names, summed up part by part."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._total: dict[str, Counter[str]] = {}

    def add(self, more: Counts) -> None:
        """Add the counts of a part."""
        for name, classes in more.items():
            self._total.setdefault(name, Counter()).update(classes)

    def in_order(self) -> Counts:
        """Return all of them, in order of the names."""
        return {
            name: dict(sorted(classes.items())) for name, classes in sorted(self._total.items())
        }
