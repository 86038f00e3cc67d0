"""Bilinear sampling pixel by pixel, in plain Python, as ``warps`` says that it does it."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from augfactory.arrays.warps import Fill
from augfactory.records import UInt8Array

Matrix = npt.NDArray[np.float64]


def folded(index: int, size: int, fill: Fill) -> int | None:
    """Return which of ``size`` pixels stands at ``index``, or None for the colour of a constant."""
    if 0 <= index < size:
        return index
    if fill == "constant":
        return None
    if fill == "nearest":
        return 0 if index < 0 else size - 1
    index %= size if fill == "wrap" else 2 * size
    return index if index < size else 2 * size - 1 - index


def corners(
    image: UInt8Array, row: int, column: int, fill: Fill, colour: UInt8Array
) -> npt.NDArray[np.int64]:
    """Return int64 [2, 2, C], the pixel at (row, column), those to its right and below."""
    height, width, channels = image.shape
    found = np.empty((2, 2, channels), dtype=np.int64)
    for down in range(2):
        for right in range(2):
            y, x = folded(row + down, height, fill), folded(column + right, width, fill)
            found[down, right] = colour if y is None or x is None else image[y, x]
    return found


def slow_warp(
    image: UInt8Array,
    matrix: Matrix,
    fill: Fill,
    colour: UInt8Array,
    displacement: Matrix | None = None,
) -> UInt8Array:
    """Warp one image [H, W, C] by a matrix [2, 3] and a displacement [2, H, W]."""
    result = np.empty_like(image)
    for row, column in np.ndindex(image.shape[:2]):
        position = matrix @ (row, column, 1)
        if displacement is not None:
            position += displacement[:, row, column]
        (y, v), (x, u) = (divmod(round(32 * float(along)), 32) for along in position)
        pixels = corners(image, y, x, fill, colour)
        for channel in range(image.shape[2]):
            (p00, p01), (p10, p11) = pixels[:, :, channel].tolist()
            total = (32 - v) * ((32 - u) * p00 + u * p01) + v * ((32 - u) * p10 + u * p11)
            result[row, column, channel] = (total + 512) // 1024
    return result


def exact_value(
    image: UInt8Array, y: float, x: float, fill: Fill, colour: UInt8Array
) -> tuple[list[float], list[float]]:
    """Return each channel's value at (y, x), and how far 1/64 pixel down and right can change it.

    That is a 64th of the largest steps between neighbours in the cell and those around it.
    """
    row, column = int(np.floor(y)), int(np.floor(x))
    v, u = Fraction(y) - row, Fraction(x) - column
    pixels = corners(image, row, column, fill, colour).transpose(2, 0, 1).tolist()
    values = [
        float((1 - v) * ((1 - u) * p00 + u * p01) + v * ((1 - u) * p10 + u * p11))
        for (p00, p01), (p10, p11) in pixels
    ]
    cells = [
        corners(image, row + down, column + right, fill, colour)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    ]
    steps = [np.abs(np.diff(cells, axis=axis)).max(axis=(0, 1, 2)) for axis in (1, 2)]
    return values, ((steps[0] + steps[1]) / 64).tolist()
