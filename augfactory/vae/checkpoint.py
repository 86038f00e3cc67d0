"""Models on disk: weights as safetensors, everything else in config.json. No pickle."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from augfactory.errors import InputDataError, RecipeError
from augfactory.guarded.files import UnsafePathError, inside
from augfactory.guarded.tensors import parse_tensors, read_tensor_file
from augfactory.vae.config import ModelConfig, read_config
from augfactory.vae.files import CHECKPOINTS, CONFIG, WEIGHTS
from augfactory.vae.networks.network import Network
from augfactory.vae.networks.registry import build_network, weights_of
from augfactory.vae.training_state import tensor_bytes

HEADER = 2**16  # bytes that a file of weights may have beside them
RETRAIN = "Restore the file, or train the model again with `augfactory vae-train`."


@dataclass(frozen=True)
class Model:
    """A trained network in evaluation mode, on the CPU; ``sha256`` is that of its weights file."""

    network: Network
    config: ModelConfig
    sha256: str


def checkpoint_path(checkpoint: str | None) -> str:
    """Return where the weights of a checkpoint, or the final ones, lie in the model's folder.

    ``loss-120``, ``checkpoints/loss-120.safetensors`` and ``120`` name the same one.
    """
    if checkpoint is None:
        return WEIGHTS
    name = checkpoint.removeprefix(f"{CHECKPOINTS}/").removesuffix(".safetensors")
    return f"{CHECKPOINTS}/loss-{name.removeprefix('loss-')}.safetensors"


def weights_bytes(network: Network) -> bytes:
    """Return the weights of a network as a safetensors file."""
    return tensor_bytes(network.state_dict())


def load_model(folder: Path, checkpoint: str | None = None) -> Model:
    """Load the model in ``folder``, or what it was when it reached the loss of ``checkpoint``.

    Raises:
        InputDataError: a file is missing or damaged, or does not belong to the others.
    """
    config = read_config(folder)
    name = checkpoint_path(checkpoint)
    if name not in config.files:
        if checkpoint is None:
            raise InputDataError(folder / CONFIG, f"names no weights: no {WEIGHTS}", RETRAIN)
        known = [Path(file).stem for file in config.files if file != WEIGHTS]
        raise InputDataError(
            folder,
            f"has no checkpoint {checkpoint!r}",
            f"It has {', '.join(known)}." if known else "It was trained without --save-at-loss.",
        )
    expected = _expected(folder, config)
    tensors = _read_weights(folder, name, config.files[name], expected)
    network = build_network(config.architecture, config.network_shape, config.training.seed)
    network.load_state_dict(tensors)
    return Model(network.eval(), config, config.files[name])


def _expected(folder: Path, config: ModelConfig) -> dict[str, Tensor]:
    """Return what the weights must be, without a byte of them, see ``weights_of``."""
    try:
        return weights_of(config.architecture, config.network_shape)
    except RecipeError as error:
        raise InputDataError(
            folder / CONFIG, error.what, "Use the augfactory that trained this model."
        ) from error


def _read_weights(
    folder: Path, name: str, sha256: str, expected: dict[str, Tensor]
) -> dict[str, Tensor]:
    path = folder / name
    needed = sum(tensor.nbytes for tensor in expected.values())
    try:
        data = read_tensor_file(inside(folder, name), needed + HEADER)
    except OSError as error:
        raise InputDataError(path, f"cannot be read: {error.strerror}", RETRAIN) from error
    except UnsafePathError as error:
        raise InputDataError(folder / CONFIG, f"files: {error}", RETRAIN) from error
    except ValueError as error:
        raise _does_not_fit(path, str(error)) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputDataError(
            path, f"is not the file that {CONFIG} names: its sha256 differs", RETRAIN
        )
    try:
        tensors = parse_tensors(data)
    except ValueError as error:
        raise InputDataError(path, f"cannot be used as weights: {error}", RETRAIN) from error
    if (difference := first_misfit(tensors, expected)) is not None:
        raise _does_not_fit(path, difference)
    return tensors


def first_misfit(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str | None:
    """Say what first sets ``tensors`` apart from what was expected, None where nothing does."""
    for name in sorted(tensors.keys() | expected.keys()):
        if name not in expected:
            return f"it has {name[:80]}, which there should not be"
        if name not in tensors:
            return f"it lacks {name}"
        found, wanted = tensors[name], expected[name]
        if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
            return f"{name} is {_described(found)}, not {_described(wanted)}"
    return None


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _does_not_fit(path: Path, reason: str) -> InputDataError:
    return InputDataError(
        path, f"does not fit the network that {CONFIG} describes: {reason}", RETRAIN
    )
