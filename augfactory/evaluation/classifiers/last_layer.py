"""The layer by which a classifier takes its decision."""

from torch import nn


def last_linear(network: nn.Module) -> nn.Linear | None:
    """Return the last Linear layer in the order of the modules; None where there is none."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    return layers[-1] if layers else None
