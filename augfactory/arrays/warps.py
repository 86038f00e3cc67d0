"""Moving pixels: bilinear sampling at any positions, with a choice of what lies outside.

A position is rounded to 1/32 pixel; from there on everything is integer arithmetic::

    round((32-v)(32-u) p00 + (32-v) u p01 + v (32-u) p10 + v u p11) / 1024),  half up

with v and u in 1/32 below and right of the pixel p00. So the same positions give the same bytes on
every processor and with every release of OpenCV from 4.10 to 5.0; its ``warpAffine`` does not
(docs/decisions/0002-opencv-for-warping.md). The rounding moves a sample by at most 1/64 pixel in
each direction: a grey level changes by at most (step down + step right) / 64 + 1/2.
Positions are (row, column), with whole numbers at the centres of pixels.
"""

import itertools
from collections.abc import Iterator
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from augfactory.records import Float64Array, Int64Array, UInt8Array

Fill = Literal["constant", "nearest", "reflect", "wrap"]
FillOrBorder = Literal["border", "constant", "nearest", "reflect", "wrap"]  # see ``outside``
Int16Array = npt.NDArray[np.int16]
UInt16Array = npt.NDArray[np.uint16]

# What lies beside a row "abcd": kkk|abcd|kkk, aaa|abcd|ddd, cba|abcd|dcb, bcd|abcd|abc.
BORDERS: dict[Fill, int] = {
    "constant": cv2.BORDER_CONSTANT,
    "nearest": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "wrap": cv2.BORDER_WRAP,
}
LARGEST_SIDE = 32_766  # positions are 16-bit numbers
_POSITIONS_AT_ONCE = 2**16  # so many of them stay in the processor's cache
# Copying an image with a margin costs more than it saves where the longer side is below so many
# pixels, or the margin above this share of it.
_SMALLEST_WITH_MARGIN = 96
_WIDEST_MARGIN = 0.5

# One image is too little work to share; and a thread pool would not survive a fork.
cv2.setNumThreads(0)


def warp(
    images: UInt8Array,
    matrices: Float64Array,
    fill: Fill,
    colours: UInt8Array,
    displacements: Float64Array | None = None,
) -> UInt8Array:
    """Fill each pixel of the result from its own position in the image, by one interpolation.

    Args:
        images: uint8 [n, H, W, C], C 1 to 4, no side above 32,766.
        matrices: float64 [n, 2, 3]; (row, column, 1) of a pixel of the result -> where in the
            image its value comes from.
        fill: what lies outside the image.
        colours: uint8 [n, C], what lies outside when ``fill`` is "constant".
        displacements: float64 [n, 2, H, W], (down, right) in pixels, added to those positions.

    Returns:
        uint8 [n, H, W, C].

    Raises:
        ValueError: a side is longer than 32,766 pixels.
    """
    height, width = images.shape[1:3]
    if max(height, width) > LARGEST_SIDE:
        raise ValueError(f"cannot warp {height}×{width} pixels: no side may exceed {LARGEST_SIDE}")
    result = np.empty(images.shape, dtype=np.uint8)
    border, outside = BORDERS[fill], colours.tolist()
    margins = _margins(matrices, height, width, displacements)
    index, source = -1, images[:0]
    for first, rows, whole, fraction in _blocks(matrices, height, width, displacements):
        for number, place, share in zip(itertools.count(first), whole, fraction, strict=False):
            margin, colour = margins[number], outside[number]
            if number != index:
                index, source = number, _with_margin(images[number], margin, border, colour)
            if margin != 0:
                # In place: the block is used for this image alone.
                np.add(place, margin, out=place, casting="unsafe")
            target = result[number, rows]
            cv2.remap(source, place, share, cv2.INTER_LINEAR, target, border, colour)
    return result


def _with_margin(image: UInt8Array, margin: int, border: int, colour: list[int]) -> Any:
    """Return the image with ``margin`` pixels of what lies outside on each side.

    ``remap`` gives the same bytes with and without, and takes half as long again for each pixel
    whose neighbours are not all inside.
    """
    if margin == 0:
        return image
    sides = margin, margin, margin, margin
    return cv2.copyMakeBorder(image, *sides, border, value=colour)


def _margins(
    matrices: Float64Array, height: int, width: int, displacements: Float64Array | None
) -> list[int]:
    """Return how many pixels beside each image are read, 0 where copying them would not pay."""
    longer = max(height, width)
    if longer < _SMALLEST_WITH_MARGIN:
        return [0] * len(matrices)
    corners = np.array([(row, column, 1) for row in (0, height - 1) for column in (0, width - 1)])
    places = matrices @ corners.T.astype(np.float64)
    last = np.array([[height - 1], [width - 1]])
    margins = np.maximum(-places, places - last).max(axis=(1, 2))
    if displacements is not None:
        margins += np.abs(displacements).max(axis=(1, 2, 3))
    # One more for rounding, and one for the right-hand neighbour that is read with weight 0.
    margins = np.ceil(np.maximum(margins, 0)) + 2
    margins[(margins > _WIDEST_MARGIN * longer) | (longer + 2 * margins > LARGEST_SIDE)] = 0
    return [int(margin) for margin in margins]


def _blocks(
    matrices: Float64Array, height: int, width: int, displacements: Float64Array | None
) -> Iterator[tuple[int, slice, Int16Array, UInt16Array]]:
    """Yield positions for some whole images at a time, or for some rows of one image.

    That is the number of the first image, which rows, the whole parts of the positions int16
    [k, rows, W, 2] as (column, row), and their fractions uint16 [k, rows, W], 32 × down + right.
    The last two are written over by the next block.
    """
    count = len(matrices)
    by_axis = matrices.swapaxes(0, 1)
    along_rows = by_axis[:, :, :1] * np.arange(height) + by_axis[:, :, 2:]
    along_columns = by_axis[:, :, 1:2] * np.arange(width)
    down = along_rows.astype(np.float32)[:, :, :, None]
    right = along_columns.astype(np.float32)[:, :, None, :]
    rows = min(height, max(1, _POSITIONS_AT_ONCE // width))
    at_once = max(1, min(count, _POSITIONS_AT_ONCE // (rows * width)))
    # Small enough to stay in the cache, and made once, since fresh memory is slow.
    positions = np.empty(2 * at_once * rows * width, dtype=np.float32)
    whole = np.empty((at_once * rows, width, 2), dtype=np.int16)
    fraction = np.empty((at_once * rows, width), dtype=np.uint16)
    for first in range(0, count, at_once):
        last = min(first + at_once, count)
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            shape = last - first, bottom - top, width
            lines = shape[0] * shape[1]
            used = positions[: 2 * lines * width].reshape(2, *shape)
            np.add(down[:, first:last, top:bottom], right[:, first:last], out=used)
            if displacements is not None:
                used += displacements[first:last, :, top:bottom].swapaxes(0, 1)
            y, x = used.reshape(2, lines, width)
            cv2.convertMaps(x, y, cv2.CV_16SC2, whole[:lines], fraction[:lines])
            yield (
                first,
                slice(top, bottom),
                whole[:lines].reshape(*shape, 2),
                fraction[:lines].reshape(shape),
            )


def shifted(images: UInt8Array, down: Int64Array, right: Int64Array, value: int) -> UInt8Array:
    """Move each image by whole pixels, and fill what that uncovers.

    Args:
        images: uint8 [n, H, W, C].
        down: int64 [n], in pixels; negative moves up.
        right: int64 [n], in pixels; negative moves to the left.
        value: the grey level of what is uncovered.

    Returns:
        uint8 [n, H, W, C].
    """
    height, width = images.shape[1:3]
    result = np.full(images.shape, value, dtype=np.uint8)
    moves = zip(down.tolist(), right.tolist(), strict=True)
    for image, target, (rows, columns) in zip(images, result, moves, strict=True):
        target[max(rows, 0) : max(height + rows, 0), max(columns, 0) : max(width + columns, 0)] = (
            image[max(-rows, 0) : max(height - rows, 0), max(-columns, 0) : max(width - columns, 0)]
        )
    return result


def about_centre(
    linear: Float64Array, shift: Float64Array, height: int, width: int
) -> Float64Array:
    """Return the matrices for ``warp`` that turn about the centre of the image.

    Args:
        linear: float64 [n, 2, 2], (down, right) from the centre in the result -> in the image.
        shift: float64 [n, 2], how far the result lies (down, right) of the image, in pixels.
        height: of the images.
        width: of the images.

    Returns:
        float64 [n, 2, 3].
    """
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    pivot = (centre + shift)[:, None]
    matrices = np.empty((len(linear), 2, 3))
    matrices[:, :, :2] = linear
    matrices[:, :, 2] = centre - (linear * pivot).sum(axis=2)
    return matrices


def outside(images: UInt8Array, fill: FillOrBorder, value: int) -> tuple[Fill, UInt8Array]:
    """Return what ``warp`` takes for a fill that may also be "border": a fill, and the colours.

    Args:
        images: uint8 [n, H, W, C].
        fill: one of ``warp``'s; or "border", each image's own border colour.
        value: the grey level that "constant" uses, 0 to 255.

    Returns:
        The fill, and uint8 [n, C].
    """
    if fill == "border":
        return "constant", border_colours(images)
    return fill, _grey(images, value)


def on_border(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Tell which pixels of an image of this shape are its outermost: bool [H, W]."""
    outermost = np.ones(shape[:2], dtype=np.bool_)
    outermost[1:-1, 1:-1] = False
    return outermost


def border_colours(images: UInt8Array) -> UInt8Array:
    """Return the median of the outermost pixels of each image and channel: uint8 [n, C].

    Of an even number of pixels it is the lower of the two in the middle, so always a value that
    occurs.
    """
    border = images[:, on_border(images.shape[1:])]
    middle = (border.shape[1] - 1) // 2
    return np.partition(border, middle, axis=1)[:, middle]


def rotated(
    images: UInt8Array, degrees: Float64Array, value: int, fill: FillOrBorder = "constant"
) -> UInt8Array:
    """Turn each image about its centre by ``degrees`` [n]; ``outside`` says what comes in."""
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    linear = np.stack([cosine, sine, -sine, cosine], axis=1).reshape(-1, 2, 2)
    matrices = about_centre(linear, np.zeros((len(images), 2)), *images.shape[1:3])
    return warp(images, matrices, *outside(images, fill, value))


def sheared(
    images: UInt8Array, lean: Float64Array, value: int, moved: int, fill: FillOrBorder = "constant"
) -> UInt8Array:
    """Move along axis ``moved``, 0 rows or 1 columns, ``lean`` [n] pixels a pixel of the other."""
    matrices = np.tile(np.eye(2, 3), (len(images), 1, 1))
    matrices[:, moved, 1 - moved] = lean
    # As in Pillow, what stays is the upper or the left edge of the image, which lies at -1/2.
    matrices[:, moved, 2] = lean / 2
    return warp(images, matrices, *outside(images, fill, value))


def translated(
    images: UInt8Array, by: Float64Array, value: int, moved: int, fill: FillOrBorder = "constant"
) -> UInt8Array:
    """Move each image ``by`` [n] whole pixels along axis ``moved``, 0 rows or 1 columns."""
    distance = by.astype(np.int64)
    if fill == "constant":
        still = np.zeros_like(distance)
        down, right = (distance, still) if moved == 0 else (still, distance)
        return shifted(images, down, right, value)
    matrices = np.tile(np.eye(2, 3), (len(images), 1, 1))
    matrices[:, moved, 2] = -distance
    return warp(images, matrices, *outside(images, fill, value))


def _grey(images: UInt8Array, value: int) -> UInt8Array:
    return np.full((len(images), images.shape[3]), value, dtype=np.uint8)
