"""What is drawn over or from the image: stripes, lines, edges."""

from itertools import pairwise

import cv2
import numpy as np

from augfactory.evaluation.corruptions.batch import Batch, to_bytes
from augfactory.evaluation.corruptions.blur import smoothed
from augfactory.records import Float32Array, Float64Array, UInt8Array

_FINE = 4096  # OpenCV's Canny takes 16-bit slopes, and Sobel's are at most 4


def stripe(batch: Batch, share: float) -> UInt8Array:
    """Turn the left and the right ``share`` of the columns into their negative."""
    width = batch.size[1]
    side = round(width * share)
    result = batch.images.copy()
    result[:, :, :side] = 255 - result[:, :, :side]
    result[:, :, width - side :] = 255 - result[:, :, width - side :]
    return result


def dotted_line(batch: Batch, reach: float, dot: float) -> UInt8Array:
    """Draw a dotted line from the left border to the right one.

    ``reach`` is how far above and below the line it fades, ``dot`` the length of dots and gaps,
    in pixels.
    """
    height, width = batch.size
    drawn = [noise.integers(max(height - 1, 1), size=2) for noise in batch.noises]
    left, right = np.array(drawn, dtype=np.float64).reshape(-1, 2).T
    start = np.stack([left, np.zeros_like(left)], axis=1)
    end = np.stack([right, np.full_like(right, width - 1)], axis=1)
    ink = line(start, end, batch.size, reach * batch.scale)
    ink *= np.arange(width) // (dot * batch.scale) % 2 == 1
    return to_bytes(batch.values + ink[..., None])


def zigzag(batch: Batch, reach: float, turn: float, margin: float, slope: int) -> UInt8Array:
    """Draw a zigzag line from left to right.

    Args:
        batch: the images.
        reach: how far above and below the line it fades, in pixels.
        turn: half the way between two of its corners, along and across it, in pixels.
        margin: how far from the left and right border it ends, in pixels.
        slope: how many pixels, at most, its end lies above or (not quite) below its start.
    """
    height, width = batch.size
    turn, margin, slope = turn * batch.scale, margin * batch.scale, round(slope * batch.scale)
    length = max(width - 1 - 2 * margin, 1.0)
    drawn = [
        (noise.integers(max(height - 1, 1)), noise.integers(-slope, slope))
        for noise in batch.noises
    ]
    top, fall = np.array(drawn, dtype=np.float64).reshape(-1, 2).T
    whole = np.hypot(length, fall)
    down, right = fall / whole, length / whole
    corners = [np.zeros_like(whole)]
    for number in range(int(np.hypot(length, slope) / (2 * turn)) + 1):
        corners.append(np.minimum((2 * number + 1) * turn, whole))
    corners.append(whole)
    points = []
    for along in corners:
        across = turn * (1 - abs((along / turn + 1) % 4 - 2))
        points.append(
            np.stack(
                [top + along * down + across * right, margin + along * right - across * down],
                axis=1,
            )
        )
    ink = np.zeros((len(top), height, width), dtype=np.float32)
    for start, end in pairwise(points):
        ink += line(start, end, batch.size, reach * batch.scale)
    return to_bytes(batch.values + ink[..., None])


def line(
    start: Float64Array, end: Float64Array, size: tuple[int, int], reach: float
) -> Float32Array:
    """Draw a line in each image: 1 on it, log(1 - d / reach) + 1 at d pixels above or below.

    Args:
        start: float64 [n, 2], row and column.
        end: float64 [n, 2]; a line that does not lead to the right is left out.
        size: height and width of the images.
        reach: in pixels.

    Returns:
        float32 [n, height, width], 0 to 1.
    """
    rows, columns = np.arange(size[0]), np.arange(size[1])
    top, first = start.T[:, :, None]
    bottom, last = end.T[:, :, None]
    leads = last > first
    slope = (bottom - top) / np.where(leads, last - first, 1)
    path = top + slope * (columns - first)
    drawn = leads & (columns >= np.floor(first)) & (columns < np.ceil(last))
    away = abs(rows[:, None] - path[:, None]) / reach
    ink = (np.log1p(-np.minimum(away, 1 - np.exp(-1))) + 1).clip(0, 1)
    found: Float32Array = (ink * drawn[:, None]).astype(np.float32)
    return found


def canny_edges(batch: Batch, deviation: float, low: float, high: float) -> UInt8Array:
    """Keep white edges on black (Canny 1986), in all channels alike.

    Args:
        batch: the images.
        deviation: of the Gaussian that smooths first, in pixels.
        low: the least slope, as Sobel's kernels give it (8 times the step from pixel to pixel, of
            values in [0, 1]), with which an edge goes on.
        high: the least slope with which one begins.
    """
    deviation *= batch.scale
    steepness = _FINE / batch.scale  # smoothing over more pixels makes slopes flatter
    result = np.zeros_like(batch.images)
    grey = smoothed(batch.luma[..., None], deviation)[..., 0]
    for image, target in zip(grey, result, strict=True):
        down, right = (
            np.rint(
                _FINE * cv2.Sobel(image, cv2.CV_32F, x, 1 - x, borderType=cv2.BORDER_REPLICATE)
            ).astype(np.int16)
            for x in (0, 1)
        )
        edges = cv2.Canny(right, down, low * steepness, high * steepness, L2gradient=True)
        target[1:-1, 1:-1] = edges[1:-1, 1:-1, None]
    return result
