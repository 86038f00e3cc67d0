"""Every network, one line each."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from augfactory.keyed_random import key_of
from augfactory.vae.networks.conditional import ConditionalNetwork
from augfactory.vae.networks.keras_mnist import KerasMnistNetwork
from augfactory.vae.networks.names import Architecture, NetworkShape, check_architecture
from augfactory.vae.networks.network import Network

NETWORKS: dict[Architecture, Callable[[NetworkShape], Network]] = {
    "conditional": ConditionalNetwork,
    "keras-mnist": KerasMnistNetwork,
}


def build_network(architecture: str, shape: NetworkShape, seed: int) -> Network:
    """Return a network with the initial weights that belong to ``seed``; the global RNG is kept.

    Raises:
        RecipeError: there is no such architecture.
    """
    known = check_architecture(architecture)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key_of(seed, "vae", "initial weights"))
        return NETWORKS[known](shape)


def weights_of(architecture: str, shape: NetworkShape) -> dict[str, Tensor]:
    """Return what the weights of a network are called and how large they are: they hold nothing.

    The tensors are of the device "meta" and take no memory, whatever ``shape`` asks for.

    Raises:
        RecipeError: there is no such architecture.
    """
    known = check_architecture(architecture)
    with torch.random.fork_rng(devices=[]), _Undrawn(), torch.device("meta"):
        return NETWORKS[known](shape).state_dict()


class _Undrawn(TorchFunctionMode):
    """Leave first weights undrawn: on tensors without memory that alone would take seconds."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        del types
        if function in (Tensor.normal_, Tensor.uniform_):
            return args[0]
        return function(*args, **(kwargs or {}))
