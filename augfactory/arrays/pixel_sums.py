"""What the pixels of images add up to."""

import cv2
import numpy as np

from augfactory.records import UInt8Array

SUMMED_PIXELS = 2**20  # at once: mean and deviation come as float64, which lose nothing up to there

cv2.setNumThreads(0)  # as in warps.py


def pixel_sums(images: UInt8Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the sum of each channel's values and of their squares, exactly.

    ``images`` is uint8 [n, H, W, C], C at most 4. OpenCV adds whole numbers and gives their mean
    and deviation; times the number of pixels, these are within a thousandth of the whole numbers.
    """
    count, height, width, channels = images.shape
    lines = images.reshape(count * height, width, channels)
    at_once = max(1, SUMMED_PIXELS // width)
    values, squares = np.zeros((2, channels), dtype=np.int64)
    for first in range(0, len(lines), at_once):
        part = lines[first : first + at_once]
        mean, deviation = (each[:, 0] for each in cv2.meanStdDev(part))
        pixels = len(part) * width
        values += np.rint(mean * pixels).astype(np.int64)
        squares += np.rint((deviation**2 + mean**2) * pixels).astype(np.int64)
    return tuple(values.tolist()), tuple(squares.tolist())
