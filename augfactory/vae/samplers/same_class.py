"""same-class: towards, or away from, another image of the same class, plus noise.

Source:  DeVries & Taylor 2017, arXiv:1702.05538 (interpolation and extrapolation in feature space).
Moves:   z = mean + λ · (partner's mean - mean) + temperature · σ · noise, λ ~ U(-reach, reach).
Labels:  the image's own, which is the partner's too.
Avoid:   in classes of very few images: there are then few directions to move in.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.records import Float32Array
from augfactory.vae.samplers.sampler import Draws, Sampler


class Parameters(BaseModel):
    """How far to move, and how far the noise reaches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reach: float = Field(
        default=0.5, ge=0, le=10, description="Farthest move, as a share of the way to the partner."
    )
    temperature: float = Field(
        default=1.0, ge=0, le=100, description="Noise, in the code's standard deviations."
    )


def draw(parameters: Parameters, count: int, generator: np.random.Generator) -> Draws:
    """Draw λ for each row: float64 [count, 1] in -reach to reach."""
    return generator.uniform(-parameters.reach, parameters.reach, (count, 1))


def move(
    parameters: Parameters,
    mean: Float32Array,
    log_variance: Float32Array,
    partner_mean: Float32Array | None,
    draws: Draws,
    noise: Float32Array,
) -> Float32Array:
    """Move each code along the line to its partner's; all arrays are float32 [n, latent]."""
    if partner_mean is None:
        raise ValueError("same-class needs the partners' codes")
    step = draws[:, :1].astype(np.float32)
    spread = np.float32(parameters.temperature) * np.exp(log_variance / 2)
    return mean + step * (partner_mean - mean) + spread * noise


SAMPLER = Sampler("same-class", True, Parameters, ("lambda",), draw, move)
