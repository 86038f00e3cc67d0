"""Weights of classifiers in files: published ones, and those that an evaluation saved."""

import io
import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from augfactory.errors import InputDataError
from augfactory.guarded.tensors import checksum, metadata_of, parse_tensors, read_tensor_file
from augfactory.vae.training_state import tensor_bytes

# Bytes that a file may have beside twice the model's own: published last layers can be large.
ROOM = 2**28
# Layers of a DenseNet in torchvision's published files, under names that they have no more.
OLD_NAME = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")
COUNTER = ".num_batches_tracked"  # older files have none
ABOUT, CHECKSUM = "classifier", "sha256"  # the keys of what a saved file says of itself


def weights_bytes(network: nn.Module, about: Mapping[str, Any]) -> bytes:
    """Return the weights of a network as safetensors that ``load_weights`` takes.

    ``about`` is what the file says of them. Of one of torchvision's the names are torchvision's.
    """
    text = json.dumps({**about, "normalised": getattr(network, "normalised", False)})
    states = model_of(network).state_dict()
    tensors = {name: own.cpu().contiguous() for name, own in states.items()}
    return tensor_bytes(tensors, {ABOUT: text, CHECKSUM: checksum(text, tensors)})


def model_of(network: nn.Module) -> nn.Module:
    """Return the module whose weights files hold: of one of torchvision's that of torchvision."""
    model: nn.Module = getattr(network, "model", network)
    return model


def read_checked(path: Path) -> tuple[str, dict[str, torch.Tensor]]:
    """Return what a file of ``weights_bytes`` says of its weights, as JSON, and the weights.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
        KeyError: it is of another kind.
    """
    data = read_tensor_file(path, follow=False)
    said, tensors = metadata_of(data), parse_tensors(data)
    if said[CHECKSUM] != checksum(said[ABOUT], tensors):
        raise ValueError("its checksum differs")
    return said[ABOUT], tensors


def load_weights(model: nn.Module, name: str, path: Path) -> bool:
    """Let all but the last Linear layer of ``model`` start from a file.

    ``name`` is what messages call the model. Returns whether the weights are for images that are
    normalised as ImageNet's were: published ones are, unless the file says otherwise.

    Raises:
        InputDataError: the file cannot be read, or does not fit the model.
    """
    own = model.state_dict()
    found, normalised = _read(path, 2 * sum(tensor.nbytes for tensor in own.values()) + ROOM)
    given = {key: value for key, value in own.items() if key.endswith(COUNTER)}
    given |= {OLD_NAME.sub(r"\1\2", key): value for key, value in found.items()}
    linear = [place for place, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    last = f"{linear[-1]}." if linear else ""
    for key in sorted(given.keys() | own.keys()):
        if last and key.startswith(last):
            continue
        if key not in own or key not in given or own[key].shape != given[key].shape:
            what = (
                f"has {key}, which {name} has not"
                if key not in own
                else f"lacks {key}"
                if key not in given
                else f"{key} has the shape {tuple(given[key].shape)}, not {tuple(own[key].shape)}"
            )
            raise InputDataError(path, what, f"Name weights of {name}, or another --classifier.")
        if not bool(given[key].isfinite().all()):
            what = f"{key} holds values that are not finite numbers"
            raise InputDataError(path, what, "Name other weights.")
    model.load_state_dict(
        {**own, **{k: v for k, v in given.items() if not k.startswith(last or " ")}}
    )
    return normalised


def _read(path: Path, most: int) -> tuple[Mapping[str, torch.Tensor], bool]:
    try:
        data = read_tensor_file(path, most)
        if path.suffix == ".safetensors":
            return parse_tensors(data), _normalised(data)
        found = _unpickled(data)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(found, Mapping) or not all(map(torch.is_tensor, found.values())):
        raise InputDataError(path, "holds no weights by name", "Save a model's state_dict there.")
    return found, True


def _normalised(data: bytes) -> bool:
    """Return what a file that an evaluation saved says of its images; True for all others."""
    try:
        return bool(json.loads(metadata_of(data)[ABOUT])["normalised"])
    except (ValueError, KeyError, TypeError):
        return True


def _unpickled(data: bytes) -> Any:
    """Return what torch saved, tensors and plain values only: no code of the file is run.

    Raises:
        ValueError: it is nothing of the kind.
    """
    try:
        if zipfile.is_zipfile(io.BytesIO(data)):  # else it is of torch's older format
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                # torch compresses nothing, and what is not compressed is no larger than its file.
                if any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist()):
                    raise ValueError("its members are compressed")
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:  # torch would advise to run the code of the file
        raise ValueError("torch.save wrote no tensors and plain values alone there") from error
    # What those two stumble over in a damaged file can be anything at all.
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _unreadable(path: Path, error: OSError | ValueError) -> InputDataError:
    reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
    return InputDataError(
        path, f"cannot be read as weights: {reason}", "Name a .safetensors or .pth file of weights."
    )
