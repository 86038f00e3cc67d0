"""Changing colours in place: the operations of Pillow's ImageOps and ImageEnhance, to the byte.

Every function takes uint8 [n, H, W, C], C 1 (Pillow's mode L) or 3 (RGB), and returns a new array
of that shape. A second argument holds one number per image. Each image's result depends on that
image alone. Most of them are tables: one new value for each of the 256 old ones.
"""

import cv2
import numpy as np
import numpy.typing as npt

from augfactory.records import Float32Array, UInt8Array

Numbers = npt.NDArray[np.float64]
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, in grey: ITU-R BT.601
_VALUES = np.arange(256)
_FLOATS = np.arange(256, dtype=np.float32)
_LARGE = 2**13  # pixels from which OpenCV counts faster than numpy


def look_up(images: UInt8Array, tables: UInt8Array) -> UInt8Array:
    """Replace value v in channel c of image i by ``tables[i, c, v]``, uint8 [n, C or 1, 256]."""
    count, height, width, channels = images.shape
    result = np.empty(images.shape, dtype=np.uint8)
    lines, written = images, result
    if tables.shape[1] == 1:  # as if the image had one channel, which takes half as long
        lines = images.reshape(count, height * width * channels, 1, 1)
        written = result.reshape(lines.shape)
    tables = np.ascontiguousarray(tables.transpose(0, 2, 1))[:, None]
    for image, table, target in zip(lines, tables, written, strict=True):
        cv2.LUT(image, table, target)
    return result


def autocontrast(images: UInt8Array) -> UInt8Array:
    """RowRange each channel so that its least value becomes 0 and its greatest 255."""
    count, height, width, channels = images.shape
    # Reduced over the rows first, where numpy is fast, then over the columns.
    lines = images.reshape(count, height, width * channels)
    low = lines.min(axis=1).reshape(count, width, channels).min(axis=1).astype(np.float64)
    high = lines.max(axis=1).reshape(count, width, channels).max(axis=1).astype(np.float64)
    flat = high <= low
    scale = 255.0 / np.where(flat, 1.0, high - low)
    tables = _VALUES * scale[:, :, None]
    tables -= (low * scale)[:, :, None]
    np.minimum(np.maximum(tables, 0, out=tables), 255, out=tables)
    tables[flat] = _VALUES
    return look_up(images, tables.astype(np.uint8))


def equalize(images: UInt8Array) -> UInt8Array:
    """Spread each channel's values so that about as many pixels have each of them."""
    histogram = _histogram(images)
    total = images.shape[1] * images.shape[2]
    below = histogram.cumsum(axis=2) - histogram
    # As many as lie below the greatest value that occurs.
    spread_over = np.where(below < total, below, 0).max(axis=2)
    step = (spread_over // 255)[:, :, None]
    tables = np.minimum((below + step // 2) // np.maximum(step, 1), 255)
    tables[step[:, :, 0] == 0] = _VALUES
    return look_up(images, tables.astype(np.uint8))


def posterize(images: UInt8Array, bits: Numbers) -> UInt8Array:
    """Keep the upper ``bits`` bits, 0 to 8, of every value."""
    mask = 256 - 2 ** (8 - bits.astype(np.int64))
    return look_up(images, (_VALUES & mask[:, None, None]).astype(np.uint8))


def solarize(images: UInt8Array, threshold: Numbers) -> UInt8Array:
    """Turn every value from ``threshold`` on into its negative."""
    bright = threshold[:, None, None] <= _VALUES
    return look_up(images, np.where(bright, 255 - _VALUES, _VALUES).astype(np.uint8))


def brightness(images: UInt8Array, factor: Numbers) -> UInt8Array:
    """Blend with black: 0 is black, 1 the image itself; above 1 it gets brighter."""
    return look_up(images, _blended(np.zeros_like(_FLOATS), _FLOATS, factor))


def contrast(images: UInt8Array, factor: Numbers) -> UInt8Array:
    """Blend with the mean of the image in grey: 0 is that mean, 1 the image itself."""
    total = _grey(images).sum(axis=(1, 2, 3), dtype=np.float64)
    mean = np.floor(total / (images.shape[1] * images.shape[2]) + 0.5)
    return look_up(images, _blended(mean.astype(np.float32)[:, None, None], _FLOATS, factor))


def color(images: UInt8Array, factor: Numbers) -> UInt8Array:
    """Blend with the image in grey: 0 is grey, 1 the image itself; grey images stay as they are."""
    if images.shape[3] == 1:
        return images.copy()
    return _blended(_grey(images).astype(np.float32), images.astype(np.float32), factor)


def sharpness(images: UInt8Array, factor: Numbers) -> UInt8Array:
    """Blend with a smoothed image: 0 is smooth, 1 the image itself; above 1 it gets sharper."""
    return _blended(_smooth(images).astype(np.float32), images.astype(np.float32), factor)


def scaled(images: UInt8Array, factor: Numbers) -> UInt8Array:
    """Multiply every value by ``factor``, clip at 255 and round (Pillow's brightness truncates)."""
    tables = np.rint((_VALUES * factor[:, None, None]).clip(0, 255))
    return look_up(images, tables.astype(np.uint8))


def _histogram(images: UInt8Array) -> npt.NDArray[np.int64]:
    """Count the pixels of each value: int64 [n, C, 256]."""
    count, height, width, channels = images.shape
    counts = np.empty((count, channels, 256), dtype=np.int64)
    for place, image in enumerate(images):
        for channel in range(channels):
            if height * width < _LARGE:
                found = np.bincount(image[:, :, channel].reshape(-1), minlength=256)
            else:
                found = cv2.calcHist([image], [channel], None, [256], [0, 256]).reshape(256)
            counts[place, channel] = found
    return counts


def _grey(images: UInt8Array) -> UInt8Array:
    """Return uint8 [n, H, W, 1] by ITU-R 601-2 luma in 16-bit fixed point, Pillow's ``L``."""
    if images.shape[3] == 1:
        return images
    red, green, blue = (images[..., channel].astype(np.uint32) for channel in range(3))
    grey = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
    return grey.astype(np.uint8)[..., None]


def _smooth(images: UInt8Array) -> UInt8Array:
    """Return the mean of the 3 × 3 neighbours, the middle one counted five times; edges stay."""
    result = images.copy()
    height, width = images.shape[1:3]
    if min(height, width) < 3:
        return result
    total = 4 * images[:, 1:-1, 1:-1].astype(np.int32)
    for row in range(3):
        for column in range(3):
            total += images[:, row : height - 2 + row, column : width - 2 + column]
    result[:, 1:-1, 1:-1] = (2 * total + 13) // 26  # of 13; half up, which cannot occur
    return result


def _blended(start: Float32Array, end: Float32Array, factor: Numbers) -> UInt8Array:
    """Return start + factor (end - start), truncated as Pillow does, and clipped to 0 to 255."""
    shape = (-1,) + (1,) * (max(np.ndim(end), 3) - 1)
    mixed = start + factor.astype(np.float32).reshape(shape) * (end - start)
    return mixed.clip(0, 255).astype(np.uint8)
