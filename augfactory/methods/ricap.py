"""RICAP: crop four images and patch the crops together around a random point.

Source:  Takahashi et al. 2018, arXiv:1811.09030; batch or sample scope and the growing beta:
         koshian2/keras-ricap.
Differs: crops reach the last position (the second source's never do). In batch scope the boundary
         is shared and the crop positions are not (the authors' code shares both). The four images
         are four: no image is patched with itself, which both sources' permutations allow. The
         draw is exact at any beta; beta 0 keeps the first image whole. What a beta does depends on
         the size in pixels, because the boundary is rounded: at 28 pixels and beta 0.3 one image
         fills 11 % of the results, two share 45 %, and four share 44 %.
Labels:  mixed in proportion to the whole pixels of the four crops, empty ones included.
Avoid:   where the place of an object in the image tells classes apart.
"""

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from augfactory.arrays.boxes import areas, quarters
from augfactory.arrays.patchwork import patched
from augfactory.arrays.simplex import Concentration, beta_rows
from augfactory.methods.method import Draws, Method, Pairing, Slots, VirtualBatch
from augfactory.records import Float32Array, Float64Array, Int64Array, UInt8Array

CROPS = tuple(f"{side}_{crop}" for crop in range(4) for side in ("top", "left"))


class RicapParameters(BaseModel):
    """``beta`` is the authors', what a ramp does without further words is the second source's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    beta: Concentration = Field(
        default=0.3,
        description="the boundary is drawn from Beta(beta, beta) of the height and of the width: "
        "near 0 one image fills all, 1 puts it anywhere; 0 or 0.000001 to 1000000",
    )
    scope: Literal["sample", "batch"] = Field(
        default="sample",
        description="whether each row has its own boundary, or a batch of rows shares one",
    )
    batch_size: int = Field(
        default=128,
        ge=1,
        description="in batch scope, how many consecutive rows share a boundary; a batch ends "
        "early where a round with another beta begins. Read in the order rounds, these rows are "
        "one mini-batch",
    )
    beta_min: Concentration = Field(default=0.01, description="with a ramp: beta before it")
    beta_max: Concentration = Field(default=1.0, description="with a ramp: beta after it")
    ramp_start: int | None = Field(
        default=None,
        ge=0,
        description="a ramp replaces beta: the round, counted from 0, at which beta starts to "
        "grow from beta_min in equal steps",
    )
    ramp_end: int | None = Field(
        default=None, ge=1, description="the round that has reached beta_max"
    )
    pairing: Pairing = Field(
        default="any",
        description="where partners come from: any image, the same class, any other class, or "
        "a class drawn first, each as likely (balanced)",
    )

    @model_validator(mode="after")
    def _one_beta(self) -> Self:
        fields = RicapParameters.model_fields
        unused = ("beta_min", "beta_max") if self.ramp_start is None else ("beta",)
        if (self.ramp_start is None) != (self.ramp_end is None):
            raise ValueError("ramp_start and ramp_end go together")
        if self.ramp_start is not None and self.ramp_start >= (self.ramp_end or 0):
            raise ValueError("ramp_end must come after ramp_start")
        for name in unused:
            if getattr(self, name) != fields[name].default:
                with_or_without = "without" if self.ramp_start is None else "with"
                raise ValueError(f"{name} has no effect {with_or_without} ramp_start and ramp_end")
        return self


def beta_in(parameters: RicapParameters, rounds: Int64Array) -> Float64Array:
    """Return beta in each of ``rounds`` [n], counted from 0: float64 [n]."""
    if parameters.ramp_start is None or parameters.ramp_end is None:
        return np.full(len(rounds), parameters.beta)
    length = parameters.ramp_end - parameters.ramp_start
    progress = np.clip((rounds - parameters.ramp_start) / length, 0, 1)
    return parameters.beta_min + progress * (parameters.beta_max - parameters.beta_min)


def draw(parameters: RicapParameters, slots: Slots) -> Draws:
    """Draw the boundary, and for each crop a position among all that fit into the image."""
    size = np.array(slots.image_shape[:2])
    beta, batch = beta_in(parameters, slots.round), slots.row // parameters.batch_size
    generator = slots.own
    if parameters.scope == "sample":
        shares = beta_rows(beta.repeat(2), 2 * len(slots), generator).reshape(-1, 2)
    else:
        shares = _shared_by_batch(beta, batch, slots)
    boundary = np.rint(shares * size).astype(np.int64)
    boxes = quarters(boundary, *slots.image_shape[:2])
    spare = size - (boxes[..., 2:] - boxes[..., :2])
    offsets = generator.integers(0, spare, endpoint=True)
    columns = [beta[:, None], boundary, offsets.reshape(-1, 8)]
    if parameters.scope == "batch":
        columns.append(batch[:, None])
    return np.concatenate(columns, axis=1).astype(np.float64)


def _shared_by_batch(beta: Float64Array, batch: Int64Array, slots: Slots) -> Float64Array:
    """Draw one boundary for each batch and beta in it, from the batch's own generator."""
    shares = np.empty((len(slots), 2))
    for number, value in {*zip(batch.tolist(), beta.tolist(), strict=True)}:
        shared = beta_rows(value, 2, slots.generator("batch", number))
        shares[(batch == number) & (beta == value)] = shared
    return shares


def weights(
    parameters: RicapParameters, draws: Draws, image_shape: tuple[int, int, int]
) -> Float32Array:
    """Return the share of the pixels that each of the four crops has."""
    del parameters
    height, width, _ = image_shape
    pixels = areas(quarters(draws[:, 1:3].astype(np.int64), height, width))
    return (pixels / (height * width)).astype(np.float32)


def ricap(parameters: RicapParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Patch each row of four ``images`` [n, 4, H, W, C] together."""
    del parameters
    places = draws.astype(np.int64)
    return patched(images, places[:, 1:3], places[:, 3:11].reshape(-1, 4, 2))


def virtual_batch(parameters: RicapParameters) -> VirtualBatch | None:
    """Return the rows that share a boundary; None where each has its own."""
    if parameters.scope == "sample":
        return None
    return VirtualBatch(parameters.batch_size, ("batch", "beta"))


METHOD = Method(
    name="ricap",
    version=1,
    parameters=RicapParameters,
    parents=lambda _: 4,
    fields=lambda parameters: (
        *("beta", "boundary_row", "boundary_column", *CROPS),
        *(("batch",) if parameters.scope == "batch" else ()),
    ),
    draw=draw,
    weights=weights,
    apply=ricap,
    pairing=lambda parameters: parameters.pairing,
    virtual_batch=virtual_batch,
)
