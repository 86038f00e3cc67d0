"""What a sampler is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from augfactory.keyed_random import Randoms
from augfactory.records import Float32Array

Draws = npt.NDArray[np.float64]


class Parameters(BaseModel):
    """Parameters of a sampler: checked, unchangeable, no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True)
class Sampler(Generic[P]):
    """A named way to a new latent vector near that of an encoded image.

    Attributes:
        name: what ``--sampler`` calls it.
        needs_partner: whether another image of the class takes part.
        params: the type of its parameters.
        fields: the names of the numbers that are drawn for a row, in column order.
        draw: (params, count, generator) -> float64 [count, fields].
        move: (params, mean, log_variance, partner_mean, draws, noise) -> latents; all float32
            [n, latent] but ``draws``, float64 [n, fields]; noise is standard normal, partner_mean
            None unless ``needs_partner``. Pure, and each row's result independent of the others.
        card: where it comes from and when it is of use.
    """

    name: str
    needs_partner: bool
    params: type[P]
    fields: tuple[str, ...]
    draw: Callable[[P, int, Randoms], Draws]
    move: Callable[
        [P, Float32Array, Float32Array, Float32Array | None, Draws, Float32Array], Float32Array
    ]
    card: str


def posterior_noise(
    temperature: float, log_variance: Float32Array, noise: Float32Array
) -> Float32Array:
    """Return temperature·σ·noise, float32 [n, latent]."""
    deviation: Float32Array = np.exp(np.float32(0.5) * log_variance)
    return np.float32(temperature) * deviation * noise
