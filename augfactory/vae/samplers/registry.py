"""Every sampler, one line each."""

from augfactory.vae.samplers import posterior, same_class
from augfactory.vae.samplers.sampler import Sampler

SAMPLERS: dict[str, Sampler] = {
    sampler.name: sampler for sampler in (same_class.SAMPLER, posterior.SAMPLER)
}
