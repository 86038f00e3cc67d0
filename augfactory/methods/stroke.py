"""Stroke: make the strokes of a drawing thicker or thinner, by parts of a pixel.

Source:  dilation and erosion of grey images, Serra 1982, "Image analysis and mathematical
         morphology", chapter XII, by discs: at 1 pixel the middle and its four neighbours.
Differs: between whole pixels, the two nearest results are blended in proportion.
Labels:  unchanged; each image is its only parent.
Avoid:   photographs and textures, whose details all grow or vanish; strokes that are no wider than
         twice what they shrink by, for they break or go; drawings in which the width of a line
         decides the class.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays.morphology import dilated, eroded
from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import UInt8Array


class StrokeParameters(BaseModel):
    """How far bright parts may grow and shrink; on a bright ground, that is the ground."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    grow: float = Field(
        default=1.0, ge=0, le=8, description="bright parts grow by up to so many pixels all around"
    )
    shrink: float = Field(
        default=1.0,
        ge=0,
        le=8,
        description="bright parts shrink by up to so many pixels all around: dark strokes grow",
    )


def draw(parameters: StrokeParameters, slots: Slots) -> Draws:
    """Draw by how many pixels bright parts grow, negative where they shrink."""
    return slots.own.uniform(-parameters.shrink, parameters.grow, (len(slots), 1))


def apply(parameters: StrokeParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Let strokes of each image uint8 [n, 1, H, W, C] grow or shrink, to uint8 [n, H, W, C]."""
    del parameters
    result = np.empty_like(images[:, 0])
    for image, amount, target in zip(images[:, 0], draws[:, 0].tolist(), result, strict=True):
        grown = dilated if amount > 0 else eroded
        whole, part = divmod(abs(amount), 1)
        near = grown(image, int(whole))
        far = grown(image, int(whole) + 1)
        target[:] = np.rint((1 - part) * near + part * far)
    return result


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
