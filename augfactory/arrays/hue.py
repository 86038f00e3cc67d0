"""Turning the hue of colours, in floats: more can be done to them before they are rounded."""

import numpy as np

from augfactory.arrays.colour import Numbers
from augfactory.records import Float32Array


def turned(images: Float32Array, turn: Numbers) -> Float32Array:
    """Turn every colour about the grey axis of hue, saturation and value; grey stays grey.

    A colour's value is its greatest part and its chroma that less the least. Hue counts sixths of
    the circle from red over yellow; a part is value - chroma · f(k) with f(k) = min(k, 4 - k)
    within 0 to 1, where k is (5, 3 or 1 + hue) modulo 6 for red, green and blue: Smith 1978,
    "Color gamut transform pairs", the hexcone, in one formula.

    Args:
        images: float32 [n, H, W, 3], red, green and blue in any unit, not negative.
        turn: float64 [n], how far, in full circles; 1/3 makes red green.

    Returns:
        float32 [n, H, W, 3].
    """
    red, green, blue = (images[..., channel] for channel in range(3))
    value = images.max(axis=3)
    chroma = value - images.min(axis=3)
    divisor = np.where(chroma == 0, np.float32(1), chroma)
    hue = np.select(
        [value == red, value == green],
        [(green - blue) / divisor, (blue - red) / divisor + 2],
        (red - green) / divisor + 4,
    )
    hue += 6 * turn.astype(np.float32)[:, None, None]
    result = np.empty_like(images)
    for channel, start in enumerate((5, 3, 1)):
        k = np.mod(hue + start, 6)
        result[..., channel] = value - chroma * np.minimum(k, 4 - k).clip(0, 1)
    return result
