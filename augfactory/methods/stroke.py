"""Stroke: make the strokes of a drawing thicker or thinner, by parts of a pixel.

Source:  dilation and erosion of grey images, Serra 1982, "Image analysis and mathematical
         morphology", chapter XII, by discs: at 1 pixel the middle and its four neighbours.
Differs: between whole pixels, the two nearest results are blended in proportion. The ground is
         bright where the median of the image's outermost pixels is 128 or more, and dark elsewhere;
         strokes are what is not like it.
Labels:  unchanged; each image is its only parent.
Avoid:   photographs and textures, whose details all grow or vanish; strokes that are no wider than
         twice what they may lose, for they break; drawings in which the width of a line decides the
         class.
"""

import math

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays.morphology import dilated, eroded
from augfactory.arrays.warps import border_colours
from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import Int64Array, UInt8Array

BLENDED_AT_ONCE = 2**15  # values: more leave the processor's cache


class StrokeParameters(BaseModel):
    """The defaults leave strokes of 28 × 28 digits whole, which are two to four pixels wide."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    thicker: float = Field(
        default=1.0, ge=0, le=8, description="strokes gain up to so many pixels all around"
    )
    thinner: float = Field(
        default=0.5, ge=0, le=8, description="strokes lose up to so many pixels all around"
    )


def draw(parameters: StrokeParameters, slots: Slots) -> Draws:
    """Draw how many pixels strokes gain all around, negative where they lose some."""
    return slots.own.uniform(-parameters.thinner, parameters.thicker, (len(slots), 1))


def apply(parameters: StrokeParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Let strokes of each image uint8 [n, 1, H, W, C] gain or lose, to uint8 [n, H, W, C]."""
    del parameters
    originals = images[:, 0]
    brightens = (draws[:, 0] > 0) != _on_bright_ground(originals)
    whole, part = np.divmod(np.abs(draws[:, 0]), 1)
    result = np.empty_like(originals)
    at_once = max(1, BLENDED_AT_ONCE // math.prod(originals.shape[1:]))
    for start in range(0, len(originals), at_once):
        rows = slice(start, start + at_once)
        near, far = _spread(originals[rows], brightens[rows], whole[rows].astype(int))
        share = part[rows, None, None, None]
        result[rows] = np.rint((1 - share) * near + share * far)
    return result


def _spread(
    images: UInt8Array, brightens: npt.NDArray[np.bool_], radii: Int64Array
) -> tuple[UInt8Array, UInt8Array]:
    """Return images whose bright or dark parts grew by their radius, and by one pixel more."""
    near, far = images.copy(), np.empty_like(images)
    for number, radius in enumerate(radii.tolist()):
        spread = dilated if brightens[number] else eroded
        far[number] = spread(images[number], radius + 1)
        if radius:  # within 0 pixels there is nothing but the pixel itself
            near[number] = spread(images[number], radius)
    return near, far


def _on_bright_ground(images: UInt8Array) -> npt.NDArray[np.bool_]:
    """Say for each image whether its border is bright, over all channels: bool [n]."""
    ground = border_colours(images).astype(np.int64)
    bright: npt.NDArray[np.bool_] = ground.sum(axis=1) >= 128 * images.shape[3]
    return bright


METHOD = Method(
    name="stroke",
    version=1,
    parameters=StrokeParameters,
    parents=lambda parameters: 1,
    fields=lambda parameters: ("amount",),
    draw=draw,
    weights=only_parent,
    apply=apply,
)
