"""Four images cropped and put together as one, by copying bytes only."""

import numpy as np

from augfactory.records import Int64Array, UInt8Array

CHUNK_BYTES = 2**21
LARGE_BYTES = 12_000  # of an image; from there on a copy of a rectangle costs more than its call


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
    if height * width * channels >= LARGE_BYTES:
        return _one_by_one(images, boundary, offsets)
    result = np.empty((count, height, width * channels), dtype=np.uint8)
    rows = max(1, CHUNK_BYTES // max(1, images[:1].nbytes))
    is_right = np.arange(width * channels) >= boundary[:, 1:] * channels
    all_bits_if_right = np.negative(is_right[:, None].view(np.uint8))
    for start in range(0, count, rows):
        chunk = slice(start, start + rows)
        left, right = _half_rows(images[chunk], boundary[chunk], offsets[chunk])
        # Choosing by bits is several times as fast as by condition.
        right ^= left
        right &= all_bits_if_right[chunk].repeat(height, axis=1)
        np.bitwise_xor(left, right, out=result[chunk])
    return result.reshape(count, height, width, channels)


def _one_by_one(images: UInt8Array, boundary: Int64Array, offsets: Int64Array) -> UInt8Array:
    """Do as ``patched`` by copying four rectangles for each result."""
    count, _, height, width, channels = images.shape
    result = np.empty((count, height, width, channels), dtype=np.uint8)
    for own, four, (row, column), crops in zip(
        result, images, boundary.tolist(), offsets.tolist(), strict=True
    ):
        upper, lower = own[:row], own[row:]
        quarters = upper[:, :column], upper[:, column:], lower[:, :column], lower[:, column:]
        for quarter, image, (top, left) in zip(quarters, four, crops, strict=True):
            quarter[:] = image[top : top + quarter.shape[0], left : left + quarter.shape[1]]
    return result


def _half_rows(
    images: UInt8Array, boundary: Int64Array, offsets: Int64Array
) -> tuple[UInt8Array, UInt8Array]:
    """Read each row of the results twice, each uint8 [n, H, W × C].

    The first reading is right left of the boundary, the second right of it; the rest of a reading
    is whatever lies beside the crop in memory. Whole rows are read because one index for a row of
    many bytes costs as little as one for a single byte.
    """
    count, _, height, width, channels = images.shape
    line = width * channels
    # Where pixel (0, 0) of the result would stand in memory, seen from each of the four crops.
    origin = np.arange(0, 4 * count * height * line, height * line).reshape(count, 4)
    origin += offsets @ (line, channels)
    origin -= boundary @ ((0, 0, line, line), (0, channels, 0, channels))
    rows = np.arange(height)
    is_upper = rows < boundary[:, :1]
    first = np.empty((2, count, height), dtype=np.int64)
    for half in (0, 1):
        np.copyto(first[half], origin[:, half + 2, None])
        np.copyto(first[half], origin[:, half, None], where=is_upper)
    first += rows * line
    # At the two ends of memory there is always another quarter's image to run over into.
    flat = np.ascontiguousarray(images).reshape(-1)
    lines = np.ndarray((flat.size - line + 1,), f"V{line}", flat.data, strides=(1,))
    left, right = lines[first].view(np.uint8).reshape(2, count, height, line)
    return left, right
