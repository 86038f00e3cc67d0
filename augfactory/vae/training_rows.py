"""The rows that a training reads: kept in memory where they fit, some of them held out."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from augfactory.keyed_random import generator
from augfactory.records import Int64Array, Source

MEMORY_BYTES = 2**30
BLOCK_ROWS = 256


def preloaded(source: Source, on_progress: Callable[[int], None] | None = None) -> Source:
    """Return the same source read into memory, or ``source`` itself when it exceeds 1 GiB.

    ``on_progress`` is called with the number of rows since the last call.
    """
    if len(source) * int(np.prod(source.image_shape)) > MEMORY_BYTES:
        return source
    images = np.empty((len(source), *source.image_shape), dtype=np.uint8)
    labels = np.empty((len(source), len(source.class_names)), dtype=np.float32)
    for start in range(0, len(source), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(source)))
        images[rows] = source.read_images(rows)
        labels[rows] = source.read_soft_labels(rows)
        if on_progress is not None:
            on_progress(len(rows))
    return replace(
        source,
        read_images=lambda rows: images[rows],
        read_soft_labels=lambda rows: labels[rows],
    )


def held_out_rows(labels: Int64Array, share: float, seed: int) -> Int64Array:
    """Draw ``share`` of the rows of each class, rounded down: sorted int64 rows."""
    chosen = [np.empty(0, dtype=np.int64)]
    for label in np.unique(labels).tolist():
        own = np.flatnonzero(labels == label)
        shuffled = generator(seed, "vae", "held out", label).permutation(own)
        chosen.append(shuffled[: int(share * len(own))])
    return np.sort(np.concatenate(chosen))
