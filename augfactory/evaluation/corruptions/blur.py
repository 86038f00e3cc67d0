"""Blur: through a lens out of focus, frosted glass, a moving camera, a zoom."""

import cv2
import numpy as np

from augfactory.evaluation.corruptions.batch import Batch, to_bytes
from augfactory.records import Float32Array, Float64Array, Int64Array, UInt8Array

_REPEATED = cv2.BORDER_REPLICATE
_REACH = 4.0  # standard deviations after which a Gaussian is cut off
_LEAST_WEIGHT = 1e-6  # smaller weights could not change a byte


def smoothed(values: Float32Array, deviation: float, *, vertical: bool = False) -> Float32Array:
    """Smooth float32 [n, H, W, C] by a Gaussian of ``deviation`` pixels; border pixels repeat.

    With ``vertical`` only up and down.
    """
    radius = int(_REACH * deviation + 0.5)
    if radius == 0:
        return values
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    kernel /= kernel.sum()
    result = np.empty_like(values)
    for image, target in zip(values, result, strict=True):
        across = np.ones(1) if vertical else kernel
        blurred = cv2.sepFilter2D(image, cv2.CV_32F, across, kernel, borderType=_REPEATED)
        target[...] = blurred.reshape(target.shape)
    return result


def defocus_blur(batch: Batch, radius: float, softness: float, reach: int = 1) -> UInt8Array:
    """Spread each pixel over a disc of ``radius`` with an edge of ``softness``, in pixels.

    The edge is cut off after ``reach`` pixels.
    """
    scale = batch.scale
    kernel = disc(radius * scale, softness * scale, int(np.ceil(reach * scale)))
    result = np.empty_like(batch.images)
    for image, target in zip(batch.values, result, strict=True):
        blurred: Float32Array = cv2.filter2D(image, cv2.CV_32F, kernel).astype(np.float32)
        target[...] = to_bytes(blurred).reshape(target.shape)
    return result


def disc(radius: float, softness: float, reach: int) -> Float32Array:
    """Return a kernel: a disc of whole pixels, smoothed by a Gaussian over ``reach`` pixels."""
    half = int(radius) + reach
    along = np.arange(-half, half + 1)
    inside = (along[:, None] ** 2 + along**2 <= radius**2).astype(np.float32)
    side = 2 * reach + 1
    kernel = cv2.GaussianBlur(
        inside / inside.sum(), (side, side), softness, borderType=cv2.BORDER_CONSTANT
    )
    return np.asarray(kernel, dtype=np.float32)


def glass_blur(
    batch: Batch,
    deviation: float,
    distance: int,
    rounds: int,
    swap: bool,
    vertical: bool = False,
) -> UInt8Array:
    """Smooth, move pixels about, smooth again.

    In each round, from the lower right to the upper left, every pixel takes the value of one at
    most ``distance`` pixels away. With ``swap`` the two exchange their values, and half of the
    pixels, by chance, are passed over: that is MNIST-C. CIFAR-10-C was meant to exchange too, but
    its assignment of colour pixels copies only. With ``vertical`` it is smoothed up and down alone,
    as MNIST-C's files are: the code took the columns of its grey images for channels.
    """
    deviation *= batch.scale
    distance = round(distance * batch.scale)
    values = smoothed(batch.values, deviation, vertical=vertical)
    count, height, width, channels = values.shape
    origin = _shuffled(batch, distance, rounds, swap)
    moved = np.take_along_axis(values.reshape(count, -1, channels), origin[:, :, None], axis=1)
    moved = moved.reshape(count, height, width, channels)
    return to_bytes(smoothed(moved, deviation, vertical=vertical))


def _shuffled(batch: Batch, distance: int, rounds: int, swap: bool) -> Int64Array:
    """Return int64 [n, H W]: which pixel of the image each one's value comes from."""
    height, width = batch.size
    count = len(batch.images)
    rows = np.arange(height - distance, distance, -1)[:, None]
    columns = np.arange(width - distance, distance, -1)
    places = np.tile((rows * width + columns).ravel(), rounds)
    partners = np.empty((count, len(places)), dtype=np.int64)
    for noise, partner in zip(batch.noises, partners, strict=True):
        down, right = noise.integers(-distance, distance, (2, len(places)))
        partner[:] = places + down * width + right
        if swap:
            passed_over = noise.random(len(places), dtype=np.float32) < 0.5
            partner[passed_over] = places[passed_over]
    # Pixels in the first axis: one step of all images is then one row.
    order = np.repeat(np.arange(height * width)[:, None], count, axis=1)
    flat = order.reshape(-1)
    images = np.arange(count)
    for place, partner in zip(places, partners.T * count + images, strict=True):
        taken = flat[partner]
        if swap:
            flat[partner] = order[place]
        order[place] = taken
    return np.ascontiguousarray(order.T)


def motion_blur(batch: Batch, radius: float, deviation: float) -> UInt8Array:
    """Blur along a direction drawn between -45 and 45 degrees from the horizontal."""
    angles = np.array([noise.uniform(-45, 45) for noise in batch.noises])
    return to_bytes(streaked(batch.values, angles, radius * batch.scale, deviation * batch.scale))


def streaked(
    values: Float32Array, angles: Float64Array, radius: float, deviation: float
) -> Float32Array:
    """Blur each image along its own direction, as ImageMagick's ``-motion-blur`` does.

    Args:
        values: float32 [n, H, W, C].
        angles: float64 [n], in degrees, clockwise from the right.
        radius: half the number of pixels that are averaged.
        deviation: of the half Gaussian of their weights, in pixels.

    Returns:
        float32 [n, H, W, C]; border pixels repeat outside the image.
    """
    weights = motion_weights(radius, deviation)
    height, width = values.shape[1:3]
    steps = np.arange(len(weights))
    turns = np.deg2rad(angles)[:, None]
    down = np.ceil(steps * np.sin(turns) - 0.5).astype(np.int64)
    right = np.ceil(steps * np.cos(turns) - 0.5).astype(np.int64)
    reach = len(weights)
    padded = np.pad(values, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    result = np.empty_like(values)
    starts = np.stack([down, right], axis=2) + reach
    for image, target, places in zip(padded, result, starts.tolist(), strict=True):
        total = np.zeros_like(target)
        for weight, (top, left) in zip(weights, places, strict=True):
            total += weight * image[top : top + height, left : left + width]
        target[...] = total
    return result


def motion_weights(radius: float, deviation: float) -> Float32Array:
    """Return the weights of the pixels 0, 1, 2, … along the motion, which sum to 1."""
    weights = np.exp(-0.5 * (np.arange(2 * np.ceil(radius) + 1) / deviation) ** 2)
    weights /= weights.sum()
    weights = weights[weights > _LEAST_WEIGHT]
    kept: Float32Array = (weights / weights.sum()).astype(np.float32)
    return kept


def zoom_blur(batch: Batch, steps: int, percent: int = 1) -> UInt8Array:
    """Average the image with itself enlarged ``steps`` times: by 1, 1.01, 1.02, … at 1 percent."""
    values = batch.values
    total = values.copy()
    for step in range(steps):
        total += enlarged(values, 1 + percent * step / 100, batch.size)
    return to_bytes(total / np.float32(steps + 1))


def enlarged(values: Float32Array, factor: float, size: tuple[int, int]) -> Float32Array:
    """Enlarge the middle of each image until it fills ``size``, bilinearly.

    Of each side, ceil(side / factor) pixels are spread over round(factor times that), halves to the
    even number as scipy.ndimage.zoom rounds them, the first on the first and the last on the last,
    and the middle of the result is kept.

    Args:
        values: float32 [n, h, w, C], whole images, or their middles of at least that size.
        factor: 1 or more.
        size: height and width of the result.

    Returns:
        float32 [n, height, width, C].
    """
    for axis, side in enumerate(size, 1):
        kept = int(np.ceil(side / factor))
        spread = round(kept * factor)
        first = (values.shape[axis] - kept) // 2
        place = (np.arange(side) + (spread - side) // 2) * ((kept - 1) / max(spread - 1, 1))
        below = place.astype(np.int64)
        above = np.minimum(below + 1, kept - 1)
        share = (place - below).astype(np.float32)
        share = share.reshape([-1 if axis == other else 1 for other in range(4)])
        values = (1 - share) * values.take(first + below, axis) + share * values.take(
            first + above, axis
        )
    return values
