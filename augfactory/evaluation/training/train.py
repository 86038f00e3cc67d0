"""Train one classifier on one training set, for an exact number of optimiser steps."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augfactory.evaluation.classifiers.last_layer import fixed_layers
from augfactory.evaluation.classifiers.registry import Builder
from augfactory.evaluation.training import batches
from augfactory.evaluation.training.averaging import WeightAverage
from augfactory.evaluation.training.batch_policy import DEFAULT_POLICY, BatchPolicy
from augfactory.evaluation.training.losses import class_weights, consistent_cross_entropy
from augfactory.evaluation.training.muon import Muon
from augfactory.evaluation.training.network_input import to_network
from augfactory.evaluation.training.online import vary, vary_with_views
from augfactory.evaluation.training.settings import (
    TrainingSettings,
    learning_rate_at,
    reading_steps,
)
from augfactory.evaluation.training.training_set import TrainingSet, row_reader
from augfactory.keyed_random import key_of
from augfactory.records import Float32Array, Int64Array, UInt8Array
from augfactory.torch_optimiser import Adam, AdamW, keras_rmsprop, without_compiler

# step, rows [batch] or [batch, 3] -> (images [n, H, W, C], soft labels [n, K]), n the rows in all
Read = Callable[[int, Int64Array], tuple[UInt8Array, Float32Array]]
# (step, averaged network in evaluation mode) -> what it is worth there
Measure = Callable[[int, nn.Module], None]
# (accuracy, loss), means over the batches since the reading before
OnBatches = Callable[[float, float], None]


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training has come: enough to go on as if nothing had happened.

    Attributes:
        step: steps done.
        tensors: weights, their average, momentum and torch's generator, by name.
        seconds: of training until then.
        waited: those of them that went into fetching and varying images.
        broke: whether the loss stopped being a number at the next step; it cannot go on then.
    """

    step: int
    tensors: dict[str, Tensor]
    seconds: float = 0.0
    waited: float = 0.0
    broke: bool = False


@dataclass(frozen=True)
class Trained:
    """A network with averaged weights in evaluation mode, and how far its training has come.

    The network takes float32 [N, C, H, W] in [0, 1] and gives logits. Where the loss stopped being
    a number, it is that of the last step at which it was one.
    """

    network: nn.Module
    progress: TrainingProgress

    @property
    def waiting(self) -> float:
        """The share of the seconds that went into fetching and varying images."""
        return self.progress.waited / max(self.progress.seconds, 1e-9)


class _Training:
    """A network, its average and its optimiser, one step after another."""

    def __init__(
        self, network: nn.Module, settings: TrainingSettings, weights: Float32Array | None = None
    ) -> None:
        # Channels last is a fifth faster in training and twice as fast in testing, on CPU.
        self.network: nn.Module = network.to(settings.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.fixed = fixed_layers(self.network, settings.freeze)
        for name in self.fixed:  # its own weights: those of layers within it may learn
            for own in self.network.get_submodule(name).parameters(recurse=False):
                own.requires_grad_(False)
        self.average = WeightAverage(
            self.network, settings.device, norms=settings.freeze is not True, fixed=self.fixed
        )
        self.settings = settings
        self.weights = None if weights is None else torch.from_numpy(weights).to(settings.device)
        self.optimiser = _optimiser(self.network, settings)
        self.right: list[Tensor] = []
        self.losses: list[Tensor] = []

    def step(self, number: int, images: UInt8Array, soft_labels: Float32Array, views: bool) -> bool:
        """Take the step of this number, counted from 0; return whether the loss was a number."""
        settings = self.settings
        shown = to_network(images, settings.device)
        targets = torch.from_numpy(soft_labels).to(settings.device)
        self.network.train(settings.freeze is not True)  # dropout rests too where all is fixed
        for name in self.fixed:
            self.network.get_submodule(name).training = False  # fixed batch norms rest too
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(settings, number)
        with _autocast(settings):
            logits = self.network(shown).float()
            loss = (
                consistent_cross_entropy(logits, targets)
                if views
                else F.cross_entropy(
                    logits, targets, self.weights, label_smoothing=settings.label_smoothing
                )
            )
        if not torch.isfinite(loss):
            return False
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.average.update(self.network, images)
        chosen = logits.detach()[: len(targets)].argmax(dim=1)
        self.right.append((chosen == targets.argmax(dim=1)).float().mean())
        self.losses.append(loss.detach())
        return True

    def batches_seen(self) -> tuple[float, float]:
        """Return mean accuracy and loss of the batches since the last call."""
        found = float(torch.stack(self.right).mean()), float(torch.stack(self.losses).mean())
        self.right, self.losses = [], []
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on."""
        found = {f"weights/{name}": own for name, own in self.network.state_dict().items()}
        found |= {f"average/{name}": own for name, own in self.average.state().items()}
        for place, parameter in enumerate(self.network.parameters()):
            for name, own in self.optimiser.state.get(parameter, {}).items():
                found[f"optimiser/{place}/{name}"] = own
        found["generator"] = torch.get_rng_state()
        return {name: own.detach().cpu().clone() for name, own in found.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what ``tensors`` gave."""
        placed = {name: own.to(self.settings.device) for name, own in tensors.items()}
        self.network.load_state_dict(_below(placed, "weights/"))
        self.average.restore(_below(placed, "average/"))
        for place, parameter in enumerate(self.network.parameters()):
            for name, own in _below(placed, f"optimiser/{place}/").items():
                # Laid out in memory like its parameter, which the state does not keep.
                like = parameter.detach() if own.dim() else own
                self.optimiser.state[parameter][name] = torch.empty_like(like).copy_(own)
        torch.set_rng_state(tensors["generator"])


def train_classifier(
    training: TrainingSet,
    build: Builder,
    settings: TrainingSettings,
    seed: int,
    batch_policy: BatchPolicy = DEFAULT_POLICY,
    *,
    measure: Measure | None = None,
    on_batches: OnBatches | None = None,
    saved: TrainingProgress | None = None,
) -> Trained:
    """Train ``settings.steps`` steps and average the weights.

    Equal seeds start from equal weights whatever the training set; on one thread, equal seeds and
    sets give equal networks, whether trained in one go or on from ``saved``.

    Args:
        training: what is trained on.
        build: makes the network.
        settings: of the training.
        seed: of weights and order.
        batch_policy: how the rows reach the network.
        measure: is called with the averaged network at each of ``reading_steps``.
        on_batches: is called after it with what the batches since then came to.
        saved: where an earlier training of the same stood, at most at ``settings.steps``.
    """
    read_rows = row_reader(training.source)

    def read(step: int, rows: Int64Array) -> tuple[UInt8Array, Float32Array]:
        # With views: all clean images, then all first views, then all second ones.
        images, soft_labels = read_rows(rows.T.reshape(-1))
        change = vary_with_views if batch_policy.online_views else vary
        images, soft_labels = change(
            batch_policy.online, images, soft_labels, seed=seed, step=step, steps=settings.horizon
        )
        return images, soft_labels[: len(rows)]

    with _sealed_torch_randomness():
        torch.manual_seed(key_of("classifier weights", seed))
        network = build(training.source.image_shape, len(training.source.class_names))
        weights = class_weights(training.source) if batch_policy.loss == "weighted" else None
        own = _Training(network, settings, weights)
        torch.manual_seed(key_of("classifier dropout", seed))
        if saved is not None:
            own.restore(saved.tensors)
        rows = rows_of_steps(training, settings, seed, batch_policy)
        return _run(own, read, rows, saved or TrainingProgress(0, {}), measure, on_batches)


def rows_of_steps(
    training: TrainingSet, settings: TrainingSettings, seed: int, batch_policy: BatchPolicy
) -> Iterator[Int64Array]:
    """Yield the rows of every step, int64 [batch], or [batch, 3] with stored views."""
    steps = max(settings.steps, settings.horizon)
    if batch_policy.loss == "jsd" and not batch_policy.online_views:
        return batches.with_views(training, steps, settings.batch, seed)
    if batch_policy.real_share is not None:
        return batches.shared(training, batch_policy.real_share, steps, settings.batch, seed)
    return batches.ordered(training, batch_policy.order, steps, settings.batch, seed)


def _run(
    own: _Training,
    read: Read,
    steps_rows: Iterator[Int64Array],
    progress: TrainingProgress,
    measure: Measure | None,
    on_batches: OnBatches | None,
) -> Trained:
    """Take the steps that are missing; what is measured on the way does not count as training."""
    last = own.settings.steps
    readings = {step for step in reading_steps(last) if step > progress.step}
    deque(islice(steps_rows, progress.step), maxlen=0)
    seconds, waited, step, broke = progress.seconds, progress.waited, progress.step, progress.broke
    while step < last and not broke:
        start = time.perf_counter()
        rows = next(steps_rows)
        images, soft_labels = read(step, rows)
        waited += time.perf_counter() - start
        broke = not own.step(step, images, soft_labels, len(images) > len(soft_labels))
        step += not broke
        seconds += time.perf_counter() - start
        if step in readings and not broke and measure is not None:
            measure(step, own.average.network())
        if step in readings and not broke and on_batches is not None:
            on_batches(*own.batches_seen())
    tensors = own.tensors()
    return Trained(own.average.network(), TrainingProgress(step, tensors, seconds, waited, broke))


def _optimiser(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    without_compiler()
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "muon":
        return Muon(network.parameters(), lr=rate, weight_decay=decay)
    if settings.optimiser == "adam":
        return Adam(network.parameters(), lr=rate, weight_decay=decay, fused=True)
    if settings.optimiser == "rmsprop":
        return keras_rmsprop(network.parameters(), rate, decay)
    return AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)


def _autocast(settings: TrainingSettings) -> contextlib.AbstractContextManager[None]:
    if settings.precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(settings.device, torch.bfloat16)


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): own for name, own in tensors.items() if name.startswith(prefix)
    }


@contextlib.contextmanager
def _sealed_torch_randomness() -> Iterator[None]:
    """Give back torch's global generator as it was.

    Layers draw their first weights and dropout from it and take no other; so it is seeded for the
    block and restored after it.
    """
    with torch.random.fork_rng(devices=[]):
        yield
