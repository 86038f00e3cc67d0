"""Clouds by the diamond-square algorithm."""

from collections.abc import Sequence

import numpy as np

from augfactory.records import Float32Array


def clouds(noises: Sequence[np.random.Generator], side: int, decay: float) -> Float32Array:
    """Draw one height map per generator: float32 [n, side, side], from 0 to 1, both occurring.

    Every map starts flat; the middles of squares and then of edges get the mean of their four
    neighbours and uniform noise, whose amplitude falls by ``decay`` squared (as in the published
    code) whenever the squares halve. A map goes on at the opposite border.

    Args:
        noises: a generator for each map.
        side: a power of two, 2 or more.
        decay: above 1; the greater, the smoother.
    """
    count = len(noises)
    draws = np.empty((count, side * side), dtype=np.float32)
    for noise, draw in zip(noises, draws, strict=True):
        noise.random(dtype=np.float32, out=draw)
    draws -= np.float32(0.5)
    heights = np.zeros((count, side, side), dtype=np.float32)
    amplitude, used, step = 1.0, 0, side
    while step > 1:
        half = step // 2
        across = side // step
        corners = heights[:, ::step, ::step]
        middles = heights[:, half::step, half::step]
        beside = corners + np.roll(corners, -1, axis=2)
        above = corners + np.roll(corners, -1, axis=1)
        wobble = draws[:, used : used + 3 * across**2].reshape(count, 3, across, across)
        wobble *= np.float32(amplitude)
        middles[...] = (beside + np.roll(beside, -1, axis=1)) / 4 + wobble[:, 0]
        beside += middles + np.roll(middles, 1, axis=1)
        heights[:, ::step, half::step] = beside / 4 + wobble[:, 1]
        above += middles + np.roll(middles, 1, axis=2)
        heights[:, half::step, ::step] = above / 4 + wobble[:, 2]
        used += 3 * across**2
        step = half
        amplitude /= decay**2
    heights -= heights.min(axis=(1, 2), keepdims=True)
    heights /= heights.max(axis=(1, 2), keepdims=True)
    return heights
