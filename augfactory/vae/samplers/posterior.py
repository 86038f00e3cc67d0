"""posterior: noise around the image's own code.

Source:  Kingma & Welling 2014, arXiv:1312.6114; used to amplify MNIST by document 003.
Moves:   z = mean + temperature · σ · noise, with mean and σ from the encoder.
Labels:  the image's own.
Avoid:   as the only augmentation: the encoder is sure of its training images, so the samples stay
         close to them.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.records import Float32Array
from augfactory.vae.samplers.sampler import Draws, Sampler


class Parameters(BaseModel):
    """How far the noise reaches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(
        default=1.0, ge=0, le=100, description="Noise, in the code's standard deviations."
    )


def draw(parameters: Parameters, count: int, generator: np.random.Generator) -> Draws:
    """Draw nothing: the noise has its own key."""
    del parameters, generator
    return np.empty((count, 0), dtype=np.float64)


def move(
    parameters: Parameters,
    mean: Float32Array,
    log_variance: Float32Array,
    partner_mean: Float32Array | None,
    draws: Draws,
    noise: Float32Array,
) -> Float32Array:
    """Add noise to each code; all arrays are float32 [n, latent]."""
    del partner_mean, draws
    return mean + np.float32(parameters.temperature) * np.exp(log_variance / 2) * noise


SAMPLER = Sampler("posterior", False, Parameters, (), draw, move)
