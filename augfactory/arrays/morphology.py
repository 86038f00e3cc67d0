"""Growing the bright or the dark parts of images: the greatest or least value nearby."""

from functools import cache

import cv2
import numpy as np

from augfactory.records import UInt8Array


@cache
def disc(radius: int) -> UInt8Array:
    """Return uint8 [2 radius + 1, 2 radius + 1], 1 where the middle is at most ``radius`` away."""
    squares = np.arange(-radius, radius + 1) ** 2
    return (squares[:, None] + squares <= radius**2).astype(np.uint8)


def dilated(image: UInt8Array, radius: int) -> UInt8Array:
    """Give each pixel of uint8 [H, W, C] the greatest value within ``radius``, channel by channel.

    What lies outside the image does not count.
    """
    return cv2.dilate(image, disc(radius)).reshape(image.shape).astype(np.uint8, copy=False)


def eroded(image: UInt8Array, radius: int) -> UInt8Array:
    """Give each pixel of uint8 [H, W, C] the least value within ``radius``, channel by channel.

    What lies outside the image does not count.
    """
    return cv2.erode(image, disc(radius)).reshape(image.shape).astype(np.uint8, copy=False)
