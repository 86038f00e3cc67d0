"""The guard of a training: it stops before numbers that are none reach a weight or a file."""

import math

import numpy as np

from augfactory.errors import AugfactoryError
from augfactory.vae.history import HistoryRow
from augfactory.vae.networks.network import Network
from augfactory.vae.objective import BLANK_NATS, learning_rate_at
from augfactory.vae.settings import TrainingSettings

DIVERGED_AT = 10.0  # times what a blank guess costs


class TrainingDivergedError(AugfactoryError):
    """A loss, gradient or weight is no longer a number, or the loss far beyond a blank guess."""


def check_step(
    settings: TrainingSettings, step: int, reconstruction: float, kl: float, gradient: float
) -> None:
    """Stop before an optimiser step that would spoil the weights; ``step`` counts from 0.

    Raises:
        TrainingDivergedError: naming the step, the term and the learning rate.
    """
    figures = {"reconstruction": reconstruction, "KL": kl, "gradient norm": gradient}
    broken = [name for name, value in figures.items() if not math.isfinite(value)]
    if broken:
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        raise _diverged(settings, step, f"the {broken[0]} is not a finite number ({shown})")


def check_interval(
    settings: TrainingSettings, row: HistoryRow, network: Network, image_shape: tuple[int, ...]
) -> None:
    """Stop before an interval is saved whose weights are of no use.

    Raises:
        TrainingDivergedError: naming the step, the term and the learning rate.
    """
    blank = BLANK_NATS * float(np.prod(image_shape))
    if row.reconstruction > DIVERGED_AT * blank:
        costs = f"the reconstruction costs {row.reconstruction:,.0f} nats"
        raise _diverged(settings, row.step - 1, f"{costs}, a blank guess {blank:,.0f}")
    if not math.isfinite(row.watched):
        raise _diverged(settings, row.step - 1, "the validation loss is not a finite number")
    for name, tensor in network.state_dict().items():
        if not tensor.isfinite().all():
            raise _diverged(settings, row.step - 1, f"the weights {name} are not finite numbers")


def _diverged(settings: TrainingSettings, step: int, what: str) -> TrainingDivergedError:
    rate = learning_rate_at(step, settings.steps, settings.learning_rate, settings.schedule)
    return TrainingDivergedError(
        f"training step {step + 1} of {settings.steps}",
        f"{what}; the learning rate is {rate:.3g}",
        f"Lower --learning-rate, for example to {settings.learning_rate / 4:.2g}.",
    )
