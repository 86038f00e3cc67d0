"""Train one classifier on one training set, for an exact number of optimiser steps."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from augfactory.errors import AugfactoryError
from augfactory.evaluation import batches
from augfactory.evaluation.classifiers.registry import Builder
from augfactory.evaluation.losses import Loss, consistent_cross_entropy
from augfactory.evaluation.online import OnlineStage, vary
from augfactory.evaluation.training_set import TrainingSet, row_reader
from augfactory.keyed_random import key_of
from augfactory.records import Float32Array, Int64Array, UInt8Array

# step, rows [batch] or [batch, 3] -> (images [n, H, W, C], soft labels [n, K]), n the rows in all
Read = Callable[[int, Int64Array], tuple[UInt8Array, Float32Array]]


@dataclass(frozen=True)
class TrainingSettings:
    """How a classifier is trained; the same for every arm of an evaluation.

    AdamW under a one-cycle schedule that peaks at ``learning_rate``. The defaults suit the small
    VGG: chosen on held-out training digits, never on test digits, so that 100 originals reach their
    plateau.
    """

    steps: int = 800
    batch: int = 64
    learning_rate: float = 2e-2
    weight_decay: float = 0.5


@dataclass(frozen=True)
class Diet:
    """In what order and shape an arm's rows reach the classifier.

    ``real_share`` is the share of originals in every batch, None where the order alone decides.
    With the loss "jsd" a batch is of clean images, each with two of its views.
    """

    order: batches.Order = "shuffled"
    real_share: float | None = None
    online: tuple[OnlineStage, ...] = ()
    loss: Loss = "ce"


DEFAULT_DIET = Diet()


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode, float32 [N, C, H, W] in [0, 1] -> logits, and its cost.

    ``waiting`` is the share of the ``seconds`` that went into fetching and varying images.
    """

    network: nn.Module
    seconds: float
    waiting: float


def train_classifier(
    training: TrainingSet,
    build: Builder,
    settings: TrainingSettings,
    seed: int,
    diet: Diet = DEFAULT_DIET,
) -> Trained:
    """Train ``settings.steps`` steps of AdamW under a one-cycle schedule.

    Equal seeds start from equal weights whatever the training set; on one thread, equal seeds and
    sets give equal networks.

    Raises:
        AugfactoryError: the loss stopped being a number.
    """
    read_rows = row_reader(training.source)

    def read(step: int, rows: Int64Array) -> tuple[UInt8Array, Float32Array]:
        # With views: all clean images, then all first views, then all second ones.
        images, soft_labels = read_rows(rows.T.reshape(-1))
        return vary(diet.online, images, soft_labels, seed=seed, step=step, steps=settings.steps)

    start = time.perf_counter()
    with _sealed_torch_randomness():
        torch.manual_seed(key_of("classifier weights", seed))
        network = build(training.source.image_shape, len(training.source.class_names))
        # Channels last is a fifth faster in training and twice as fast in testing, on CPU.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        torch.manual_seed(key_of("classifier dropout", seed))
        waited = _optimise(network, read, rows_of_steps(training, settings, seed, diet), settings)
    seconds = time.perf_counter() - start
    return Trained(network.eval(), seconds, waited / seconds)


def rows_of_steps(
    training: TrainingSet, settings: TrainingSettings, seed: int, diet: Diet
) -> Iterator[Int64Array]:
    """Yield the rows of every step, int64 [batch], or [batch, 3] with the loss "jsd"."""
    if diet.loss == "jsd":
        return batches.with_views(training, settings.steps, settings.batch, seed)
    if diet.real_share is not None:
        return batches.shared(training, diet.real_share, settings.steps, settings.batch, seed)
    return batches.ordered(training, diet.order, settings.steps, settings.batch, seed)


def to_network(images: UInt8Array) -> torch.Tensor:
    """Turn uint8 [N, H, W, C] into float32 [N, C, H, W] in [0, 1], channels last in memory."""
    return torch.from_numpy(images).float().div_(255).permute(0, 3, 1, 2)


def _optimise(
    network: nn.Module,
    read: Read,
    steps_rows: Iterator[Int64Array],
    settings: TrainingSettings,
) -> float:
    """Train ``network`` in place; return the seconds spent on anything but the network."""
    optimiser = torch.optim.AdamW(
        network.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.steps
    )
    network.train()
    waited = 0.0
    for step in range(settings.steps):
        start = time.perf_counter()
        rows = next(steps_rows)
        images, soft_labels = read(step, rows)
        targets = torch.from_numpy(soft_labels[: len(rows)])
        waited += time.perf_counter() - start
        logits = network(to_network(images))
        loss = (
            consistent_cross_entropy(logits, targets)
            if rows.ndim == 2
            else F.cross_entropy(logits, targets)
        )
        if not torch.isfinite(loss):
            raise AugfactoryError(
                "training the classifier",
                f"the loss stopped being a number at step {step + 1} of {settings.steps}",
                "Use a smaller learning rate or a larger batch.",
            )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step + 1 < settings.steps:
            schedule.step()
    return waited


@contextlib.contextmanager
def _sealed_torch_randomness() -> Iterator[None]:
    """Give back torch's global generator as it was.

    Layers draw their first weights and dropout from it and take no other; so it is seeded for the
    block and restored after it.
    """
    with torch.random.fork_rng(devices=[]):
        yield
