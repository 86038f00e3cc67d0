"""What a dataset's rows add up to: pixels for normalising, how mixed the labels are, repeats.

Every shard is summed when it is written, in whole numbers, so that the figures are the same for any
number of workers, after a kill and resume, and on any machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from augfactory.records import Rows, UInt8Array

SHARE_UNIT = 2**32  # label shares are summed as multiples of its inverse
DIGEST_WORDS = 4  # a row's digest as uint64 numbers
BLOCK_IMAGES = 256  # squared at once


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
    values, squares = pixel_sums(rows.image)
    largest = rows.soft_label.max(axis=1).astype(np.float64)
    units = np.rint(largest * SHARE_UNIT).astype(np.int64)
    labels = {}
    for method in np.unique(rows.method).tolist():
        own = rows.method == method
        labels[method] = (
            int(own.sum()),
            int((largest[own] < 1).sum()),
            int(units[own].sum()),
        )
    return Sums(rows.image[..., 0].size, values, squares, labels)


def pixel_sums(images: UInt8Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the sum of each channel's pixels and of their squares, exactly."""
    channels = images.shape[3]
    values, squares = [0] * channels, [0] * channels
    for first in range(0, len(images), BLOCK_IMAGES):
        for channel in range(channels):
            block = images[first : first + BLOCK_IMAGES, :, :, channel]
            values[channel] += int(block.sum(dtype=np.int64))
            squares[channel] += int(np.square(block, dtype=np.uint16).sum(dtype=np.int64))
    return tuple(values), tuple(squares)


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


def statistics_of(shards: Sequence[Sums], digests: Sequence[bytes]) -> Statistics:
    """Return the figures of the dataset that the shards make up.

    ``digests`` are those of ``manifest.row_digests``, in row order.
    """
    mean, deviation = mean_and_deviation(
        sum(shard.pixels for shard in shards),
        [sum(values) for values in zip(*(shard.values for shard in shards), strict=True)],
        [sum(squares) for squares in zip(*(shard.squares for shard in shards), strict=True)],
    )
    methods = sorted({method for shard in shards for method in shard.labels})
    labels = {}
    for method in methods:
        parts = [shard.labels[method] for shard in shards if method in shard.labels]
        rows, mixed, units = (sum(part) for part in zip(*parts, strict=True))
        labels[method] = LabelStatistics(
            mixed=mixed, largest_share=round(units / SHARE_UNIT / rows, 6)
        )
    return Statistics(
        pixel_mean=[round(value, 6) for value in mean],
        pixel_deviation=[round(value, 6) for value in deviation],
        repeats=_repeats(digests),
        labels=labels,
    )


def _repeats(digests: Sequence[bytes]) -> int:
    """Compare a quarter of each digest: ten million rows meet by chance once in 300,000 times."""
    words = np.concatenate([np.frombuffer(part, dtype="<u8")[::DIGEST_WORDS] for part in digests])
    return len(words) - len(np.unique(words))
