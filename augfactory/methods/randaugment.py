"""RandAugment: a few changes to each image in turn, of any kind, all of one strength.

Source:  Cubuk et al. 2020, arXiv:1909.13719, section 3, as torchvision has it: fourteen operations,
         each as likely every time, and a magnitude from 0 to 30.
Differs: translations reach 0.45 of the side, where torchvision's reach 150/331; between the border
         and the outside, samples blend the two. Which way a change goes is drawn, its strength is
         not: the magnitude says it for all rows.
Labels:  unchanged; each image is its only parent.
Avoid:   where a colour or an angle decides the class, at high magnitudes: at 30, turns reach 30
         degrees, and values become their negatives.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays.changes import CHANGES, Reach, changed
from augfactory.arrays.warps import LARGEST_SIDE, FillOrBorder
from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import UInt8Array

MAGNITUDES = 30  # beside 0
BITS = 4  # that posterizing takes away at most


class RandaugmentParameters(BaseModel):
    """The defaults are torchvision's, but for the translation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    operations: int = Field(default=2, ge=1, le=16, description="how many changes, one by one")
    magnitude: int = Field(
        default=9, ge=0, le=MAGNITUDES, description="strength of every change; 30 is the strongest"
    )
    shear: float = Field(
        default=0.3, ge=0, le=2, description="at magnitude 30: pixels moved for each pixel"
    )
    translate: float = Field(
        default=0.45, ge=0, le=1, description="at magnitude 30: a move, as a share of the side"
    )
    rotate: float = Field(
        default=30.0, ge=0, le=180, description="at magnitude 30: a turn, in degrees"
    )
    blend: float = Field(
        default=0.9,
        ge=0,
        le=0.99,
        description="at magnitude 30: change of brightness, colour, contrast and sharpness, either "
        "way",
    )
    fill_value: int = Field(
        default=0, ge=0, le=255, description="the grey level that fill constant uses"
    )
    fill: FillOrBorder = Field(
        default="constant",
        exclude_if=lambda fill: fill == "constant",
        description="what comes in from outside; border: the median of the outermost pixels",
    )


def fields(parameters: RandaugmentParameters) -> tuple[str, ...]:
    """Name the numbers of a row: every operation, then every sign."""
    steps = range(parameters.operations)
    return (*(f"operation_{step}" for step in steps), *(f"sign_{step}" for step in steps))


def draw(parameters: RandaugmentParameters, slots: Slots) -> Draws:
    """Draw an operation and a sign for every change of each row."""
    generator, each = slots.own, (len(slots), parameters.operations)
    return np.concatenate(
        [generator.integers(len(CHANGES), size=each), generator.choice([-1, 1], each)], axis=1
    ).astype(np.float64)


def apply(parameters: RandaugmentParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Change each image uint8 [n, 1, H, W, C] as often as asked, to uint8 [n, H, W, C]."""
    reach = Reach(**parameters.model_dump(exclude={"operations", "magnitude"}), bits=BITS)
    strength = np.full(len(draws), parameters.magnitude / MAGNITUDES)
    result = images[:, 0]
    for step in range(parameters.operations):
        number, sign = draws[:, step], draws[:, parameters.operations + step]
        result = changed(result, number, strength, sign, reach)
    return result


METHOD = Method(
    name="randaugment",
    version=1,
    parameters=RandaugmentParameters,
    parents=lambda parameters: 1,
    fields=fields,
    draw=draw,
    weights=only_parent,
    apply=apply,
    largest_side=LARGEST_SIDE,
)
