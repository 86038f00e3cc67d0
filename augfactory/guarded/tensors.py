"""Weights in safetensors that nobody vouches for: no pickle, held to the size of what they fill."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from augfactory.guarded.files import read_file

if TYPE_CHECKING:
    import torch

LARGEST_HEADER = 10**8  # bytes; what safetensors itself allows
LARGEST_WEIGHTS = 2**32


def read_tensor_file(path: Path, most: int = LARGEST_WEIGHTS, *, follow: bool = True) -> bytes:
    """Read a whole file of at most ``most`` bytes.

    Raises:
        ValueError: it is larger.
        OSError: it is not a regular file, or cannot be read.
    """
    return read_file(path, most, follow=follow)


def parse_tensors(data: bytes) -> "dict[str, torch.Tensor]":
    """Return the tensors of a safetensors file by name.

    Raises:
        ValueError: it is none, or holds NaN or an infinite value.
    """
    import safetensors.torch  # torch takes seconds: only where there are weights
    from safetensors import SafetensorError

    try:
        tensors: dict[str, torch.Tensor] = safetensors.torch.load(data)
    except (SafetensorError, RuntimeError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(str(error).strip().splitlines()[0]) from error
    for name, tensor in tensors.items():
        if not _is_finite(tensor):
            raise ValueError(f"{name} holds values that are not finite numbers")
    return tensors


def first_misfit(
    tensors: "Mapping[str, torch.Tensor]", expected: "Mapping[str, torch.Tensor]"
) -> str | None:
    """Say what first sets ``tensors`` apart in name, shape or dtype from what was expected.

    None where nothing does.
    """
    for name in sorted(tensors.keys() | expected.keys()):
        if name not in expected:
            return f"it has {name[:80]}, which there should not be"
        if name not in tensors:
            return f"it lacks {name}"
        found, wanted = tensors[name], expected[name]
        if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
            return f"{name} is {_described(found)}, not {_described(wanted)}"
    return None


def _described(tensor: "torch.Tensor") -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _is_finite(tensor: "torch.Tensor") -> bool:
    if not tensor.is_floating_point():
        return True
    # torch cannot ask numbers of one byte.
    return bool((tensor.float() if tensor.itemsize == 1 else tensor).isfinite().all())


def metadata_of(data: bytes) -> dict[str, str]:
    """Return the text that stands beside the tensors.

    Raises:
        ValueError: the file is no safetensors, or has none.
    """
    length = int.from_bytes(data[:8], "little")
    if length > min(LARGEST_HEADER, len(data) - 8):
        raise ValueError("its header is longer than the file")
    try:
        header = json.loads(data[8 : 8 + length])
        found = header["__metadata__"]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("it says nothing of itself") from error
    if not isinstance(found, dict) or not all(isinstance(own, str) for own in found.values()):
        raise ValueError("it says nothing of itself")
    return found


def checksum(text: str, tensors: "Mapping[str, torch.Tensor]") -> str:
    """Return a SHA-256 of a text, and of the name, dtype, shape and bytes of every tensor."""
    import torch

    digest = hashlib.sha256()
    for part in [text.encode()] + [
        part
        for name in sorted(tensors)
        for part in (
            f"{name} {tensors[name].dtype} {list(tensors[name].shape)}".encode(),
            tensors[name].reshape(-1).view(torch.uint8).numpy().data,
        )
    ]:
        digest.update(len(part).to_bytes(8, "little"))  # so that no part runs into the next
        digest.update(part)
    return digest.hexdigest()
