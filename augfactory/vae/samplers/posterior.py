"""Posterior: around the image's own latent vector.

z = mean + τ·σ·ε, ε ~ N(0, I), where the encoder says mean and σ. At τ = 1 this is how the VAE
article (docs/documents.md, 003) makes its images. The label is safe, and variety is small: a
network that has seen an image often is sure of it, so σ is narrow. A higher ``temperature`` τ
reaches further.
"""

import numpy as np
from pydantic import Field

from augfactory.keyed_random import Randoms
from augfactory.records import Float32Array
from augfactory.vae.samplers.sampler import Draws, Parameters, Sampler, posterior_noise


class PosteriorParameters(Parameters):
    """``temperature`` τ scales the encoder's standard deviation; 0 gives the reconstruction."""

    temperature: float = Field(
        default=1.0, ge=0, le=10,
        description="noise scale, in the encoder's standard deviations; 0 is the reconstruction",
    )  # fmt: skip


def draw(params: PosteriorParameters, count: int, generator: Randoms) -> Draws:
    """Draw nothing: the noise is all."""
    del params, generator
    return np.empty((count, 0))


def move(
    params: PosteriorParameters,
    mean: Float32Array,
    log_variance: Float32Array,
    partner_mean: Float32Array | None,
    draws: Draws,
    noise: Float32Array,
) -> Float32Array:
    """Return mean + τ·σ·noise."""
    del partner_mean, draws
    return mean + posterior_noise(params.temperature, log_variance, noise)


SAMPLER = Sampler(
    name="posterior",
    needs_partner=False,
    params=PosteriorParameters,
    fields=(),
    draw=draw,
    move=move,
    card=__doc__,
)
