"""Find images that are equal, pixel for pixel: within a source, or in a training set and a test."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from augfactory.arrays.equal_images import HASH_BYTES, first_of_equals, image_hashes
from augfactory.records import Int64Array, Source, UInt8Array


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
    for rows in source.blocks():
        hashes[rows] = image_hashes(source.read_images(rows))
        if on_rows is not None:
            on_rows(len(rows))
    return hashes


def equal_images(source: Source, on_rows: Callable[[int], None] | None = None) -> Int64Array:
    """Return the number of each row's group, int64 [N], in which all have the same pixels.

    Groups are numbered from 0 on, in the order of their first rows. A copy on the other side of a
    split would be read by heart. Read as ``pixel_hashes`` does.
    """
    first = first_of_equals(pixel_hashes(source, on_rows))
    numbers: Int64Array = np.unique(first, return_inverse=True)[1].astype(np.int64)
    return numbers


def different_images(source: Source, enough: int) -> int:
    """Return how many images of a source differ, reading on until there are ``enough``."""
    seen: set[bytes] = set()
    for rows in source.blocks():
        seen.update(digest.tobytes() for digest in image_hashes(source.read_images(rows)))
        if len(seen) >= enough:
            break
    return len(seen)


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
