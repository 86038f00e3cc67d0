"""Four images cropped and put together as one, by copying bytes only."""

import numpy as np

from augfactory.records import Int64Array, UInt8Array

CHUNK_BYTES = 2**21


def patched(images: UInt8Array, boundary: Int64Array, offsets: Int64Array) -> UInt8Array:
    """Fill the four quarters of each result, each from a crop of its own image.

    Args:
        images: uint8 [n, 4, H, W, C], for the quarters upper left, upper right, lower left and
            lower right.
        boundary: int64 [n, 2], (row, column) of the first pixel of the lower right quarter.
        offsets: int64 [n, 4, 2], (top, left) of each crop within its image.

    Returns:
        uint8 [n, H, W, C].
    """
    count, _, height, width, channels = images.shape
    result = np.empty((count, height, width * channels), dtype=np.uint8)
    rows = max(1, CHUNK_BYTES // max(1, images[:1].nbytes))
    columns = (boundary[:, 1] * channels).tolist()
    for start in range(0, count, rows):
        chunk = slice(start, start + rows)
        left, right = _half_rows(images[chunk], boundary[chunk], offsets[chunk])
        for target, beside, column in zip(left, right, columns[chunk], strict=True):
            target[:, column:] = beside[:, column:]
        result[chunk] = left
    return result.reshape(count, height, width, channels)


def _half_rows(
    images: UInt8Array, boundary: Int64Array, offsets: Int64Array
) -> tuple[UInt8Array, UInt8Array]:
    """Read each row of the results twice, each uint8 [n, H, W × C].

    The first reading is right left of the boundary, the second right of it; the rest of a reading
    is whatever lies beside the crop in memory. Whole rows are read because one index for a row of
    many bytes costs as little as one for a single byte.
    """
    count, _, height, width, channels = images.shape
    row, column = boundary[:, :1], boundary[:, 1:]
    # Where pixel (0, 0) of the result would stand in memory, seen from each of the four crops.
    origin = (np.arange(4 * count).reshape(count, 4) * height + offsets[..., 0]) * width
    origin += offsets[..., 1]
    origin[:, 2:] -= row * width
    origin[:, 1::2] -= column
    rows = np.arange(height)
    upper = (rows < row)[:, None]
    first = np.where(upper, origin[:, :2, None], origin[:, 2:, None]) + rows * width
    line = width * channels
    # At the two ends of memory there is always another quarter's image to run over into.
    flat = np.ascontiguousarray(images).reshape(-1)
    lines = np.ndarray((flat.size - line + 1,), f"V{line}", flat.data, strides=(1,))
    halves = lines[(first * channels).swapaxes(0, 1)].view(np.uint8)
    left, right = halves.reshape(2, count, height, line)
    return left, right
