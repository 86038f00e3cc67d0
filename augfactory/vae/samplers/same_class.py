"""Same class: towards or away from another image of the class.

z = mean + λ·(partner mean − mean) + τ·σ·ε, ε ~ N(0, I), λ ~ U(−reach, reach). λ > 0 interpolates
towards the partner, λ < 0 extrapolates away from it, after DeVries and Taylor, "Dataset
Augmentation in Feature Space" (2017), who found extrapolation the better of the two. It needs a
network that is conditional on the class, so that what is between two vectors of a class stays in
it. With one image in a class, the partner is the image itself and only the noise is left.
"""

import numpy as np
from pydantic import Field

from augfactory.keyed_random import Randoms
from augfactory.records import Float32Array
from augfactory.vae.samplers.sampler import Draws, Parameters, Sampler, posterior_noise


class SameClassParameters(Parameters):
    """``reach`` bounds λ on either side; ``temperature`` τ scales the noise."""

    reach: float = Field(
        default=0.5, ge=0, le=2,
        description="how far to move at most: 1 reaches the other image, either way",
    )  # fmt: skip
    temperature: float = Field(
        default=1.0, ge=0, le=10, description="noise scale, in the encoder's standard deviations"
    )


def draw(params: SameClassParameters, count: int, generator: Randoms) -> Draws:
    """Draw λ for each row."""
    return generator.uniform(-params.reach, params.reach, (count, 1))


def move(
    params: SameClassParameters,
    mean: Float32Array,
    log_variance: Float32Array,
    partner_mean: Float32Array | None,
    draws: Draws,
    noise: Float32Array,
) -> Float32Array:
    """Return mean + λ·(partner_mean − mean) + τ·σ·noise."""
    if partner_mean is None:
        raise ValueError("the same-class sampler needs a partner")
    share = draws[:, :1].astype(np.float32)
    moved = mean + share * (partner_mean - mean)
    return moved + posterior_noise(params.temperature, log_variance, noise)


SAMPLER = Sampler(
    name="same-class",
    needs_partner=True,
    params=SameClassParameters,
    fields=("lambda",),
    draw=draw,
    move=move,
    card=__doc__,
)
