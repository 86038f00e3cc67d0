"""Train one classifier on one source, for an exact number of optimiser steps."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from augfactory.errors import AugfactoryError
from augfactory.evaluation.classifiers.registry import classifier_builder
from augfactory.keyed_random import generator, key_of
from augfactory.records import Float32Array, Int64Array, Source, UInt8Array

HELD_BYTES = 1 << 30  # a source up to this size is read once and kept; a larger one row by row
READ_ROWS = 4096

# rows -> (images uint8 [n, H, W, C], soft labels float32 [n, K])
ReadRows = Callable[[Int64Array], tuple[UInt8Array, Float32Array]]


@dataclass(frozen=True)
class TrainingSettings:
    """How a classifier is trained; the same for every arm of an evaluation.

    AdamW under a one-cycle schedule that peaks at ``learning_rate``. The defaults were chosen on
    held-out training digits, never on test digits, so that 100 originals reach their plateau.
    """

    steps: int = 800
    batch: int = 64
    learning_rate: float = 2e-2
    weight_decay: float = 0.5


def train_classifier(
    source: Source, classifier: str, settings: TrainingSettings, seed: int
) -> nn.Module:
    """Return the trained network, in evaluation mode: float32 [N, C, H, W] in [0, 1] -> logits.

    Soft-target cross entropy on ``settings.steps`` batches. Equal seeds start from equal weights
    whatever the source; on one thread, equal seeds and sources give equal networks.

    Raises:
        RecipeError: there is no such classifier.
        AugfactoryError: the loss stopped being a number.
    """
    build = classifier_builder(classifier)
    read_rows = _reader(source)
    with _sealed_torch_randomness():
        torch.manual_seed(key_of("classifier weights", seed))
        network = build(source.image_shape, len(source.class_names))
        # Channels last is a fifth faster in training and twice as fast in testing, on CPU.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        torch.manual_seed(key_of("classifier dropout", seed))
        _optimise(network, read_rows, batches_of_rows(len(source), settings, seed), settings)
    return network.eval()


def batches_of_rows(rows: int, settings: TrainingSettings, seed: int) -> Iterator[Int64Array]:
    """Yield ``settings.steps`` int64 batches: epochs of all ``rows``, each shuffled anew.

    Epochs follow each other without a gap, so that every batch is full; a batch larger than the
    source holds some rows twice. The shuffle belongs to (seed, epoch) alone.
    """
    waiting, epoch = np.empty(0, dtype=np.int64), 0
    for _ in range(settings.steps):
        while len(waiting) < settings.batch:
            shuffled = generator("classifier epoch", seed, epoch).permutation(rows)
            waiting, epoch = np.concatenate([waiting, shuffled]), epoch + 1
        yield waiting[: settings.batch]
        waiting = waiting[settings.batch :]


def to_network(images: UInt8Array) -> torch.Tensor:
    """Turn uint8 [N, H, W, C] into float32 [N, C, H, W] in [0, 1], channels last in memory."""
    return torch.from_numpy(images).float().div_(255).permute(0, 3, 1, 2)


def _optimise(
    network: nn.Module,
    read_rows: ReadRows,
    batches: Iterator[Int64Array],
    settings: TrainingSettings,
) -> None:
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
    for step, rows in enumerate(batches):
        images, soft_labels = read_rows(rows)
        loss = F.cross_entropy(network(to_network(images)), torch.from_numpy(soft_labels))
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


def _reader(source: Source) -> ReadRows:
    height, width, channels = source.image_shape
    row_bytes = height * width * channels + 4 * len(source.class_names)
    if len(source) * row_bytes > HELD_BYTES:
        return lambda rows: (source.read_images(rows), source.read_soft_labels(rows))
    images = np.empty((len(source), *source.image_shape), dtype=np.uint8)
    soft_labels = np.empty((len(source), len(source.class_names)), dtype=np.float32)
    for start in range(0, len(source), READ_ROWS):
        rows = np.arange(start, min(start + READ_ROWS, len(source)))
        images[rows] = source.read_images(rows)
        soft_labels[rows] = source.read_soft_labels(rows)
    return lambda rows: (images[rows], soft_labels[rows])


@contextlib.contextmanager
def _sealed_torch_randomness() -> Iterator[None]:
    """Give back torch's global generator as it was.

    Layers draw their first weights and dropout from it and take no other; so it is seeded for the
    block and restored after it.
    """
    with torch.random.fork_rng(devices=[]):
        yield
