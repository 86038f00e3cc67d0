"""Which images are equal, pixel for pixel."""

import hashlib

import numpy as np

from augfactory.records import Int64Array, UInt8Array

HASH_BYTES = 16


def image_hashes(images: UInt8Array) -> UInt8Array:
    """Return uint8 [n, 16], the blake2b hash of the shape and the pixels of each image.

    ``images`` is uint8 [n, H, W, C].
    """
    hashes = np.empty((len(images), HASH_BYTES), dtype=np.uint8)
    shape = np.asarray(images.shape[1:], dtype="<i8").tobytes()
    for row, image in enumerate(images):
        digest = hashlib.blake2b(shape + image.tobytes(), digest_size=HASH_BYTES).digest()
        hashes[row] = np.frombuffer(digest, dtype=np.uint8)
    return hashes


def first_of_equals(hashes: UInt8Array) -> Int64Array:
    """Return for each row the first row of the same hash, int64 [N]; ``hashes`` is uint8 [N, 16].

    A row that equals none before it is its own first.
    """
    whole = np.ascontiguousarray(hashes).view(f"V{HASH_BYTES}")[:, 0]
    _, first, number = np.unique(whole, return_index=True, return_inverse=True)
    found: Int64Array = first[number].astype(np.int64)
    return found
