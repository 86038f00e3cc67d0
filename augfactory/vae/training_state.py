"""Where a training stands, as bytes: all that is needed to go on as if nothing had happened."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Self

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from augfactory.guarded.tensors import checksum, first_misfit, metadata_of, parse_tensors
from augfactory.vae.history import HistoryRow
from augfactory.vae.networks.network import Network
from augfactory.vae.settings import TrainingSettings, VaeOptimiser

WEIGHTS, MOMENTS, BEST = "weights/", "moments/", "best/"
STANDING, CHECKSUM = "standing", "sha256"  # the keys of the metadata
MOMENTS_OF: dict[VaeOptimiser, tuple[str, ...]] = {
    "adam": ("step", "exp_avg", "exp_avg_sq"),
    "rmsprop": ("step", "square_avg"),
}


class UnreadableStateError(ValueError):
    """The bytes are no state of a training, or that of another."""


class TrainingProgress(BaseModel):
    """The part of a training's state that is not a tensor.

    Attributes:
        order: a hash of all that the training follows from.
        step: steps done.
        history: one row per interval done.
        reached: each loss of ``save_at_loss`` that was reached -> the step where it was.
        kept: each of these losses -> the SHA-256 of the checkpoint that was kept there.
        best_loss: the lowest watched loss after the warm-up, None before there is one.
        best_step: where that was.
        waited: intervals since then.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    order: str = ""
    step: int = Field(default=0, ge=0)
    history: list[HistoryRow] = []
    reached: dict[float, int] = {}
    kept: dict[float, str] = {}
    best_loss: float | None = None
    best_step: int | None = None
    waited: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Refuse what no training can have come to; what is set later is not looked at."""
        steps = [row.step for row in self.history]
        if (
            any(later <= earlier for earlier, later in pairwise([0, *steps]))
            or self.step != max(steps, default=0)
            or not {*self.reached.values()} <= {*steps}
            or self.kept.keys() != self.reached.keys()
            or (self.best_loss is None) != (self.best_step is None)
            or self.best_step not in (None, *steps)
        ):
            raise ValueError("its figures contradict each other")
        return self


def state_bytes(
    standing: TrainingProgress,
    network: Network,
    optimiser: torch.optim.Optimizer,
    best: Mapping[str, Tensor],
) -> bytes:
    """Return the whole state as one safetensors file; ``standing`` is its metadata.

    A checksum over all of it stands beside that, so that no damage goes unnoticed.
    """
    tensors = {WEIGHTS + name: tensor for name, tensor in network.state_dict().items()}
    tensors |= {BEST + name: tensor for name, tensor in best.items()}
    for name, parameter in network.named_parameters():
        for moment, tensor in optimiser.state[parameter].items():
            tensors[f"{MOMENTS}{name}/{moment}"] = tensor
    plain, text = _plain(tensors), standing.model_dump_json()
    return tensor_bytes(plain, {STANDING: text, CHECKSUM: checksum(text, plain)})


def read_state(data: bytes) -> tuple[TrainingProgress, dict[str, Tensor]]:
    """Return what ``state_bytes`` was given, held to its checksum; tensors by their full names.

    Raises:
        UnreadableStateError: the bytes are no such state, or damaged.
    """
    try:
        said = metadata_of(data)
        tensors = parse_tensors(data)
        text = said.get(STANDING, "")
        if said.get(CHECKSUM) != checksum(text, tensors):
            raise UnreadableStateError("its checksum differs")
        return TrainingProgress.model_validate_json(text), tensors
    except UnreadableStateError:
        raise
    except ValueError as error:
        raise UnreadableStateError(str(error).splitlines()[0]) from error


def checked_state(
    data: bytes, network: Network, settings: TrainingSettings, order: str, *, validated: bool
) -> tuple[TrainingProgress, dict[str, Tensor]]:
    """Return ``read_state``, held to the training that is to go on from it.

    Args:
        data: the state.
        network: that is trained; it is only looked at.
        settings: of the training.
        order: the hash of all that it follows from.
        validated: whether the best weights are kept, too.

    Raises:
        UnreadableStateError: the bytes are no such state, damaged, or that of another training.
    """
    standing, tensors = read_state(data)
    if standing.order != order:
        raise UnreadableStateError("it is that of another request")
    if not 0 < standing.step <= settings.steps or not {*standing.reached} <= {
        *settings.save_at_loss
    }:
        raise UnreadableStateError("its figures are those of another training")
    expected = {WEIGHTS + name: tensor for name, tensor in network.state_dict().items()}
    if validated and standing.best_step is not None:
        expected |= {BEST + name: tensor for name, tensor in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        for moment in MOMENTS_OF[settings.optimiser]:
            like = parameter if moment != "step" else torch.zeros(())
            expected[f"{MOMENTS}{name}/{moment}"] = like
    if (difference := first_misfit(tensors, expected)) is not None:
        raise UnreadableStateError(difference)
    return standing, tensors


def restore_tensors(
    tensors: Mapping[str, Tensor], network: Network, optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Put the tensors of ``checked_state`` back into network and optimiser; return the best."""
    network.load_state_dict(_below(tensors, WEIGHTS))
    for name, parameter in network.named_parameters():
        for moment, tensor in _below(tensors, f"{MOMENTS}{name}/").items():
            # A moment is laid out in memory like its parameter, which the file does not keep.
            like = parameter.detach() if tensor.dim() else tensor
            placed = torch.empty_like(like, device=parameter.device).copy_(tensor)
            optimiser.state[parameter][moment] = placed
    return _below(tensors, BEST)


def tensor_bytes(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """Return tensors as a safetensors file."""
    data: bytes = safetensors.torch.save(_plain(tensors), metadata)
    return data


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
