"""Where a training stands, as bytes: all that is needed to go on as if nothing had happened."""

import json
from collections.abc import Mapping

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from torch import Tensor

from augfactory.vae.history import HistoryRow
from augfactory.vae.networks.network import Network

WEIGHTS, MOMENTS, BEST = "weights/", "moments/", "best/"


class UnreadableStateError(ValueError):
    """The bytes are no state of a training, or that of another network."""


class Standing(BaseModel):
    """The part of a training's state that is no tensor.

    Attributes:
        step: steps done.
        history: one row per interval done.
        reached: each loss of ``save_at_loss`` that was reached -> the step where it was.
        best_loss: the lowest watched loss after the warm-up, None before there is one.
        best_step: where that was.
        waited: intervals since then.
    """

    model_config = ConfigDict(extra="forbid")

    step: int = 0
    history: list[HistoryRow] = []
    reached: dict[float, int] = {}
    best_loss: float | None = None
    best_step: int | None = None
    waited: int = 0


def state_bytes(
    standing: Standing,
    network: Network,
    optimiser: torch.optim.Optimizer,
    best: Mapping[str, Tensor],
) -> bytes:
    """Return the whole state as one safetensors file; ``standing`` is its metadata."""
    tensors = {WEIGHTS + name: tensor for name, tensor in network.state_dict().items()}
    tensors |= {BEST + name: tensor for name, tensor in best.items()}
    for name, parameter in network.named_parameters():
        for moment, tensor in optimiser.state[parameter].items():
            tensors[f"{MOMENTS}{name}/{moment}"] = tensor
    return tensor_bytes(tensors, {"standing": standing.model_dump_json()})


def restore_state(
    data: bytes, network: Network, optimiser: torch.optim.Optimizer
) -> tuple[Standing, dict[str, Tensor]]:
    """Put a state back into ``network`` and ``optimiser``; return the standing and best weights.

    Raises:
        UnreadableStateError: the bytes are no such state, or that of another network.
    """
    standing = read_standing(data)
    try:
        tensors = safetensors.torch.load(data)
        network.load_state_dict(_below(tensors, WEIGHTS))
    except (SafetensorError, RuntimeError) as error:
        raise UnreadableStateError(str(error)) from error
    for name, parameter in network.named_parameters():
        for moment, tensor in _below(tensors, f"{MOMENTS}{name}/").items():
            # A moment is laid out in memory like its parameter, which the file does not keep.
            like = parameter.detach() if tensor.dim() else tensor
            placed = torch.empty_like(like, device=parameter.device).copy_(tensor)
            optimiser.state[parameter][moment] = placed
    return standing, _below(tensors, BEST)


def read_standing(data: bytes) -> Standing:
    """Return only where the training stands.

    Raises:
        UnreadableStateError: the bytes are no such state.
    """
    length = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + length])
        return Standing.model_validate_json(header["__metadata__"]["standing"])
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableStateError("it does not say how far the training had come") from error


def tensor_bytes(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """Return tensors as a safetensors file."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data: bytes = safetensors.torch.save(plain, metadata)
    return data


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
