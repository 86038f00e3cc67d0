"""Models on disk: weights as safetensors, everything else in config.json. No pickle."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from augfactory.errors import InputDataError, RecipeError
from augfactory.guarded.files import UnsafePathError, inside, open_regular, sha256_of
from augfactory.guarded.tensors import first_misfit, parse_tensors, read_tensor_file
from augfactory.vae.config import ModelConfig, read_config
from augfactory.vae.files import CHECKPOINTS, CONFIG, WEIGHTS
from augfactory.vae.networks.network import Network
from augfactory.vae.networks.registry import build_network, weights_of
from augfactory.vae.training_state import tensor_bytes

HEADER = 2**16  # bytes that a file of weights may have beside them
RETRAIN = (
    "Restore the file, or delete the model's folder and train it again with `augfactory vae-train`."
)


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
        raise _is_another(path)
    try:
        tensors = parse_tensors(data)
    except ValueError as error:
        raise InputDataError(path, f"cannot be used as weights: {error}", RETRAIN) from error
    if (difference := first_misfit(tensors, expected)) is not None:
        raise _does_not_fit(path, difference)
    return tensors


def check_files(folder: Path, config: ModelConfig) -> None:
    """Compare all weights of a model with what its config says of them.

    Raises:
        InputDataError: a file is missing or damaged.
    """
    for name, sha256 in config.files.items():
        try:
            with open_regular(inside(folder, name)) as file:
                _, found = sha256_of(file)
        except OSError as error:
            raise InputDataError(
                folder / name, f"cannot be read: {error.strerror}", RETRAIN
            ) from error
        if found != sha256:
            raise _is_another(folder / name)


def _is_another(path: Path) -> InputDataError:
    return InputDataError(path, f"is not the file that {CONFIG} names: its sha256 differs", RETRAIN)


def _does_not_fit(path: Path, reason: str) -> InputDataError:
    return InputDataError(
        path, f"does not fit the network that {CONFIG} describes: {reason}", RETRAIN
    )
