"""Every sampler, one line each."""

from typing import Any

from augfactory.vae.samplers.posterior import POSTERIOR
from augfactory.vae.samplers.same_class import SAME_CLASS
from augfactory.vae.samplers.sampler import Sampler

SAMPLERS: dict[str, Sampler[Any]] = {
    sampler.name: sampler
    for sampler in (
        POSTERIOR,
        SAME_CLASS,
    )
}
