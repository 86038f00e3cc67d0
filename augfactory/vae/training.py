"""Train an autoencoder: interruptible anywhere, and bit-equal however often it was interrupted.

Each step draws its batch and its noise from a generator keyed by the step, and the state is saved
after every interval; so a run that was killed goes on from the last save and ends with the weights
of a run that was not. This holds on one machine with one number of threads, on a CPU.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from augfactory.records import Source
from augfactory.torch_optimiser import Adam, keras_rmsprop, without_compiler
from augfactory.vae.divergence import check_interval, check_step
from augfactory.vae.history import HistoryRow
from augfactory.vae.networks.network import Network
from augfactory.vae.objective import (
    kl_weight_at,
    learning_rate_at,
)
from augfactory.vae.settings import TrainingSettings
from augfactory.vae.team import ALONE, Team, Terms
from augfactory.vae.training_batches import Vary, draw_batch, unvaried, validation_loss
from augfactory.vae.training_state import (
    TrainingProgress,
    checked_state,
    restore_tensors,
    state_bytes,
    tensor_bytes,
)

STATE = "state"
CLIP_NATS_PER_VALUE = 1.0  # well above the gradients of a healthy training after its first steps


@dataclass(frozen=True)
class Callbacks:
    """Who is told how a training goes.

    Attributes:
        save: (name, bytes), for ``state`` after every interval, which replaces the one before, and
            for each ``loss-<L>`` that is reached. Whoever saves does so atomically.
        on_step: (steps done, loss, reconstruction, kl) after each step, loss at KL weight 1.
        on_interval: the row that was added to the history.
    """

    save: Callable[[str, bytes], None] = lambda _name, _data: None
    on_step: Callable[[int, float, float, float], None] = lambda *_figures: None
    on_interval: Callable[[HistoryRow], None] = lambda _row: None


@dataclass
class Training:
    """A network, what it learns from, and how far it has come.

    Attributes:
        network: trained in place.
        latent: the length of its latent vectors.
        source: the rows to learn from.
        validation: rows that are only watched, or None.
        settings: all that was chosen.
        device: where to compute.
        callbacks: who is told.
        vary: changes the images of a step before they are learned.
        unlabelled: images of half of every batch, with labels of zeros, or None.
        standing: how far it has come.
        best: the weights at ``standing.best_step``; empty without validation.
        team: the processes that train it together.
    """

    network: Network
    latent: int
    source: Source
    validation: Source | None
    settings: TrainingSettings
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    callbacks: Callbacks = field(default_factory=Callbacks)
    vary: Vary = unvaried
    unlabelled: Source | None = None
    standing: TrainingProgress = field(default_factory=TrainingProgress)
    best: dict[str, Tensor] = field(default_factory=dict)
    team: Team = ALONE

    @property
    def stopped_early(self) -> bool:
        """Whether patience ran out."""
        return 0 < self.settings.patience <= self.standing.waited


def train(training: Training, saved: bytes | None = None) -> None:
    """Train to the end, on from the state ``saved`` where there is one.

    The network ends on the CPU, in evaluation mode, with the best weights where there is
    validation and the last ones where there is none.

    Raises:
        TrainingDivergedError: with the step, the term, the gradient and the learning rate; nothing
            that came of it was saved.
        UnreadableStateError: ``saved`` is not a state of this network.
    """
    network, settings = training.network.to(training.device), training.settings
    without_compiler()
    optimiser = _optimiser(network, settings)
    if saved is not None:
        training.standing, tensors = checked_training(training, saved)
        training.best = restore_tensors(tensors, network, optimiser)
    terms = training.team.terms(network, min(settings.batch, len(training.source)))
    while training.standing.step < settings.steps and not training.stopped_early:
        row = training.team.told(_run_interval(training, terms, optimiser))
        check_interval(settings, row, network, training.source.image_shape)
        _update_best(training, row)
        state = state_bytes(training.standing, network, optimiser, training.best)
        training.callbacks.save(STATE, state)
        training.callbacks.on_interval(row)
    if training.best:
        network.load_state_dict(training.best)
    network.cpu().eval()


def _optimiser(network: Network, settings: TrainingSettings) -> torch.optim.Optimizer:
    if settings.optimiser == "rmsprop":
        return keras_rmsprop(network.parameters(), settings.learning_rate)
    return Adam(network.parameters(), lr=settings.learning_rate, fused=True)


def checked_training(
    training: Training, saved: bytes
) -> tuple[TrainingProgress, dict[str, Tensor]]:
    """Return where a saved state of this training stands, and its tensors; nothing is changed.

    Raises:
        UnreadableStateError: the bytes are no state of this training.
    """
    validated = training.validation is not None
    order = training.standing.order
    return checked_state(saved, training.network, training.settings, order, validated=validated)


def checkpoint_name(loss: float) -> str:
    """Return what the checkpoint of this loss is called: ``loss-120``, ``loss-87.5``."""
    return f"loss-{loss:.12g}"


def _run_interval(
    training: Training, compute: Terms, optimiser: torch.optim.Optimizer
) -> HistoryRow:
    began = time.monotonic()
    settings, standing = training.settings, training.standing
    training.network.train()
    end = min(standing.step + settings.interval, settings.steps)
    terms = []
    for step in range(standing.step, end):
        reconstruction, kl = _run_step(training, compute, optimiser, step)
        terms.append((reconstruction, kl))
        training.callbacks.on_step(step + 1, reconstruction + kl, reconstruction, kl)
    reconstruction, kl = np.mean(terms, axis=0).tolist()
    watched = None
    if training.validation is not None:
        watched = validation_loss(
            training.network, training.validation, training.latent, settings.seed
        )
    before = standing.history[-1].seconds if standing.history else 0.0
    return HistoryRow(
        step=end,
        loss=reconstruction + kl,
        reconstruction=reconstruction,
        kl=kl,
        kl_weight=kl_weight_at(end - 1, settings.warmup, settings.kl_weight),
        learning_rate=_rate(settings, end - 1),
        validation_loss=watched,
        seconds=round(before + time.monotonic() - began, 3),
    )


def _run_step(
    training: Training, compute: Terms, optimiser: torch.optim.Optimizer, step: int
) -> tuple[float, float]:
    """Do one step; return the reconstruction and the KL before it."""
    settings, network = training.settings, training.network
    batch = draw_batch(
        training.source, settings, training.latent, step, training.vary, training.unlabelled
    )
    part = training.team.part(batch)
    images, labels, noise = (tensor.to(training.device) for tensor in part)
    found = compute(images, labels, noise)
    reconstruction, kl = (training.team.weighed(term, len(batch[0])) for term in found)
    optimiser.zero_grad()
    weight = kl_weight_at(step, settings.warmup, settings.kl_weight)
    torch.autograd.backward(reconstruction + weight * kl)
    clip = CLIP_NATS_PER_VALUE * images[0].numel() if settings.clip else math.inf
    gradient = nn.utils.clip_grad_norm_(network.parameters(), clip)
    figures = training.team.mean(reconstruction, kl)
    check_step(settings, step, figures[0], figures[1], gradient.item())
    for group in optimiser.param_groups:
        group["lr"] = _rate(settings, step)
    optimiser.step()
    return figures[0], figures[1]


def _rate(settings: TrainingSettings, step: int) -> float:
    return learning_rate_at(step, settings.steps, settings.learning_rate, settings.schedule)


def _update_best(training: Training, row: HistoryRow) -> None:
    """Add ``row`` to the history, and act on what it says."""
    settings, standing = training.settings, training.standing
    standing.step = row.step
    standing.history.append(row)
    for loss in settings.save_at_loss:
        if row.loss <= loss and loss not in standing.reached:
            standing.reached[loss] = row.step
            weights = tensor_bytes(training.network.state_dict())
            standing.kept[loss] = hashlib.sha256(weights).hexdigest()
            training.callbacks.save(checkpoint_name(loss), weights)
    if row.step <= settings.warmup:
        return
    if standing.best_loss is None or row.watched < standing.best_loss:
        standing.best_loss, standing.best_step, standing.waited = row.watched, row.step, 0
        if training.validation is not None:
            state = training.network.state_dict()
            training.best = {name: tensor.detach().clone() for name, tensor in state.items()}
    else:
        standing.waited += 1
