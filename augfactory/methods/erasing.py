"""Erasing: cover one box of an image with one colour.

Source:  Zhong et al. 2017, arXiv:1708.04896, algorithm 1, the box in one colour drawn at random.
Differs: every row is erased, since a recipe says how many rows there are; the box has whole pixels,
         is never empty, and never the whole image but where that has a single pixel.
Labels:  unchanged; each image is its only parent.
Avoid:   where a small detail decides the class, since the box may cover it.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import UInt8Array


class ErasingParameters(BaseModel):
    """The defaults are the authors'."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    smallest: float = Field(
        default=0.02, gt=0, le=1, description="least share of the image that the box covers"
    )
    largest: float = Field(
        default=0.4, gt=0, le=1, description="greatest share of the image that the box covers"
    )
    aspect: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="height over width of the box is drawn from this to its inverse",
    )

    @model_validator(mode="after")
    def _in_order(self) -> "ErasingParameters":
        if self.smallest > self.largest:
            raise ValueError("smallest is above largest")
        return self


def draw(parameters: ErasingParameters, slots: Slots) -> Draws:
    """Draw a box and the grey levels of its three channels for each row."""
    height, width, _ = slots.image_shape
    generator, count = slots.own, len(slots)
    area = generator.uniform(parameters.smallest, parameters.largest, count) * height * width
    steepest = abs(np.log(parameters.aspect))
    # Uniform in the logarithm, so that a box is as often high as it is wide.
    ratio = np.exp(generator.uniform(-steepest, steepest, count))
    sides = np.rint(np.sqrt(np.stack([area * ratio, area / ratio], axis=1)))
    sides = np.clip(sides, 1, (height, width))
    whole = (sides == (height, width)).all(axis=1) & (height * width > 1)
    longer = 0 if height > 1 else 1
    sides[whole, longer] -= 1
    start = np.floor(generator.random((count, 2)) * ((height, width) - sides + 1))
    levels = generator.integers(0, 256, (count, 3))
    return np.concatenate([start, start + sides, levels], axis=1).astype(np.float64)


def apply(parameters: ErasingParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Cover the box of each image uint8 [n, 1, H, W, C], to uint8 [n, H, W, C]."""
    del parameters
    result = images[:, 0].copy()
    levels = draws[:, 4 : 4 + result.shape[3]].astype(np.uint8)
    for image, box, level in zip(result, draws[:, :4].astype(int).tolist(), levels, strict=True):
        top, left, bottom, right = box
        image[top:bottom, left:right] = level
    return result


METHOD = Method(
    name="erasing",
    version=1,
    parameters=ErasingParameters,
    parents=lambda parameters: 1,
    fields=lambda parameters: ("top", "left", "bottom", "right", "red", "green", "blue"),
    draw=draw,
    weights=only_parent,
    apply=apply,
)
