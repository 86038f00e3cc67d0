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


def check_architecture(name: str) -> None:
    """Check the name of a network.

    Raises:
        RecipeError: there is none of this name.
    """
    if name not in NETWORKS:
        raise unknown_name("--architecture", "architecture", name, list(NETWORKS))


def build_network(architecture: str, shape: NetworkShape, seed: int) -> Network:
    """Return a network with the initial weights that belong to ``seed``; the global RNG is kept.

    Raises:
        RecipeError: there is no such architecture.
    """
    check_architecture(architecture)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key_of(seed, "vae", "initial weights"))
        return NETWORKS[architecture](shape)
