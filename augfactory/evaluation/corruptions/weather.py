"""Weather: fog, frost, snow, and mud on the lens."""

from functools import lru_cache
from itertools import islice

import cv2
import numpy as np

from augfactory.evaluation.corruptions.batch import Batch, to_bytes
from augfactory.evaluation.corruptions.blur import enlarged, smoothed, streaked
from augfactory.evaluation.corruptions.fractal import clouds
from augfactory.keyed_random import generator
from augfactory.records import Float32Array, UInt8Array

MUD = 63 / 255
# (mean, deviation) of each of the five published photographs, and how bright red, green and blue
# are in them, beside their mean.
FROST_LEVELS = ((0.513, 0.170), (0.811, 0.089), (0.811, 0.089), (0.597, 0.123), (0.484, 0.173))
FROST_TINT = (0.885, 1.016, 1.093)
FROST_GRAIN = 0.2  # of the variance
FROST_SIDE = 256
_CLOUD_VALUES_AT_ONCE = 2**18  # so many stay in the processor's cache


def fog(batch: Batch, strength: float, decay: float, side: int) -> UInt8Array:
    """Add clouds, and darken so that no image becomes brighter than its brightest value.

    ``side``, a power of two, is that of the map of which the upper left corner is used.
    """
    noises = iter(batch.noises)
    cloud = np.empty((*batch.images.shape[:3], 1), dtype=np.float32)
    at_once = max(1, _CLOUD_VALUES_AT_ONCE // side**2)
    for first in range(0, len(cloud), at_once):
        drawn = clouds(list(islice(noises, at_once)), side, decay)
        for target, height_map in zip(cloud[first : first + at_once], drawn, strict=True):
            target[...] = _piece(height_map[..., None], 0, 0, batch)
    values = batch.values
    brightest = values.max(axis=(1, 2, 3), keepdims=True)
    mixed = (values + np.float32(strength) * cloud) * brightest
    return to_bytes(mixed / (brightest + np.float32(strength)))


def frost(batch: Batch, share: float, strength: float, coarse: float = 1) -> UInt8Array:
    """Add ``strength`` times a piece of a picture of frost to ``share`` times the image.

    ``coarse`` is by how much the picture is enlarged.
    """
    channels = batch.images.shape[3]
    added = np.empty(batch.images.shape, dtype=np.float32)
    for target, noise in zip(added, batch.noises, strict=True):
        picture = frost_picture(int(noise.integers(len(FROST_LEVELS))), channels)
        top, left = noise.integers(FROST_SIDE, size=2)
        target[...] = _piece(picture, top, left, batch, coarse)
    return to_bytes(np.float32(share) * batch.values + np.float32(strength) * added)


def _piece(
    texture: Float32Array, top: int, left: int, batch: Batch, coarse: float = 1
) -> Float32Array:
    """Cut [H, W, C] for one image of the batch from a texture that goes on at its borders.

    For larger images a piece as for small ones is enlarged, by ``coarse`` more.
    """
    height, width = batch.size
    scale = batch.scale * coarse
    rows, columns = (np.arange(np.ceil(side / scale), dtype=np.int64) for side in batch.size)
    rows, columns = (top + rows[:, None]) % len(texture), (left + columns) % len(texture[0])
    piece: Float32Array = texture[rows, columns]
    if scale > 1:
        piece = cv2.resize(piece, (width, height)).reshape(height, width, -1).astype(np.float32)
    return piece


@lru_cache(maxsize=2 * len(FROST_LEVELS))
def frost_picture(number: int, channels: int) -> Float32Array:
    """Draw a texture of ice needles, rime and grain: float32 [256, 256, channels] in [0, 1].

    It goes on at the opposite border. Three channels are tinted a little blue.

    Mean, deviation and tint are those of the published photographs, which are not redistributed,
    when they are shrunk as for CIFAR-10-C. That leaves grain in them, whose share here was chosen
    among six so that classifiers err as often as with the photographs (docs/experiments.md).
    """
    noise = generator("frost", number)
    side = FROST_SIDE
    rime, patches = clouds([noise, noise], side, 1.5)
    turn = noise.uniform(0, np.pi)
    needles = np.zeros((side, side), dtype=np.float32)
    for branch in range(3):  # ice crystals branch at 60 degrees
        kernel = _needle(turn + branch * np.pi / 3)
        half = len(kernel) // 2
        seeds = noise.random((side, side), dtype=np.float32)
        seeds = np.where(seeds > 0.985, (seeds - 0.985) / 0.015, np.float32(0))
        seeds = np.pad(seeds, half, mode="wrap")
        drawn = cv2.filter2D(seeds, cv2.CV_32F, kernel)
        needles += drawn[half:-half, half:-half]
    ice = _standard((0.2 + 0.7 * rime * rime + 1.1 * needles * patches).clip(0, 1))
    grain = noise.standard_normal((side, side), dtype=np.float32)
    ice = _standard(np.sqrt(1 - FROST_GRAIN) * ice + np.sqrt(FROST_GRAIN) * grain)
    mean, deviation = FROST_LEVELS[number]
    tint = np.array(FROST_TINT if channels == 3 else (1.0,))
    picture: Float32Array = (mean + deviation * ice)[..., None] * tint
    picture = picture.clip(0, 1).astype(np.float32)
    picture.setflags(write=False)
    return picture


def _standard(values: Float32Array) -> Float32Array:
    """Return values of mean 0 and deviation 1."""
    standard: Float32Array = (values - values.mean()) / values.std()
    return standard


def _needle(angle: float) -> Float32Array:
    """Return a kernel with a line through its middle, 1 there and fainter towards its ends."""
    down, right = np.mgrid[-9:10, -9:10]
    along = down * np.sin(angle) + right * np.cos(angle)
    across = down * np.cos(angle) - right * np.sin(angle)
    kernel: Float32Array = np.exp(-0.5 * ((along / 3.5) ** 2 + (across / 0.6) ** 2)).astype(
        np.float32
    )
    return kernel


def snow(
    batch: Batch,
    mean: float,
    deviation: float,
    flake: float,
    threshold: float,
    radius: float,
    streak: float,
    share: float,
) -> UInt8Array:
    """Whiten the image and let flakes fall on it, in streaks and their mirror image.

    Args:
        batch: the images.
        mean: of the normal noise that becomes flakes.
        deviation: of that noise.
        flake: by how much the noise is enlarged.
        threshold: below which noise is no flake.
        radius: of the motion blur, in pixels.
        streak: the standard deviation of the motion blur, in pixels.
        share: of the image; the rest is whitened.
    """
    height, width = batch.size
    flake = flake * batch.scale
    drawn = int(np.ceil(height / flake)), int(np.ceil(width / flake)), 1
    layer = np.empty((len(batch.images), *drawn), dtype=np.float32)
    angles = np.empty(len(layer))
    for row, noise in enumerate(batch.noises):
        noise.standard_normal(dtype=np.float32, out=layer[row])
        angles[row] = noise.uniform(-135, -45)
    layer = np.float32(mean) + np.float32(deviation) * layer
    layer = enlarged(layer, flake, batch.size)
    layer[layer < threshold] = 0
    layer = streaked(layer.clip(0, 1), angles, radius * batch.scale, streak * batch.scale)
    values = batch.values
    whitened = np.maximum(values, batch.luma[..., None] * np.float32(1.5) + np.float32(0.5))
    values = np.float32(share) * values + np.float32(1 - share) * whitened
    return to_bytes(values + layer + layer[:, ::-1, ::-1])


def spatter(
    batch: Batch,
    mean: float,
    deviation: float,
    drop: float,
    threshold: float,
    softness: float,
) -> UInt8Array:
    """Throw mud at the lens.

    Args:
        batch: the images.
        mean: of the normal noise that becomes drops.
        deviation: of that noise.
        drop: by how many pixels it is smoothed.
        threshold: above which the smoothed noise is mud.
        softness: by how many pixels the drops are smoothed; their faint borders are cut off.
    """
    shape = (*batch.size, 1)
    drawn = [noise.standard_normal(shape, dtype=np.float32) for noise in batch.noises]
    liquid = np.float32(mean) + np.float32(deviation) * np.stack(drawn)
    liquid = smoothed(liquid, drop * batch.scale)
    mud = smoothed((liquid > threshold).astype(np.float32), softness * batch.scale)
    mud[mud < 0.8] = 0
    return to_bytes(batch.values * (1 - mud) + np.float32(MUD) * mud)
