"""Mixup: blend two or more whole images, and their labels in the same shares.

Source:  Zhang et al. 2018, arXiv:1710.09412; more than two images with Dirichlet weights:
         statsu1990/mixup_augmentation.
Differs: weights are drawn for each row, where the authors' code draws one for a batch. No image
         is mixed with itself. The draw is exact at any alpha; below 0.01 or so, some rows are NaN
         from NumPy's legacy generator (SciPy's default) and equal shares from torch. Weights are
         multiples of 1/65536. Values are rounded, never truncated. alpha 0 keeps the first image.
Labels:  each parent's in the share of its pixel values. Re-mixing stored parents x, uint8
         [n, P, H, W, C], with stored weights w, float32 [n, P], gives the stored image to the byte,
         whatever adds them up: np.rint((w[:, :, None, None, None] * x).sum(1)).
Avoid:   where brightness itself tells classes apart, and where a label must be one class: at alpha
         1 with three parents, no image has 60 % or more in half of the results.
"""

import math

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays.simplex import Concentration, dirichlet_rows, in_steps
from augfactory.methods.method import Draws, Method, Pairing, Slots
from augfactory.records import Float32Array, UInt8Array

CHUNK_VALUES = 2**17  # float32 of a chunk stay in a core's second-level cache


class MixupParameters(BaseModel):
    """The defaults are those that helped most on CIFAR-10 in the source with Dirichlet weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parents: int = Field(default=2, ge=2, le=16, description="how many images are blended")
    alpha: Concentration = Field(
        default=0.2,
        description="weights are drawn from Dirichlet(alpha, …): near 0 one image has nearly all, "
        "1 makes every mixture equally likely, large values make equal shares; "
        "0 or 0.000001 to 1000000",
    )
    pairing: Pairing = Field(
        default="any",
        description="where partners come from: any image, the same class, any other class, or "
        "a class drawn first, each as likely (balanced)",
    )


def draw(parameters: MixupParameters, slots: Slots) -> Draws:
    """Draw one weight for each parent."""
    return dirichlet_rows(parameters.alpha, len(slots), parameters.parents, slots.own)


def weights(
    parameters: MixupParameters, draws: Draws, image_shape: tuple[int, int, int]
) -> Float32Array:
    """Return the weights that ``mixup`` multiplies the pixels by."""
    del parameters, image_shape
    return in_steps(draws)


def mixup(parameters: MixupParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Blend each row of ``images`` [n, P, H, W, C]."""
    del parameters
    count, parents, *image_shape = images.shape
    size = math.prod(image_shape)
    values, shares = images.reshape(count, parents, size), in_steps(draws)
    mixed = np.empty((count, size), dtype=np.uint8)
    rows = max(1, CHUNK_VALUES // size)
    blend = np.empty((min(rows, count), size), dtype=np.float32)
    for start in range(0, count, rows):
        chunk = slice(start, start + rows)
        sums = blend[: count - start]
        # Exact, so that neither the order of the sum nor a fused multiply-add can change a byte.
        np.einsum("np,npv->nv", shares[chunk], values[chunk], out=sums, dtype=np.float32)
        np.rint(sums, out=sums)
        np.copyto(mixed[chunk], sums, casting="unsafe")
    return mixed.reshape(count, *image_shape)


METHOD = Method(
    name="mixup",
    version=1,
    parameters=MixupParameters,
    parents=lambda parameters: parameters.parents,
    fields=lambda parameters: tuple(f"weight_{parent}" for parent in range(parameters.parents)),
    draw=draw,
    weights=weights,
    apply=mixup,
    pairing=lambda parameters: parameters.pairing,
    largest_first=lambda draws: -np.sort(-draws, axis=1),
)
