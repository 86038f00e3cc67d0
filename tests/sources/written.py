"""Small labelled sets, and the files that hold them: what the tests of this folder read back."""

import gzip
import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from PIL import Image

from augfactory.records import UInt8Array

HEIGHT, WIDTH = 12, 20
Integers = npt.NDArray[np.integer[Any]]


def noise(*shape: int, seed: int = 0) -> UInt8Array:
    """Random bytes of a shape; never the same row twice."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def image_of(pixels: UInt8Array) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def write_class_folders(root: Path, images: Integers, labels: Integers) -> None:
    """Write each row as root/<label>/<row>.png."""
    for row, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        folder = root / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        image_of(pixels.astype(np.uint8)).save(folder / f"{row:04d}.png")


def idx_bytes(array: UInt8Array) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(
    folder: Path, images: Integers, labels: Integers, prefix: str = "train", suffix: str = ""
) -> None:
    """Write an IDX pair called PREFIX-images-idx3-ubyteSUFFIX; ".gz" compresses."""
    folder.mkdir(parents=True, exist_ok=True)
    pack = gzip.compress if suffix == ".gz" else bytes
    (folder / f"{prefix}-images-idx3-ubyte{suffix}").write_bytes(
        pack(idx_bytes(images.astype(np.uint8)))
    )
    (folder / f"{prefix}-labels-idx1-ubyte{suffix}").write_bytes(
        pack(idx_bytes(labels.astype(np.uint8)))
    )


def write_h5(path: Path, attributes: Mapping[str, object] | None = None, **arrays: object) -> None:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values)
        file.attrs.update(attributes or {})
