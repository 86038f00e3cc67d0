"""What a sampler is made of."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from augfactory.records import Float32Array

Draws = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sampler:
    """A named way of moving about the code of an encoded image.

    Attributes:
        name: what the recipe calls it.
        needs_partner: whether ``move`` wants the code of another image of the same class.
        params: a frozen pydantic model with defaults, which refuses unknown keys.
        fields: the names of the numbers that ``draw`` gives for a row.
        draw: (parameters, count, generator) -> float64 [count, fields].
        move: (parameters, mean, log_variance, partner_mean, draws, noise) -> codes; mean,
            log_variance, partner_mean, noise and the codes are float32 [n, latent], noise is
            standard normal, partner_mean is None unless ``needs_partner``.
    """

    name: str
    needs_partner: bool
    params: type[BaseModel]
    fields: tuple[str, ...]
    draw: Callable[[Any, int, np.random.Generator], Draws]
    move: Callable[
        [Any, Float32Array, Float32Array, Float32Array | None, Draws, Float32Array], Float32Array
    ]

    @property
    def card(self) -> str:
        """The docstring of the sampler's module."""
        return (sys.modules[self.move.__module__].__doc__ or "").strip()
