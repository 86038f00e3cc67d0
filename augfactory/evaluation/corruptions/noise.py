"""Noise, drawn anew for each pixel and channel whatever the image's size."""

import numpy as np

from augfactory.evaluation.corruptions.batch import Batch, to_bytes
from augfactory.records import UInt8Array


def gaussian_noise(batch: Batch, deviation: float) -> UInt8Array:
    """Add normal noise of a standard ``deviation`` in [0, 1]."""
    values = batch.values
    added = np.empty_like(values)
    for target, noise in zip(added, batch.noises, strict=True):
        noise.standard_normal(dtype=np.float32, out=target)
    return to_bytes(values + np.float32(deviation) * added)


def shot_noise(batch: Batch, photons: float) -> UInt8Array:
    """Count photons, of which a white pixel receives ``photons`` on average: Poisson noise."""
    result = np.empty_like(batch.images)
    for image, noise, target in zip(batch.images, batch.noises, result, strict=True):
        counts = noise.poisson(image * (photons / 255))
        target[...] = to_bytes((counts / photons).astype(np.float32))
    return result


def impulse_noise(batch: Batch, amount: float) -> UInt8Array:
    """Turn the share ``amount`` of the values to 0 or 255, half of them to each."""
    result = batch.images.copy()
    for image, noise in zip(result, batch.noises, strict=True):
        chance = noise.random(image.shape, dtype=np.float32)
        image[chance < amount / 2] = 0
        image[chance >= 1 - amount / 2] = 255
    return result
