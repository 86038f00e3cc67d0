"""Turning the hue of colours, in floats: more can be done to them before they are rounded."""

import numpy as np

from augfactory.arrays.colour import Numbers
from augfactory.records import Float32Array


def turned(planes: Float32Array, turn: Numbers) -> Float32Array:
    """Turn every colour about the grey axis of hue, saturation and value; grey stays grey.

    A colour's value is its greatest part and its chroma that less the least. Hue counts sixths of
    the circle from red over yellow; a part is value - chroma · f(k) with f(k) = min(k, 4 - k)
    within 0 to 1, where k is (5, 3 or 1 + hue) modulo 6 for red, green and blue: Smith 1978,
    "Color gamut transform pairs", the hexcone, in one formula.

    Args:
        planes: float32 [3, n, H, W], red, green and blue in any unit.
        turn: float64 [n], how far, in full circles; 1/3 makes red green.

    Returns:
        float32 [3, n, H, W].
    """
    red, green, blue = planes
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    divisor = np.where(chroma == 0, np.float32(1), chroma)
    hue = np.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4)
    hue = np.where(value == red, (green - blue) / divisor, hue)
    hue += 6 * turn.astype(np.float32)[:, None, None]
    result = np.empty_like(planes)
    for plane, start in zip(result, (5, 3, 1), strict=True):
        k = hue + start
        k -= 6 * np.floor(k / 6)
        plane[:] = value - chroma * np.minimum(k, 4 - k).clip(0, 1)
    return result
