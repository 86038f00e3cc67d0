"""A folder of IDX files, as MNIST and its relatives come: ``train-images-idx3-ubyte[.gz]`` ….

The format (Y. LeCun): two zero bytes, a type byte (8 is unsigned byte), the number of axes, one
big-endian uint32 per axis, then the values. A plain file is mapped into memory, not read; a
compressed one is unpacked whole, never beyond what its header declares. Where both lie side by
side, as torchvision leaves them, the plain one is taken. Images stay as stored; EMNIST's lie
transposed.
"""

import gzip
import math
import os
import re
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from augfactory.errors import InputDataError
from augfactory.guarded.files import open_regular
from augfactory.records import Int64Array, Source, UInt8Array
from augfactory.sources.kind import SourceKind
from augfactory.sources.parsing.arrays import check_size, source_of_arrays, whole_images
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.labels import read_labels

FILE_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<split>train|t10k|test|validation|valid|val)[-_.](?P<what>images|labels)[-.]idx\d[-.]ubyte"
    r"(?P<gz>\.gz)?",
    re.IGNORECASE,
)
SPLIT_WORDS = {
    "train": ("train",),
    "test": ("t10k", "test"),
    "validation": ("val", "valid", "validation"),
}
UNSIGNED_BYTE = 8
Stream = BinaryIO | gzip.GzipFile
CHUNK_BYTES = 2**22
COPY_AGAIN = "The file is damaged or incomplete; copy or download it again."


def holds_idx(folder: Path) -> bool:
    """Say whether a file in ``folder`` is called like an IDX file of images or labels."""
    with decoder_errors(folder, "cannot be listed", "Check the folder."):
        return any(FILE_NAME.fullmatch(name) for name in os.listdir(folder))


def open_idx(folder: Path, split: str | None, name: str) -> Source:
    """Open the ``split`` (None: train) of the IDX files in ``folder``.

    The classes are those of all splits together, so that labels mean the same in each.

    Raises:
        InputDataError: a file is missing, stands twice, is damaged, or does not fit its partner.
    """
    split = split or "train"
    image_file = _find(folder, split, "images")
    label_file = _find(folder, split, "labels")
    stored = read_idx(image_file)
    if stored.ndim not in (3, 4):
        raise InputDataError(
            image_file, f"{stored.ndim} axes instead of the 3 or 4 of images", COPY_AGAIN
        )
    images = whole_images(stored, str(image_file))
    least_classes = max(_classes_of(folder, other) for other in SPLIT_WORDS if other != split)
    labels, _, class_names = read_labels(
        _read_labels(label_file), None, None, str(label_file), least_classes
    )
    if len(labels) != len(images):
        raise InputDataError(
            label_file,
            f"{len(labels)} labels, but {image_file.name} has {len(images)} images",
            "Put files of one set, whole, beside each other.",
        )
    return source_of_arrays(
        name=name,
        split=split,
        class_names=class_names,
        images=images,
        labels=labels,
        row_name=lambda row: f"{image_file.name} row {row}",
    )


def read_idx(path: Path) -> UInt8Array:
    """Return the array of an IDX file of unsigned bytes; ``.gz`` is unpacked, the rest mapped.

    Raises:
        InputDataError: no IDX file, another type, or bytes that are fewer or more than declared.
    """
    packed = path.suffix.lower() == ".gz"
    with (
        decoder_errors(path, "cannot be read as IDX", COPY_AGAIN),
        open_regular(path) as raw,
        gzip.GzipFile(fileobj=raw) if packed else raw as file,
    ):
        shape, offset = _read_header(file, path)
        size = math.prod(shape)
        if packed:
            check_size(shape, 1, str(path))
            return np.frombuffer(_read_all(file, size, path), dtype=np.uint8).reshape(shape)
        found = os.fstat(raw.fileno()).st_size - offset
        if found != size:
            raise InputDataError(
                path, f"{found:,} bytes of values, but the header declares {size:,}", COPY_AGAIN
            )
        if size == 0:
            return np.empty(shape, dtype=np.uint8)
        return np.memmap(raw, dtype=np.uint8, mode="r", offset=offset, shape=shape)


def _find(folder: Path, split: str, what: str) -> Path:
    found = _matching(folder, split, what)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        raise InputDataError(
            folder,
            f"several files could be the {split} {what}: {names}",
            "Keep one set of IDX files per folder.",
        )
    wanted = f"{SPLIT_WORDS[split][0]}-{what}-idx{3 if what == 'images' else 1}-ubyte"
    raise InputDataError(
        folder,
        f"there is no file of {split} {what}, such as {wanted} or {wanted}.gz",
        f"Put it there, or name another split: {folder}:{'test' if split == 'train' else 'train'}",
    )


def _matching(folder: Path, split: str, what: str) -> list[Path]:
    """Return the files of one split, without packed copies of files that are there plain."""
    names = set(os.listdir(folder))
    found = []
    for name in sorted(names):
        match = FILE_NAME.fullmatch(name)
        if match is None or match["what"].lower() != what:
            continue
        is_packed_copy = match["gz"] is not None and name[: -len(".gz")] in names
        if match["split"].lower() in SPLIT_WORDS[split] and not is_packed_copy:
            found.append(folder / name)
    return found


def _classes_of(folder: Path, split: str) -> int:
    """Return how many classes a split's labels need, 0 where it has no labels file."""
    found = _matching(folder, split, "labels")
    if len(found) != 1:
        return 0
    labels = _read_labels(found[0])
    return int(labels.max()) + 1 if len(labels) else 0


def _read_labels(path: Path) -> Int64Array:
    values = read_idx(path)
    if values.ndim != 1:
        raise InputDataError(path, f"{values.ndim} axes instead of the 1 of labels", COPY_AGAIN)
    return values.astype(np.int64)


def _read_header(file: Stream, path: Path) -> tuple[tuple[int, ...], int]:
    """Return the shape and the number of bytes before the values."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= 4:
        raise InputDataError(path, f"wrong magic number {magic.hex()}: no IDX file", COPY_AGAIN)
    if magic[2] != UNSIGNED_BYTE:
        raise InputDataError(
            path,
            f"values of IDX type 0x{magic[2]:02x} are not supported",
            "Save it with unsigned bytes (type 0x08), or as .npz.",
        )
    axes = magic[3]
    lengths = file.read(4 * axes)
    return struct.unpack(f">{axes}I", lengths), 4 + 4 * axes


def _read_all(file: Stream, size: int, path: Path) -> bytearray:
    """Read exactly ``size`` bytes and the end; memory grows only with what really comes."""
    data = bytearray()
    while chunk := file.read(min(CHUNK_BYTES, size - len(data))):
        data += chunk
    if len(data) != size or file.read(1):
        found = "more" if len(data) == size else f"only {len(data):,}"
        raise InputDataError(
            path, f"{found} bytes of values, but the header declares {size:,}", COPY_AGAIN
        )
    return data


SOURCE = SourceKind(
    holds=lambda path, folder: folder and holds_idx(path),
    open=lambda path, split, spec: open_idx(path, split, spec.text),
)
