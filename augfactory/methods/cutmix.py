"""CutMix: replace one box of each image by the same box of a partner.

Source:  Yun et al. 2019, arXiv:1905.04899, section 3.1.
Differs: one box for each row, where the authors' code draws one for a batch. Sides are rounded to
         whole pixels, odd ones included, where the authors' are even and truncated: at 32 pixels
         and alpha 1 a box has 0.32 of the image on average, theirs 0.30. No image is pasted into
         itself. The draw is exact at any alpha. alpha 0 pastes nothing.
Labels:  mixed in proportion to the pixels that each of the two images has in the result, counted
         after the box is cut off at the border.
Avoid:   where a small detail decides the class, since the box may cover it.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays.boxes import areas, boxes_around, with_boxes_of
from augfactory.arrays.simplex import Concentration, beta_rows
from augfactory.methods.method import Draws, Method, Pairing, Slots
from augfactory.records import Float32Array, UInt8Array


class CutmixParameters(BaseModel):
    """The defaults are the authors'."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: Concentration = Field(
        default=1.0,
        description="the share of the image outside the box is drawn from Beta(alpha, alpha), "
        "before the border cuts the box; 0 or 0.000001 to 1000000",
    )
    pairing: Pairing = Field(
        default="any",
        description="where the partner comes from: any image, the same class, any other class, "
        "or a class drawn first, each as likely (balanced)",
    )


def draw(parameters: CutmixParameters, slots: Slots) -> Draws:
    """Draw a box of the image's aspect ratio around a uniform centre, cut off at the border."""
    height, width, _ = slots.image_shape
    generator = slots.own
    side = np.sqrt(1 - beta_rows(parameters.alpha, len(slots), generator))
    sides = np.rint(side[:, None] * (height, width)).astype(np.int64)
    centres = generator.integers(0, (height, width), (len(slots), 2))
    return boxes_around(centres, sides, height, width).astype(np.float64)


def weights(
    parameters: CutmixParameters, draws: Draws, image_shape: tuple[int, int, int]
) -> Float32Array:
    """Return the share of the pixels outside and inside the box."""
    del parameters
    pixels = image_shape[0] * image_shape[1]
    pasted = areas(draws.astype(np.int64))
    return (np.stack([pixels - pasted, pasted], axis=1) / pixels).astype(np.float32)


def cutmix(parameters: CutmixParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Paste the box of the second parent into the first."""
    del parameters
    return with_boxes_of(images[:, 0], images[:, 1], draws.astype(np.int64))


METHOD = Method(
    name="cutmix",
    version=1,
    parameters=CutmixParameters,
    parents=lambda _: 2,
    fields=lambda _: ("top", "left", "bottom", "right"),
    draw=draw,
    weights=weights,
    apply=cutmix,
    pairing=lambda parameters: parameters.pairing,
)
