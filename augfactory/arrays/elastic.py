"""Elastic displacements: smooth random fields, which bend an image when it is warped by them."""

import functools

import cv2
import numpy as np

from augfactory.records import Float64Array

_KERNEL_RADIUS = 3  # in standard deviations; beyond it lie 0.3 % of a Gaussian


def elastic_displacement(
    noise: np.random.Generator, height: int, width: int, alpha: float, sigma: float
) -> Float64Array:
    """Return a smooth random displacement field, float64 [2, H, W], (down, right) in pixels.

    Uniform noise in [-1, 1] per pixel and direction, smoothed by a Gaussian of ``sigma`` pixels,
    times ``alpha`` (Simard et al. 2003, section 2). With sigma of 1 or more, the root mean square
    in each direction is alpha / (sigma sqrt(12 pi)) pixels. The noise reaches beyond the border,
    so that the field is as strong there as anywhere.
    """
    radius, kernel = _kernel(alpha, sigma)
    field = noise.random((2, height + 2 * radius, width + 2 * radius))
    field *= 2  # together what uniform(-1, 1) gives, to the last bit, in less time
    field -= 1
    result, smooth = np.empty((2, height, width)), np.empty(field.shape[1:])
    for own, part in zip(result, field, strict=True):
        cv2.sepFilter2D(part, cv2.CV_64F, kernel, kernel, smooth)
        own[...] = smooth[radius : radius + height, radius : radius + width]
    return result


@functools.lru_cache(maxsize=64)  # one for each strength; images of many sizes may have many
def _kernel(alpha: float, sigma: float) -> tuple[int, Float64Array]:
    """Return (radius, float64 [2 radius + 1]), a Gaussian whose values add up to sqrt(alpha)."""
    radius = int(np.ceil(_KERNEL_RADIUS * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel *= np.sqrt(alpha) / kernel.sum()
    kernel.flags.writeable = False
    return radius, kernel
