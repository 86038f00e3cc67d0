"""What can be chosen about a training, with its bounds."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

VaeOptimiser = Literal["adam", "rmsprop"]
Schedule = Literal["cosine", "constant"]
Noise = Literal["image", "batch"]
OPTIMISERS, SCHEDULES, NOISES = get_args(VaeOptimiser), get_args(Schedule), get_args(Noise)


class TrainingSettings(BaseModel):
    """The settings of one training; equal settings give equal weights on one machine.

    Those that came later are left out of its text at their default, which then is that of before.

    Attributes:
        seed: of the initial weights, the batches and the noise.
        steps: optimiser steps, 64 images each unless ``batch`` says otherwise.
        batch: images per step; there are never more than the training images.
        learning_rate: at the start.
        optimiser: "adam" with torch's constants, or "rmsprop" with Keras' (rho 0.9, epsilon 1e-7).
        schedule: "cosine" lets the learning rate fall to 0 along half a cosine.
        clip: whether a gradient longer than one nat per value of an image is shortened.
        noise: "image" draws a latent noise vector for each image, "batch" one for a whole batch.
        kl_weight: β, the weight of the KL term after the warm-up.
        warmup: steps over which β rises from 0.
        interval: steps per row of the history, and between two saves.
        patience: stop early after this many intervals without a better loss, counted only after
            the warm-up; 0 never stops early.
        validation: share of each class that is kept from training, to watch and to choose by.
        save_at_loss: keep a checkpoint when the training loss first falls to each of these.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int = Field(default=0, ge=0)
    steps: int = Field(default=1500, ge=1)
    batch: int = Field(default=64, ge=2, le=65_536)
    learning_rate: float = Field(default=2e-3, gt=0)
    optimiser: VaeOptimiser = Field(default="adam", exclude_if=lambda name: name == "adam")
    schedule: Schedule = Field(default="cosine", exclude_if=lambda name: name == "cosine")
    clip: bool = Field(default=True, exclude_if=lambda clip: clip)
    noise: Noise = Field(default="image", exclude_if=lambda name: name == "image")
    kl_weight: float = Field(default=1.0, ge=0)
    warmup: int = Field(default=300, ge=0)
    interval: int = Field(default=25, ge=1)
    patience: int = Field(default=20, ge=0)
    validation: float = Field(default=0.0, ge=0, le=0.5)
    save_at_loss: tuple[float, ...] = ()
