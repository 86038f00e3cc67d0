"""Processes that train one network together, started by ``torchrun``.

Every process draws the whole batch, keyed by the step as ever, and learns its own rows of it;
torch's ``DistributedDataParallel`` averages the gradients. So the network is that which one process
trains, but for the last bits of sums that are added in another order.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from augfactory.errors import RecipeError
from augfactory.vae.device import in_team
from augfactory.vae.networks.network import Network
from augfactory.vae.objective import kl_divergence, reconstruction_loss, sampled

Value = TypeVar("Value")
Terms = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
PATIENCE = timedelta(hours=1)  # for the process that reads the source last


@dataclass(frozen=True)
class Team:
    """Which of how many processes this is, counted from 0; one is alone."""

    rank: int = 0
    size: int = 1

    def place(self, device: torch.device) -> torch.device:
        """Return the device of this process, of those of this kind that its machine has."""
        if self.size == 1 or device.type != "cuda":
            return device
        own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(own)
        return own

    def part(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return this process's rows of a batch: every ``size``-th."""
        return batch if self.size == 1 else tuple(own[self.rank :: self.size] for own in batch)

    def terms(self, network: Network, fewest: int) -> Terms:
        """Return what computes reconstruction and KL of images, labels and noise of this process.

        Gradients of what it gives are averaged over the processes. ``fewest`` is how many images a
        batch has at least.

        Raises:
            RecipeError: there are more processes than images, or the network looks at the images of
                a batch together.
        """
        own = _Terms(network)
        if self.size == 1:
            return own
        if fewest < self.size:
            raise RecipeError(
                "torchrun",
                f"{self.size} processes cannot share a batch of {fewest} images",
                "Start fewer processes, or give a larger --batch.",
            )
        if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
            raise RecipeError(
                "torchrun",
                "this architecture normalises by the images of a batch, of which each process has "
                "a part",
                "Use --architecture conditional, or one process.",
            )
        return nn.parallel.DistributedDataParallel(own)

    def weighed(self, term: Tensor, images: int) -> Tensor:
        """Return a mean over this process's part of so many images, as its share of all.

        Parts may differ by an image; the mean of the shares over the processes is that over images.
        """
        if self.size == 1:
            return term
        own = len(range(self.rank, images, self.size))
        return term * (self.size * own / images)

    def mean(self, *values: Tensor) -> list[float]:
        """Return the mean of each scalar over the processes."""
        if self.size == 1:
            return [value.item() for value in values]
        together = torch.stack([value.detach() for value in values])
        distributed.all_reduce(together)
        return [float(value) / self.size for value in together]

    def told(self, value: Value) -> Value:
        """Return the value that the first process has."""
        if self.size == 1:
            return value
        held: list[Any] = [value]
        distributed.broadcast_object_list(held, src=0)
        return held[0]  # type: ignore[no-any-return]


ALONE = Team()


class _Terms(nn.Module):
    """Reconstruction and KL of some images, as a module: what ``DistributedDataParallel`` takes."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, labels: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return both, float32 scalars, in nats per image."""
        mean, log_variance = self.network.encode(images, labels)
        logits = self.network.decode(sampled(mean, log_variance, noise), labels)
        return reconstruction_loss(logits, images), kl_divergence(mean, log_variance)


@contextlib.contextmanager
def joined(device: str) -> Iterator[Team]:
    """Join the processes that ``torchrun`` started with this one; where it started none, be alone.

    ``device`` is the kind of device that they compute on.
    """
    if not in_team():
        yield ALONE
        return
    distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Team(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
