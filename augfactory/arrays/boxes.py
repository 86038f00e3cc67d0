"""Boxes: int64 [..., 4], each (top, left, bottom, right) in pixels; bottom and right excluded."""

import numpy as np

from augfactory.records import Int64Array, UInt8Array


def areas(boxes: Int64Array) -> Int64Array:
    """Count the pixels inside each of ``boxes`` [..., 4]."""
    pixels: Int64Array = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return pixels


def boxes_around(centres: Int64Array, sides: Int64Array, height: int, width: int) -> Int64Array:
    """Lay boxes of ``sides`` around ``centres``, both int64 [n, 2], and cut them at the border."""
    start = centres - sides // 2
    corners = np.concatenate([start, start + sides], axis=1)
    cut: Int64Array = np.clip(corners, 0, [height, width, height, width])
    return cut


def quarters(boundary: Int64Array, height: int, width: int) -> Int64Array:
    """Cut each image along a row and a column.

    Args:
        boundary: int64 [n, 2], (row, column) of the first pixel of the lower right part.
        height: rows of the image.
        width: columns of the image.

    Returns:
        int64 [n, 4, 4]: the boxes upper left, upper right, lower left, lower right.
    """
    row, column = boundary[:, :1], boundary[:, 1:]
    boxes = np.zeros((len(boundary), 4, 4), dtype=np.int64)
    boxes[:, :2, 2], boxes[:, 2:, 0], boxes[:, 2:, 2] = row, row, height
    boxes[:, ::2, 3], boxes[:, 1::2, 1], boxes[:, 1::2, 3] = column, column, width
    return boxes


def with_boxes_of(images: UInt8Array, others: UInt8Array, boxes: Int64Array) -> UInt8Array:
    """Copy ``images`` [n, H, W, C] with one of ``boxes`` [n, 4] in each taken from ``others``."""
    count, height, width, channels = images.shape
    bytes_of = (count, height, width * channels)  # fewer axes to walk
    pasted = images.copy()
    flat, flat_others = pasted.reshape(bytes_of), others.reshape(bytes_of)
    in_bytes = (boxes * [1, channels, 1, channels]).tolist()
    for image, other, (top, left, bottom, right) in zip(flat, flat_others, in_bytes, strict=True):
        image[top:bottom, left:right] = other[top:bottom, left:right]
    return pasted
