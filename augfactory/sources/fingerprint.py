"""The identity of a set of labelled images: a hash of what its rows hold, not of how it is kept."""

import hashlib
import json
from collections.abc import Callable

import numpy as np

from augfactory.records import Source

SCHEME = "augfactory source 1"


def fingerprint(source: Source, on_progress: Callable[[int], None] | None = None) -> str:
    """Return the SHA-256, in hex, of a source's image shape, class names and rows in order.

    A row counts with its pixels (uint8, H·W·C) and then its soft label (little-endian float32, K).
    So a folder of PNGs, an npz and an HDF5 file of the same images and labels have one fingerprint.

    Args:
        source: read once, block by block.
        on_progress: called with the number of rows since the last call, as for ``tqdm.update``.

    Raises:
        InputDataError: a row cannot be read.
    """
    head = {
        "scheme": SCHEME,
        "image_shape": list(source.image_shape),
        "class_names": list(source.class_names),
    }
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode() + b"\0")
    for rows in source.blocks():
        pixels = source.read_images(rows).reshape(len(rows), -1)
        shares = np.ascontiguousarray(source.read_soft_labels(rows), dtype="<f4")
        digest.update(np.concatenate([pixels, shares.view(np.uint8)], axis=1).tobytes())
        if on_progress is not None:
            on_progress(len(rows))
    return digest.hexdigest()
