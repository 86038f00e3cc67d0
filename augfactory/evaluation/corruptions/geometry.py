"""Moved pixels: shear, rotate, scale, translate, and elastic bending.

Outside the image it is black, but for elastic bending, which mirrors it.
"""

import numpy as np

from augfactory.arrays.elastic import elastic_displacement
from augfactory.arrays.warps import about_centre, shifted, warp
from augfactory.evaluation.corruptions.batch import Batch
from augfactory.records import Float64Array, Int64Array, UInt8Array


def shear(batch: Batch, angle: float) -> UInt8Array:
    """Shear by ``angle`` radians, to one side or the other.

    As in scikit-image up to 0.18, the lines are turned, so that the image also grows in height.
    """
    side = _sides(batch, 1)[:, 0]
    linear = np.zeros((len(side), 2, 2))
    linear[:, 0, 0] = np.cos(angle)
    linear[:, 1, 0] = -np.sin(angle) * side
    linear[:, 1, 1] = 1
    return _mapped(batch, linear)


def rotate(batch: Batch, angle: float) -> UInt8Array:
    """Turn by ``angle`` radians, to one side or the other."""
    side = _sides(batch, 1)[:, 0]
    linear = np.empty((len(side), 2, 2))
    linear[:, 0, 0] = linear[:, 1, 1] = np.cos(angle)
    linear[:, 0, 1] = np.sin(angle) * side
    linear[:, 1, 0] = -np.sin(angle) * side
    return _mapped(batch, linear)


def scale(batch: Batch, factor: float) -> UInt8Array:
    """Shrink both sides to ``factor``."""
    return _mapped(batch, np.tile(np.eye(2) / factor, (len(batch.images), 1, 1)))


def translate(batch: Batch, pixels: int) -> UInt8Array:
    """Shift by ``pixels`` up or down and to the left or right."""
    down, right = _sides(batch, 2).T * round(pixels * batch.scale)
    return shifted(batch.images, down, right, 0)


def _sides(batch: Batch, count: int) -> Int64Array:
    """Draw -1 or 1, ``count`` times for each image: int64 [n, count]."""
    drawn = [2 * noise.integers(2, size=count) - 1 for noise in batch.noises]
    return np.array(drawn, dtype=np.int64).reshape(-1, count)


def _mapped(batch: Batch, linear: Float64Array) -> UInt8Array:
    count, height, width, channels = batch.images.shape
    matrices = about_centre(linear, np.zeros((count, 2)), height, width)
    black = np.zeros((count, channels), dtype=np.uint8)
    return warp(batch.images, matrices, "constant", black)


def elastic_transform(batch: Batch, strength: float, deviation: float, slant: float) -> UInt8Array:
    """Map the image by three points moved at random, then bend it.

    Args:
        batch: the images.
        strength: of the displacements before they are smoothed; like the others a share of the
            shorter side.
        deviation: of the Gaussian that smooths them.
        slant: how far the three points move at most in each direction.
    """
    count, height, width, channels = batch.images.shape
    side = min(height, width)
    matrices = np.empty((count, 2, 3))
    field = np.zeros((count, 2, height, width))
    for matrix, bend, noise in zip(matrices, field, batch.noises, strict=True):
        matrix[...] = _slanted(noise, height, width, slant * side)
        if strength > 0:
            bend[...] = elastic_displacement(
                noise, height, width, strength * side, deviation * side
            )
    black = np.zeros((count, channels), dtype=np.uint8)
    slanted = warp(batch.images, matrices, "reflect", black)
    straight = np.tile(np.eye(2, 3), (count, 1, 1))
    return warp(slanted, straight, "reflect", black, field)


def _slanted(noise: np.random.Generator, height: int, width: int, reach: float) -> Float64Array:
    """Return where in the image a result comes from whose three middle points have moved."""
    third = max(1, min(height, width) // 3)
    corners = np.array([[1, 1], [-1, 1], [-1, -1]]) * third + [height // 2, width // 2]
    moved = corners + noise.uniform(-reach, reach, (3, 2))
    return np.linalg.solve(np.column_stack([moved, np.ones(3)]), corners).T
