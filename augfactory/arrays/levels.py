"""How often each grey level occurs."""

import cv2
import numpy as np

from augfactory.records import Int64Array, UInt8Array

LEVELS = 256
COUNTED_PIXELS = 2**22  # at once: the counts come as float32, which holds all numbers to 2**24

cv2.setNumThreads(0)  # as in warps.py


def level_counts(images: UInt8Array) -> Int64Array:
    """Count the pixels of each level in each channel of uint8 [n, H, W, C]: int64 [C, 256]."""
    count, height, width, channels = images.shape
    lines = images.reshape(count * height, width, channels)
    at_once = max(1, COUNTED_PIXELS // width)
    counts = np.zeros((channels, LEVELS), dtype=np.int64)
    for first in range(0, len(lines), at_once):
        block = lines[first : first + at_once]
        for channel in range(channels):
            found = cv2.calcHist([block], [channel], None, [LEVELS], [0, LEVELS])
            counts[channel] += found.ravel().astype(np.int64)
    return counts
