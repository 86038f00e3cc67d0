"""The table ``[vae]`` of a study file."""

from pydantic import Field

from augfactory.guarded.validation import Table
from augfactory.vae.settings import Noise, Schedule, VaeOptimiser


class VaeSettings(Table):
    """How the VAEs of a study are trained; see `augfactory vae-train`."""

    steps: int = Field(default=1500, ge=1, description="Optimiser steps.")
    architecture: str = Field(default="conditional", description="The network.")
    latent: int = Field(default=20, ge=1, description="Size of the latent vector.")
    batch: int = Field(default=64, ge=2, description="Batch size.")
    learning_rate: float = Field(default=2e-3, gt=0, description="Initial learning rate.")
    optimiser: VaeOptimiser = Field(
        default="adam", description="What makes the steps; rmsprop has Keras' constants."
    )
    schedule: Schedule = Field(
        default="cosine", description="The learning rate falls to 0, or stays as it is."
    )
    clip: bool = Field(default=True, description="Shorten gradients that are too long.")
    noise: Noise = Field(
        default="image",
        description="Latent noise of its own for each image, or the same for a batch.",
    )
    warmup: int | None = Field(
        default=None, ge=0, description="Steps of KL warm-up; left out, a fifth of all."
    )
    patience: int = Field(
        default=20, ge=0, description="Intervals without improvement to stop after; 0 never stops."
    )
    kl_weight: float = Field(default=1.0, ge=0, description="Weight of the KL term.")
    geometry: bool = Field(default=True, description="Vary the images of every batch.")
