"""Arrays from outside, checked and brought to the one form: images NHWC uint8, labels int64.

Pixels: uint8 stays as it is; floats in [0, 1] are multiplied by 255 and rounded; uint16 is divided
by 257 and rounded, so that 65535 becomes 255; anything else is refused rather than guessed at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.errors import InputDataError
from augfactory.records import Float32Array, Int64Array, Source, UInt8Array, one_hot

AnyArray = npt.NDArray[Any]
MAX_ARRAY_BYTES = 8 * 2**30
BLOCK_ROWS = 256


@dataclass(frozen=True)
class Layout:
    """How images lie in an array: the shape of one, and whether its channels come first."""

    image_shape: tuple[int, int, int]
    channels_first: bool = False


def layout_of(shape: Sequence[int], where: str) -> Layout:
    """Read [N, H, W], [N, H, W, 1|3] or [N, 1|3, H, W] from a shape.

    Raises:
        InputDataError: the shape is none of these, could be two of them, or is empty.
    """
    text = "x".join(map(str, shape))
    remedy = "Save the images as an array [rows, height, width, channels] with 1 or 3 channels."
    if len(shape) not in (3, 4):
        raise InputDataError(where, f"an array {text} is not a set of images", remedy)
    if 0 in shape:
        raise InputDataError(where, f"an array {text} holds no image", remedy)
    if len(shape) == 3:
        return Layout((shape[1], shape[2], 1))
    last, first = shape[3] in (1, 3), shape[1] in (1, 3)
    if last and first:
        raise InputDataError(
            where, f"in an array {text} the channels may come first or last", remedy
        )
    if not last and not first:
        raise InputDataError(
            where, f"an array {text} has no axis of 1 or 3 channels where one belongs", remedy
        )
    if last:
        return Layout((shape[1], shape[2], shape[3]))
    return Layout((shape[2], shape[3], shape[1]), channels_first=True)


def check_pixel_type(dtype: np.dtype[Any], where: str) -> None:
    """Raise InputDataError unless pixels of this type have a meaning: uint8, uint16, floats."""
    if (dtype.kind, dtype.itemsize) in (("u", 1), ("u", 2)) or dtype.kind == "f":
        return
    raise InputDataError(
        where,
        f"pixels of type {dtype} have no agreed range",
        'Save them as uint8 from 0 to 255: images.astype("uint8")',
    )


def as_images(block: AnyArray, layout: Layout, where: str, rows: Int64Array) -> UInt8Array:
    """Bring a block of rows to uint8 [n, H, W, C], contiguous.

    Args:
        block: rows of an array that has ``layout``.
        layout: from ``layout_of``.
        where: the array's name, for messages.
        rows: the block's row numbers, for messages.

    Raises:
        InputDataError: a float outside [0, 1] or NaN; or a type that ``check_pixel_type`` refuses.
    """
    pixels = _as_uint8(block, where, rows)
    if layout.channels_first:
        pixels = pixels.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels.reshape(len(block), *layout.image_shape))


def whole_images(array: AnyArray, where: str) -> UInt8Array:
    """Bring a whole array to uint8 [N, H, W, C], block by block; uint8 is not copied.

    Raises:
        InputDataError: the layout, the type or a value has no agreed meaning.
    """
    layout = layout_of(array.shape, where)
    check_pixel_type(array.dtype, where)
    if array.dtype == np.uint8:
        pixels = array.transpose(0, 2, 3, 1) if layout.channels_first else array
        return pixels.reshape(len(array), *layout.image_shape)
    if array.dtype.kind == "u" and array.max() <= 255:
        raise InputDataError(
            where,
            "16-bit pixels, none above 255: as they stand, all of them are nearly black",
            'If they are 8-bit pixels, save them as such: images.astype("uint8")',
        )
    images = np.empty((len(array), *layout.image_shape), dtype=np.uint8)
    for start in range(0, len(array), BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, len(array)))
        images[start : start + BLOCK_ROWS] = as_images(
            array[start : start + BLOCK_ROWS], layout, where, rows
        )
    return images


def check_size(shape: Sequence[int], itemsize: int, where: str) -> int:
    """Return the bytes that an array of this shape takes.

    Raises:
        InputDataError: they are more than one array read whole may take.
    """
    size = itemsize
    for length in shape:
        size *= int(length)
    if size > MAX_ARRAY_BYTES:
        raise InputDataError(
            where,
            f"it declares {size:,} bytes, more than the {MAX_ARRAY_BYTES:,} read in one piece",
            "Save the set as HDF5 (.h5), which is read row by row.",
        )
    return size


def source_of_arrays(
    *,
    name: str,
    split: str | None,
    class_names: tuple[str, ...],
    images: UInt8Array,
    labels: Int64Array,
    row_name: Callable[[int], str],
    soft_labels: Float32Array | None = None,
) -> Source:
    """Make a Source of arrays in memory (or memory-mapped): images uint8 [N, H, W, C]."""
    if len(images) != len(labels):
        raise InputDataError(
            name,
            f"{len(images)} images but {len(labels)} labels",
            "Give every image one label, in the same order.",
        )

    def read_soft_labels(rows: Int64Array) -> Float32Array:
        if soft_labels is None:
            return one_hot(labels[rows], len(class_names))
        return soft_labels[rows]

    height, width, channels = images.shape[1:]
    return Source(
        name=name,
        split=split,
        class_names=class_names,
        image_shape=(height, width, channels),
        labels=labels,
        read_images=lambda rows: np.ascontiguousarray(images[rows]),
        read_soft_labels=read_soft_labels,
        row_name=row_name,
    )


def _as_uint8(block: AnyArray, where: str, rows: Int64Array) -> UInt8Array:
    check_pixel_type(block.dtype, where)
    if block.dtype == np.uint8:
        return block
    if block.dtype.kind == "u":
        return ((block.astype(np.uint32) + 128) // 257).astype(np.uint8)
    outside = ~((block >= 0) & (block <= 1))  # true for NaN too
    if outside.any():
        first = int(outside.reshape(len(block), -1).any(axis=1).argmax())
        value = block[first][outside[first]].flat[0]
        raise InputDataError(
            where,
            f"row {rows[first]} holds the value {value}; floats must lie in [0, 1]",
            "Scale the pixels to [0, 1], or save them as uint8 from 0 to 255.",
        )
    return np.rint(block.astype(np.float64) * 255).astype(np.uint8)
