"""What networks are called and what they are built for; kept apart from torch, which is slow."""

from dataclasses import dataclass
from typing import Literal, get_args

from augfactory.errors import one_of

Architecture = Literal["conditional", "keras-mnist"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
LABEL_BLIND: tuple[Architecture, ...] = ("keras-mnist",)  # what is not given an image's class
EARLIER = {"keras-mnist": "seed"}  # what models were told to be before December 2026


@dataclass(frozen=True)
class NetworkShape:
    """The sizes that a network is built for; ``image_shape`` is (height, width, channels)."""

    image_shape: tuple[int, int, int]
    classes: int
    latent: int


def check_architecture(name: str) -> Architecture:
    """Check the name of a network.

    Raises:
        RecipeError: there is none of this name.
    """
    return one_of("--architecture", "architecture", name, ARCHITECTURES)
