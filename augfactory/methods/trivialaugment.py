"""TrivialAugment: one change to each image, of any kind and any strength.

Source:  Müller and Hutter 2021, arXiv:2103.10158, the wide space (table 1), as torchvision has it.
Differs: translations reach a share of the side, where theirs reach 32 pixels whatever the size;
         between the border and the outside, samples blend the two; the strength is drawn from
         0, 1/30, … 1.
Labels:  unchanged; each image is its only parent.
Avoid:   where a colour or an angle decides the class: turns reach 135 degrees, and colours may
         become their negatives.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays import colour, warps
from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import UInt8Array

Numbers = npt.NDArray[np.float64]
# (images, strength 0 to 1, sign -1 or 1, parameters) -> images.
Operation = Callable[[UInt8Array, Numbers, Numbers, "TrivialaugmentParameters"], UInt8Array]
STRENGTHS = 30  # beside 0


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
        default=0, ge=0, le=255, description="the grey level that comes in from outside the image"
    )


def draw(parameters: TrivialaugmentParameters, slots: Slots) -> Draws:
    """Draw an operation, a strength and a sign for each row."""
    del parameters
    generator, count = slots.own, len(slots)
    return np.stack(
        [
            generator.integers(len(OPERATIONS), size=count),
            generator.integers(STRENGTHS, size=count, endpoint=True) / STRENGTHS,
            generator.choice([-1, 1], count),
        ],
        axis=1,
    ).astype(np.float64)


def apply(parameters: TrivialaugmentParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Change each image uint8 [n, 1, H, W, C] once, to uint8 [n, H, W, C]."""
    result = images[:, 0].copy()
    for number, change in enumerate(OPERATIONS.values()):
        rows = np.flatnonzero(draws[:, 0] == number)
        if len(rows):
            result[rows] = change(result[rows], draws[rows, 1], draws[rows, 2], parameters)
    return result


# By the number that stands in the draws.
OPERATIONS: dict[str, Operation] = {
    "identity": lambda images, strength, sign, own: images,
    "shear_x": lambda images, strength, sign, own: warps.sheared(
        images, sign * strength * own.shear, own.fill_value, 1
    ),
    "shear_y": lambda images, strength, sign, own: warps.sheared(
        images, sign * strength * own.shear, own.fill_value, 0
    ),
    "translate_x": lambda images, strength, sign, own: warps.translated(
        images, np.trunc(sign * strength * own.translate * images.shape[2]), own.fill_value, 1
    ),
    "translate_y": lambda images, strength, sign, own: warps.translated(
        images, np.trunc(sign * strength * own.translate * images.shape[1]), own.fill_value, 0
    ),
    "rotate": lambda images, strength, sign, own: warps.rotated(
        images, sign * strength * own.rotate, own.fill_value
    ),
    "brightness": lambda images, strength, sign, own: colour.brightness(
        images, 1 + sign * strength * own.blend
    ),
    "color": lambda images, strength, sign, own: colour.color(
        images, 1 + sign * strength * own.blend
    ),
    "contrast": lambda images, strength, sign, own: colour.contrast(
        images, 1 + sign * strength * own.blend
    ),
    "sharpness": lambda images, strength, sign, own: colour.sharpness(
        images, 1 + sign * strength * own.blend
    ),
    "posterize": lambda images, strength, sign, own: colour.posterize(
        images, 8 - np.rint(6 * strength)
    ),
    "solarize": lambda images, strength, sign, own: colour.solarize(images, 255 - 255 * strength),
    "autocontrast": lambda images, strength, sign, own: colour.autocontrast(images),
    "equalize": lambda images, strength, sign, own: colour.equalize(images),
}


METHOD = Method(
    name="trivialaugment",
    version=1,
    parameters=TrivialaugmentParameters,
    parents=lambda parameters: 1,
    fields=lambda parameters: ("operation", "strength", "sign"),
    draw=draw,
    weights=only_parent,
    apply=apply,
    largest_side=warps.LARGEST_SIDE,
)
