"""The layer by which a classifier takes its decision, and those that may stay as they start."""

from torch import nn

from augfactory.errors import RecipeError
from augfactory.evaluation.training.settings import Freeze

NAMED = 8  # layers in a message


def last_linear(network: nn.Module) -> nn.Linear | None:
    """Return the last Linear layer in the order of the modules; None where there is none."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    return layers[-1] if layers else None


def fixed_layers(network: nn.Module, freeze: Freeze) -> frozenset[str]:
    """Return the names of the layers with weights that ``freeze`` keeps as they start.

    Raises:
        RecipeError: it keeps none or all of them.
    """
    layers = [name for name, own in network.named_modules() if list(own.parameters(recurse=False))]
    if freeze is False:
        return frozenset()
    if freeze is True:
        last = last_linear(network)
        if last is None:
            raise RecipeError(
                "freeze",
                "the classifier does not end in a Linear layer, which alone would learn",
                "Name another classifier, such as resnet18, or leave freeze out.",
            )
        return frozenset(name for name in layers if network.get_submodule(name) is not last)
    if isinstance(freeze, int):
        count = freeze
        if not 0 < count < len(layers):
            raise RecipeError(
                "freeze",
                f"{count} is not a number of layers that can stay as they start",
                f"The classifier has {len(layers)} layers with weights: give 1 to "
                f"{len(layers) - 1}.",
            )
        return frozenset(layers[:count])
    count = next((place for place, name in enumerate(layers) if freeze in name), 0)
    if count == 0:
        shown = ", ".join(layers[1 :: max(1, len(layers) // NAMED)])
        raise RecipeError(
            "freeze",
            f"no layer but the first has {freeze!r} in its name",
            f"Name the first layer that learns; there are such as {shown}.",
        )
    return frozenset(layers[:count])
