"""Models on disk: weights as safetensors, everything else in config.json. No pickle."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError

from augfactory.errors import InputDataError, RecipeError
from augfactory.vae.config import ModelConfig, read_config
from augfactory.vae.files import CHECKPOINTS, CONFIG, WEIGHTS
from augfactory.vae.networks.network import Network
from augfactory.vae.networks.registry import build_network
from augfactory.vae.training_state import tensor_bytes

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
        known = [Path(file).stem for file in config.files if file != WEIGHTS]
        raise InputDataError(
            folder,
            f"has no checkpoint {checkpoint!r}",
            f"It has {', '.join(known)}." if known else "It was trained without --save-at-loss.",
        )
    data = _read_weights(folder / name, config.files[name])
    network = _empty_network(folder, config)
    try:
        network.load_state_dict(safetensors.torch.load(data))
    except (SafetensorError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise InputDataError(
            folder / name, f"does not fit the network that {CONFIG} describes: {reason}", RETRAIN
        ) from error
    return Model(network.eval(), config, config.files[name])


def _read_weights(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputDataError(path, f"cannot be read: {error.strerror}", RETRAIN) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputDataError(
            path, f"is not the file that {CONFIG} names: its sha256 differs", RETRAIN
        )
    return data


def _empty_network(folder: Path, config: ModelConfig) -> Network:
    try:
        return build_network(config.architecture, config.network_shape, config.training.seed)
    except RecipeError as error:
        raise InputDataError(
            folder / CONFIG, error.what, "Use the augfactory that trained this model."
        ) from error
