"""Whether two samples may come from one distribution (Kolmogorov and Smirnov)."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

# The largest distance is passed by chance once in a thousand.
CRITICAL = 1.95


def agree(one: Numbers, other: Numbers) -> bool:
    """Tell whether the greatest distance between the two cumulative shares is small enough."""
    points = np.concatenate([one, other])
    shares = [
        np.searchsorted(np.sort(sample), points, side="right") / len(sample)
        for sample in (one, other)
    ]
    distance = np.abs(shares[0] - shares[1]).max()
    return bool(distance < CRITICAL * np.sqrt(1 / len(one) + 1 / len(other)))


def follows(sample: Numbers, cumulative: Callable[[Numbers], Numbers]) -> bool:
    """Tell whether ``sample`` may come from a continuous distribution."""
    expected = cumulative(np.sort(sample))
    steps = np.arange(len(sample) + 1) / len(sample)
    distance = max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())
    return bool(distance < CRITICAL / np.sqrt(len(sample)))
