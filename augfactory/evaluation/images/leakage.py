"""Find test images that stand in a training set, pixel for pixel."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from augfactory.records import Source, UInt8Array

HASH_BYTES = 16


@dataclass(frozen=True)
class SharedImage:
    """A training row and a test row that hold the same pixels."""

    training_row: int
    training_name: str
    test_row: int
    test_name: str


def pixel_hashes(source: Source, on_rows: Callable[[int], None] | None = None) -> UInt8Array:
    """Return uint8 [N, 16], the blake2b hash of each image's shape and pixels.

    Images are read block by block, so that memory is bounded by the block and 16 bytes a row;
    ``on_rows`` is told of each block how many rows it had.
    """
    hashes = np.empty((len(source), HASH_BYTES), dtype=np.uint8)
    shape = np.asarray(source.image_shape, dtype="<i8").tobytes()
    for rows in source.blocks():
        for row, image in zip(rows, source.read_images(rows), strict=True):
            digest = hashlib.blake2b(shape + image.tobytes(), digest_size=HASH_BYTES).digest()
            hashes[row] = np.frombuffer(digest, dtype=np.uint8)
        if on_rows is not None:
            on_rows(len(rows))
    return hashes


def find_shared_images(
    training: Source,
    test: Source,
    *,
    training_hashes: UInt8Array | None = None,
    test_hashes: UInt8Array | None = None,
    most: int = 5,
) -> list[SharedImage]:
    """Return the first ``most`` training rows whose pixels are those of a test row.

    The hashes, ``pixel_hashes`` of each source, are made here where they are not handed in. Where
    several test rows are alike the first of them is named.
    """
    training_hashes = pixel_hashes(training) if training_hashes is None else training_hashes
    test_hashes = pixel_hashes(test) if test_hashes is None else test_hashes
    row_of: dict[bytes, int] = {}
    for row, digest in enumerate(test_hashes):
        row_of.setdefault(digest.tobytes(), row)
    shared: list[SharedImage] = []
    for row, digest in enumerate(training_hashes):
        test_row = row_of.get(digest.tobytes())
        if test_row is None:
            continue
        shared.append(SharedImage(row, training.row_name(row), test_row, test.row_name(test_row)))
        if len(shared) == most:
            break
    return shared
