"""Optimisers that do not load the compiler.

The first optimiser that torch makes, and the first step of its Adam, import ``torch._dynamo``, only
to tell it to leave them alone: two to four seconds of processor time in every process that trains.
Nothing here is compiled. So what torch would put around a method for the compiler's sake is said to
be the method itself, as ``torch._compile`` keeps it once it has asked; and a step is Adam's own,
without its wrappers. The numbers are the same. Where torch does this in another way, nothing is
changed and the seconds are spent.
"""

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any

import torch


class Adam(torch.optim.Adam):
    """Torch's Adam."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """See torch's."""
        return inspect.unwrap(torch.optim.Adam.step)(self, closure)


class RMSprop(torch.optim.RMSprop):
    """Torch's RMSprop."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """See torch's."""
        return inspect.unwrap(torch.optim.RMSprop.step)(self, closure)


def keras_rmsprop(
    parameters: Iterable[torch.nn.Parameter], rate: float, weight_decay: float = 0.0
) -> RMSprop:
    """Return RMSprop with Keras' constants: torch's are 0.99 and 1e-8."""
    return RMSprop(parameters, lr=rate, weight_decay=weight_decay, alpha=0.9, eps=1e-7)


class AdamW(torch.optim.AdamW):
    """Torch's AdamW, Adam with decoupled weight decay."""

    step = Adam.step


def without_compiler() -> None:
    """Let optimisers be made without ``torch._dynamo``, unless it is loaded already."""
    if "torch._dynamo" in sys.modules:
        return
    for method in vars(torch.optim.Optimizer).values():
        function = getattr(method, "__wrapped__", None)
        lazy = getattr(method, "__code__", None)
        if function is not None and lazy is not None and "torch._dynamo" in lazy.co_names:
            function.__dynamo_disable = function
