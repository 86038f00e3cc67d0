"""Crop: pad an image on every side and cut a piece of the old size out of it, at any place.

Source:  He et al. 2015, arXiv:1512.03385, section 4.2, for CIFAR-10: 4 pixels on each side, and a
         crop "from the padded image or its horizontal flip"; torchvision's RandomCrop.
Differs: pads by an eighth of each side, cut off to whole pixels, which is their 4 at 32; what comes
         in is the image reflected, where theirs is black. At least one row and one column of the
         image stay. It moves by whole pixels, so that nothing is interpolated, as it is in the
         shifts of geometry.
Labels:  unchanged; each image is its only parent.
Avoid:   flips where left and right tell classes apart, as with digits and letters; much padding
         where what decides the class lies at the border.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays.warps import LARGEST_SIDE, FillOrBorder, outside, warp
from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import UInt8Array

SHARE = 8  # of a side is padded on each end of it, if nothing is said


class CropParameters(BaseModel):
    """How far the piece may lie from the middle, and what comes in there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pad: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="pixels on each side; if left out, an eighth of the height and of the width, "
        "at least 1",
    )
    flip_horizontal: bool = Field(
        default=False, description="swap left and right in half of the rows as well"
    )
    fill: FillOrBorder = Field(
        default="reflect",
        description="what comes in from outside; border: the median of the outermost pixels",
    )
    fill_value: int = Field(
        default=0, ge=0, le=255, description="the grey level that fill constant uses"
    )


def draw(parameters: CropParameters, slots: Slots) -> Draws:
    """Draw whole pixels down and to the right, every place as likely, and a 0/1 flip."""
    generator, count = slots.own, len(slots)
    moves = []
    for side in slots.image_shape[:2]:
        pad = max(1, side // SHARE) if parameters.pad is None else parameters.pad
        pad = min(pad, side - 1)
        moves.append(generator.integers(-pad, pad, count, endpoint=True))
    flip = (generator.random(count) < 0.5) & parameters.flip_horizontal
    return np.stack([*moves, flip], axis=1).astype(np.float64)


def apply(parameters: CropParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Flip and move each image uint8 [n, 1, H, W, C], to uint8 [n, H, W, C]."""
    originals = images[:, 0]
    down, right, flip = draws.T
    # Where each pixel of the result comes from.
    matrices = np.zeros((len(draws), 2, 3))
    matrices[:, 0, 0] = 1
    matrices[:, 0, 2] = -down
    matrices[:, 1, 1] = 1 - 2 * flip
    matrices[:, 1, 2] = np.where(flip == 1, originals.shape[2] - 1 + right, -right)
    fill, colours = outside(originals, parameters.fill, parameters.fill_value)
    return warp(originals, matrices, fill, colours)


METHOD = Method(
    name="crop",
    version=1,
    parameters=CropParameters,
    parents=lambda parameters: 1,
    fields=lambda parameters: ("down", "right", "flip_horizontal"),
    draw=draw,
    weights=only_parent,
    apply=apply,
    largest_side=LARGEST_SIDE,
)
