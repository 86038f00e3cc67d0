"""Where a training computes."""

import os
from typing import TYPE_CHECKING

from augfactory.errors import RecipeError, one_of

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")


def in_team() -> bool:
    """Tell whether ``torchrun`` started this process and others beside it."""
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def follows() -> bool:
    """Tell whether this is one of the others: it says nothing and writes nothing."""
    return in_team() and os.environ.get("RANK", "0") != "0"


def check_device(name: str) -> None:
    """Check the name of a device, without looking whether there is one.

    Raises:
        RecipeError: there is none of this name.
    """
    one_of("--device", "device", name, DEVICES)


def resolve_device(name: str) -> "torch.device":
    """Return the device called ``name``; "auto" is CUDA where there is a device of that kind.

    Raises:
        RecipeError: there is none.
    """
    check_device(name)
    import torch  # it takes seconds to load: only for a name that is one

    if name == "cuda" and not torch.cuda.is_available():
        raise RecipeError(
            "--device cuda", "torch finds no CUDA device here", "Use --device cpu, or leave it out."
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
