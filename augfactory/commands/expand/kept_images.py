"""The images of a source, decoded once for all processes that render a dataset.

Each further row begins with an image of the source, so that a JPEG would be decoded for each of
them. Here they lie as plain pixels in the folder of the state, where every process maps them.
"""

import contextlib
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from augfactory.guarded.npy import map_npy
from augfactory.records import Source
from augfactory.store.disk.atomic import writing
from augfactory.store.shards import STATE

IMAGES = f"{STATE}/images.npy"
MOST_KEPT = 2**29  # bytes: 3,500 images of 224x224x3; the images of larger sources are read anew


def keep_images(building: Path, source: Source) -> None:
    """Write the images of ``source``, whose fingerprint was taken, unless they are too many.

    Raises:
        InputDataError: an image cannot be read.
        ResourceError: the disk is full.
    """
    if len(source) * math.prod(source.image_shape) > MOST_KEPT:
        return
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(source), *source.image_shape)}
    with writing(building / IMAGES) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for rows in source.blocks():
            file.write(source.read_images(rows).tobytes())


def with_kept_images(building: Path, source: Source) -> Source:
    """Return ``source`` with its images read from what was kept of them, where something was."""
    with contextlib.suppress(OSError, ValueError):
        images = map_npy(building / IMAGES, follow=False)
        if images.dtype == np.uint8 and images.shape == (len(source), *source.image_shape):
            return replace(source, read_images=partial(np.take, np.asarray(images), axis=0))
    return source
