"""Every sampler, by its name in ``names.py``."""

from typing import Any

from augfactory.names import SAMPLERS as NAMES
from augfactory.names import registered
from augfactory.vae.samplers.sampler import Sampler

SAMPLERS: dict[str, Sampler[Any]] = registered("vae.samplers", NAMES, "SAMPLER")
