"""torchvision's classifiers by name, from first weights or from a file of weights."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from augfactory.errors import InputDataError
from augfactory.guarded.tensors import parse_tensors, read_tensor_file
from augfactory.torchvision_import import import_torchvision

# What published weights were trained with (ImageNet, in [0, 1]).
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Bytes that a file may have beside twice the model's own: published last layers can be large.
ROOM = 2**28


class TorchvisionClassifier(nn.Module):
    """A torchvision model that takes grey images too, as three equal channels."""

    def __init__(self, model: nn.Module, *, normalised: bool) -> None:
        super().__init__()
        self.model = model
        self.normalised = normalised
        self.mean = torch.tensor(MEAN)[:, None, None]
        self.std = torch.tensor(STD)[:, None, None]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of float32 [N, 1 or 3, H, W] in [0, 1]."""
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        if self.normalised:
            images = (images - self.mean) / self.std
        logits: torch.Tensor = self.model(images)
        return logits


def model_names() -> list[str]:
    """Return the names that ``torchvision_model`` knows."""
    models = import_torchvision("torchvision.models")
    return list(models.list_models(module=models))


def torchvision_model(name: str, classes: int, weights: Path | None) -> nn.Module:
    """Build a model of ``model_names``; nothing is downloaded.

    With ``weights`` all but the last layer starts from the file, and images are normalised as
    ImageNet's were.

    Raises:
        InputDataError: the file cannot be read, or does not fit the model.
    """
    model = import_torchvision("torchvision.models").get_model(
        name, weights=None, num_classes=classes
    )
    if weights is not None:
        _load(model, name, weights)
    return TorchvisionClassifier(model, normalised=weights is not None)


def _load(model: nn.Module, name: str, path: Path) -> None:
    own = model.state_dict()
    given = _read(path, 2 * sum(tensor.nbytes for tensor in own.values()) + ROOM)
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


def _read(path: Path, most: int) -> Mapping[str, torch.Tensor]:
    try:
        data = read_tensor_file(path, most)
        if path.suffix == ".safetensors":
            return parse_tensors(data)
        found = _unpickled(data)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(found, Mapping) or not all(map(torch.is_tensor, found.values())):
        raise InputDataError(path, "holds no weights by name", "Save a model's state_dict there.")
    return found


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
    # What those two stumble over in a damaged file can be anything at all.
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _unreadable(path: Path, error: OSError | ValueError) -> InputDataError:
    reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
    return InputDataError(
        path, f"cannot be read as weights: {reason}", "Name a .safetensors or .pth file of weights."
    )
