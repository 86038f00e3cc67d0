"""Where a training computes."""

import torch

from augfactory.errors import RecipeError, unknown_name

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> torch.device:
    """Return the device called ``name``; "auto" is CUDA where there is a device of that kind.

    Raises:
        RecipeError: there is none.
    """
    if name not in DEVICES:
        raise unknown_name("--device", "device", name, DEVICES)
    if name == "cuda" and not torch.cuda.is_available():
        raise RecipeError(
            "--device cuda", "torch finds no CUDA device here", "Use --device cpu, or leave it out."
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
