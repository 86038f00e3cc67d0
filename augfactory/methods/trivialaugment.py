"""TrivialAugment: one change to each image, of any kind and any strength.

Source:  Müller and Hutter 2021, arXiv:2103.10158, the wide space (table 1), as torchvision has it.
Differs: translations reach a share of the side, where theirs reach 32 pixels whatever the size;
         between the border and the outside, samples blend the two; the strength is drawn from
         0, 1/30, … 1.
Labels:  unchanged; each image is its only parent.
Avoid:   where a colour or an angle decides the class: turns reach 135 degrees, and colours may
         become their negatives.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays.changes import CHANGES, Reach, changed
from augfactory.arrays.warps import LARGEST_SIDE, FillOrBorder
from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import UInt8Array

STRENGTHS = 30  # beside 0
BITS = 6  # that posterizing takes away at most


class TrivialaugmentParameters(BaseModel):
    """The defaults are the authors', but for the translation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    shear: float = Field(default=0.99, ge=0, le=2, description="most pixels moved for each pixel")
    translate: float = Field(
        default=0.45, ge=0, le=1, description="farthest move, as a share of the side"
    )
    rotate: float = Field(default=135.0, ge=0, le=180, description="largest turn, in degrees")
    blend: float = Field(
        default=0.99,
        ge=0,
        le=0.99,
        description="most that brightness, colour, contrast and sharpness change, either way",
    )
    fill_value: int = Field(
        default=0, ge=0, le=255, description="the grey level that fill constant uses"
    )
    fill: FillOrBorder = Field(
        default="constant",
        exclude_if=lambda fill: fill == "constant",
        description="what comes in from outside; border: the median of the outermost pixels",
    )


def draw(parameters: TrivialaugmentParameters, slots: Slots) -> Draws:
    """Draw an operation, a strength and a sign for each row."""
    del parameters
    generator, count = slots.own, len(slots)
    return np.stack(
        [
            generator.integers(len(CHANGES), size=count),
            generator.integers(STRENGTHS, size=count, endpoint=True) / STRENGTHS,
            generator.choice([-1, 1], count),
        ],
        axis=1,
    ).astype(np.float64)


def apply(parameters: TrivialaugmentParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Change each image uint8 [n, 1, H, W, C] once, to uint8 [n, H, W, C]."""
    reach = Reach(**parameters.model_dump(), bits=BITS)
    number, strength, sign = draws.T
    return changed(images[:, 0], number, strength, sign, reach)


METHOD = Method(
    name="trivialaugment",
    version=1,
    parameters=TrivialaugmentParameters,
    parents=lambda parameters: 1,
    fields=lambda parameters: ("operation", "strength", "sign"),
    draw=draw,
    weights=only_parent,
    apply=apply,
    largest_side=LARGEST_SIDE,
)
