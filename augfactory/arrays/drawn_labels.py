"""Hard labels drawn from soft ones, each class as often as its share says."""

import numpy as np
import numpy.typing as npt

from augfactory.records import Float32Array, Int64Array


def drawn_labels(soft_label: Float32Array, uniform: npt.NDArray[np.float64]) -> Int64Array:
    """Return for each row a class that is drawn with the row's shares as its probabilities.

    Args:
        soft_label: float32 [n, K], each row summing to 1, none below 0.
        uniform: float64 [n] in [0, 1), a random number for each row.

    Returns:
        int64 [n]. A class of share 0 is never drawn, and one of share 1 always.
    """
    cumulated = soft_label.astype(np.float64).cumsum(axis=1)
    reached: Int64Array = (cumulated <= uniform[:, None] * cumulated[:, -1:]).sum(axis=1)
    return reached
