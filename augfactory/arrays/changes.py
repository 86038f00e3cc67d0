"""Fourteen changes to an image, each of a strength from 0 to 1, which policies draw from.

They are the operations of RandAugment (Cubuk et al. 2020, arXiv:1909.13719, section 3); what
strength 1 means is the policy's own, and stands in a ``Reach``. Pixels are those of ``colour`` and
``warps``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augfactory.arrays import colour, warps
from augfactory.records import UInt8Array

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reach:
    """What a change of strength 1 does.

    Attributes:
        shear: pixels moved for each pixel of the other direction.
        translate: the way, as a share of the side; whole pixels, cut off.
        rotate: the angle in degrees.
        blend: how far from 1 the factor of brightness, colour, contrast and sharpness is.
        bits: how many of a value's eight bits posterizing takes away.
        fill_value: the grey level, 0 to 255, that comes in from outside where ``fill`` is constant.
        fill: what comes in from outside the image; see ``warps.outside``.
    """

    shear: float
    translate: float
    rotate: float
    blend: float
    bits: int
    fill_value: int
    fill: warps.FillOrBorder = "constant"


# (images, strength 0 to 1, sign -1 or 1, what strength 1 means) -> images.
Change = Callable[[UInt8Array, Numbers, Numbers, Reach], UInt8Array]


def changed(
    images: UInt8Array, number: Numbers, strength: Numbers, sign: Numbers, reach: Reach
) -> UInt8Array:
    """Change each image once.

    Args:
        images: uint8 [n, H, W, C], C 1 or 3; they stay as they are.
        number: float64 [n], the place of each image's change in ``CHANGES``.
        strength: float64 [n], 0 to 1.
        sign: float64 [n], -1 or 1: which way, where a change has two.
        reach: what strength 1 means.

    Returns:
        uint8 [n, H, W, C].
    """
    result = images.copy()
    for place, change in enumerate(CHANGES.values()):
        rows = np.flatnonzero(number == place)
        if len(rows):
            result[rows] = change(result[rows], strength[rows], sign[rows], reach)
    return result


# By the number that stands in the draws of the methods.
CHANGES: dict[str, Change] = {
    "identity": lambda images, strength, sign, reach: images,
    "shear_x": lambda images, strength, sign, reach: warps.sheared(
        images, sign * strength * reach.shear, reach.fill_value, 1, reach.fill
    ),
    "shear_y": lambda images, strength, sign, reach: warps.sheared(
        images, sign * strength * reach.shear, reach.fill_value, 0, reach.fill
    ),
    "translate_x": lambda images, strength, sign, reach: warps.translated(
        images,
        np.trunc(sign * strength * reach.translate * images.shape[2]),
        reach.fill_value,
        1,
        reach.fill,
    ),
    "translate_y": lambda images, strength, sign, reach: warps.translated(
        images,
        np.trunc(sign * strength * reach.translate * images.shape[1]),
        reach.fill_value,
        0,
        reach.fill,
    ),
    "rotate": lambda images, strength, sign, reach: warps.rotated(
        images, sign * strength * reach.rotate, reach.fill_value, reach.fill
    ),
    "brightness": lambda images, strength, sign, reach: colour.brightness(
        images, 1 + sign * strength * reach.blend
    ),
    "color": lambda images, strength, sign, reach: colour.color(
        images, 1 + sign * strength * reach.blend
    ),
    "contrast": lambda images, strength, sign, reach: colour.contrast(
        images, 1 + sign * strength * reach.blend
    ),
    "sharpness": lambda images, strength, sign, reach: colour.sharpness(
        images, 1 + sign * strength * reach.blend
    ),
    "posterize": lambda images, strength, sign, reach: colour.posterize(
        images, 8 - np.rint(reach.bits * strength)
    ),
    "solarize": lambda images, strength, sign, reach: colour.solarize(images, 255 - 255 * strength),
    "autocontrast": lambda images, strength, sign, reach: colour.autocontrast(images),
    "equalize": lambda images, strength, sign, reach: colour.equalize(images),
}
