"""Images to corrupt: the bundled digits, and coloured ones made of them that are not square."""

from functools import cache

import numpy as np

from augfactory.evaluation.corruptions.batch import Batch
from augfactory.keyed_random import generator
from augfactory.records import SourceSpec, UInt8Array
from augfactory.sources.opening import open_source


@cache
def digits(count: int) -> UInt8Array:
    """Return uint8 [count, 28, 28, 1], white on black."""
    source = open_source(SourceSpec("sample:train"))
    return _fixed(source.read_images(np.arange(count)))


@cache
def photos(count: int) -> UInt8Array:
    """Return uint8 [count, 32, 36, 3]: three digits, one in each channel, on a grey slope."""
    white = digits(count + 2).astype(np.float64)[..., 0]
    colours = np.stack([white[:-2], white[1:-1], white[2:]], axis=3)
    ground = np.full((count, 32, 36, 3), 90.0) + np.arange(36)[:, None] * [1.5, 0.5, -1]
    ground[:, 2:30, 4:32] += 0.4 * colours
    return _fixed(np.rint(ground).astype(np.uint8))


def flat(value: int, count: int = 4, size: tuple[int, int] = (40, 33)) -> UInt8Array:
    """Return uint8 [count, *size, 3] of one value."""
    return _fixed(np.full((count, *size, 3), value, dtype=np.uint8))


def batch(images: UInt8Array, scale: float = 1.0, key: str = "test") -> Batch:
    """Return what a corruption is given; the noise of image i is generator(key, i)."""
    noises = (generator(key, row) for row in range(len(images)))
    return Batch(images, noises, scale)


def _fixed(images: UInt8Array) -> UInt8Array:
    images.setflags(write=False)
    return images
