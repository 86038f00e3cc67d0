"""Muon: Nesterov momentum whose steps for convolutions are orthogonal matrices.

Source:  Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
Differs: torch's own computes in bfloat16, which processors without it are slow at, and takes
         matrices only; this one computes in float32 and takes a convolution as the matrix of its
         filters. Everything that is no convolution gets plain Nesterov steps, three times as long.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.9
ITERATIONS = 4
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, as published
OTHER_RATE = 3.0


class Muon(torch.optim.Optimizer):
    """The optimiser; ``weight_decay`` is decoupled and leaves vectors (biases, norms) alone."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step along the gradients that the parameters have now."""
        del closure
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step(parameter, parameter.grad, group)

    def _step(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].mul_(MOMENTUM).add_(gradient)
        change = gradient.add(momentum, alpha=MOMENTUM)
        rate = group["lr"]
        if parameter.ndim > 1 and group["weight_decay"]:
            parameter.mul_(1 - rate * group["weight_decay"])
        if parameter.ndim > 2:
            change = orthogonal_step(change.flatten(1)).view_as(change)
        else:
            rate *= OTHER_RATE
        parameter.sub_(change, alpha=rate)


def orthogonal_step(matrix: Tensor) -> Tensor:
    """Return a matrix [n, m] with the same singular vectors and singular values near 1.

    It is scaled by 0.2 √max(n, m), so that its entries are about 0.2 in the root mean square, as
    those of Adam's steps are; and by √(n / m) where it is taller than wide.
    """
    height, width = matrix.shape
    tall = height > width
    found = matrix.T if tall else matrix
    found = found / (found.norm() + 1e-7)
    first, third, fifth = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = found @ found.T
        found = first * found + (third * square + fifth * square @ square) @ found
    scale = 0.2 * max(height, width) ** 0.5 * max(1.0, height / width) ** 0.5
    step: Tensor = scale * (found.T if tall else found)
    return step
