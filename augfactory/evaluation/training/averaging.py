"""The average of a network's weights along its training, which can be read at any step.

With a constant learning rate the weights themselves never come to rest; their average does, so that
one training shows what any number of steps would have come to.
"""

from collections import deque
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, update_bn

from augfactory.evaluation.training.network_input import to_network
from augfactory.records import UInt8Array

# The exponent of the power function: the average is over about the last tenth of the steps so far.
EXPONENT = 6.94
NORM_BATCHES = 8  # on which the batch norms of the averaged weights are measured


class WeightAverage:
    """Averages ``network`` step by step, each step weighted by its number to the 6.94th power.

    Karras et al. 2024, arXiv:2312.02696, section 3.1: with step t the average moves by
    1 - (1 - 1/t)^(γ + 1) of the way to the weights of that step. γ = 6.94 makes the standard
    deviation of the steps that take part a tenth of their number.
    """

    def __init__(
        self,
        network: nn.Module,
        device: str,
        *,
        norms: bool = True,
        fixed: frozenset[str] = frozenset(),
    ) -> None:
        """Start from ``network``; without ``norms`` its batch norms stay as they are.

        Those of the layers called ``fixed`` stay in any case.
        """
        self._fixed = fixed
        self._model = AveragedModel(network, multi_avg_fn=_average)
        self._device = device
        self._recent: deque[UInt8Array] = deque(maxlen=NORM_BATCHES if norms else 0)

    def update(self, network: nn.Module, images: UInt8Array) -> None:
        """Take in the weights after a step that ``images``, uint8 [n, H, W, C], were used for."""
        self._model.update_parameters(network)
        self._recent.append(images)

    def network(self) -> nn.Module:
        """Return the averaged network in evaluation mode, until the next step.

        Its batch norms are measured on the images of the last eight steps, unless they are to stay.
        """
        if self._recent:
            # Dropout draws here, too: a reading must not change the steps that follow it.
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                shown = [to_network(each, self._device) for each in self._recent]
                if self._fixed:
                    _measure_norms(self._model.module, shown, self._fixed)
                else:
                    update_bn(shown, self._model)
        return self._model.module.eval()

    def state(self) -> dict[str, Tensor]:
        """Return what ``restore`` takes."""
        return self._model.state_dict()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what ``state`` gave."""
        self._model.load_state_dict(state)


def _measure_norms(network: nn.Module, shown: list[Tensor], fixed: frozenset[str]) -> None:
    """Do as ``update_bn`` does with the batch norms that are not ``fixed``."""
    network.train()
    momenta = {}
    for name, layer in network.named_modules():
        if name in fixed:
            layer.training = False
        elif isinstance(layer, _BatchNorm):
            momenta[layer] = layer.momentum
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over the batches
    for images in shown:
        network(images)
    for layer, momentum in momenta.items():
        layer.momentum = momentum


@torch.no_grad()
def _average(averages: Iterable[Tensor], weights: Iterable[Tensor], steps: Tensor | int) -> None:
    share = 1 - (1 - 1 / (int(steps) + 1)) ** (EXPONENT + 1)
    for average, current in zip(averages, weights, strict=True):
        average.lerp_(current, share)
