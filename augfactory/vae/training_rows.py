"""The rows that a training holds out."""

import numpy as np

from augfactory.keyed_random import generator
from augfactory.records import Int64Array


def held_out_rows(labels: Int64Array, share: float, seed: int) -> Int64Array:
    """Draw ``share`` of the rows of each class, rounded down: sorted int64 rows."""
    chosen = [np.empty(0, dtype=np.int64)]
    for label in np.unique(labels).tolist():
        own = np.flatnonzero(labels == label)
        shuffled = generator(seed, "vae", "held out", label).permutation(own)
        chosen.append(shuffled[: int(share * len(own))])
    return np.sort(np.concatenate(chosen))
