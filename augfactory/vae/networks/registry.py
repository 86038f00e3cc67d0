"""Every network, one line each."""

from collections.abc import Callable

import torch

from augfactory.errors import unknown_name
from augfactory.keyed_random import key_of
from augfactory.vae.networks.conditional import ConditionalNetwork
from augfactory.vae.networks.network import Network, NetworkShape
from augfactory.vae.networks.seed import SeedNetwork

NETWORKS: dict[str, Callable[[NetworkShape], Network]] = {
    "conditional": ConditionalNetwork,
    "seed": SeedNetwork,
}


def build_network(architecture: str, shape: NetworkShape, seed: int) -> Network:
    """Return a network with the initial weights that belong to ``seed``; the global RNG is kept.

    Raises:
        RecipeError: there is no such architecture.
    """
    if architecture not in NETWORKS:
        raise unknown_name("--architecture", "architecture", architecture, list(NETWORKS))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key_of(seed, "vae", "initial weights"))
        return NETWORKS[architecture](shape)
