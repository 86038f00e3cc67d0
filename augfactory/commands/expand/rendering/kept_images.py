"""The images of a source, decoded once for all processes that render a dataset.

Each further row begins with an image of the source, so that a JPEG would be decoded for each of
them. Here they lie as plain pixels in the folder of the state, where every process maps them.
"""

import contextlib
import math
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from augfactory.commands.expand.build import Build
from augfactory.commands.progress import Progress
from augfactory.guarded.npy import map_npy
from augfactory.records import DECODED_AT_ONCE, Source
from augfactory.store.disk.atomic import writing
from augfactory.store.shards import STATE

IMAGES, UNLABELLED = f"{STATE}/images.npy", f"{STATE}/unlabelled.npy"
MOST_KEPT = 2**29  # bytes that are held in memory, too: 3,500 images of 224x224x3
FEWEST_ROWS = 4  # of each image, for those of a larger source to be read once more


def keep_images(build: Build, source: Source, progress: Progress) -> None:
    """Write the images of ``source``, whose fingerprint was taken, where that pays.

    Those of up to ``MOST_KEPT`` bytes are in memory here. More are read once more.

    Raises:
        InputDataError: an image cannot be read.
        ResourceError: the disk is full.
    """
    if build.rows >= (FEWEST_ROWS if _is_large(source) else 2) * len(source):
        _keep(build, IMAGES, source, progress)


def keep_unlabelled(build: Build, source: Source, progress: Progress) -> None:
    """Write unlabelled images, too, which classifiers learn and read many times.

    Raises:
        InputDataError: an image cannot be read.
        ResourceError: the disk is full.
    """
    _keep(build, UNLABELLED, source, progress)


def write_images(path: Path, source: Source, progress: Progress) -> None:
    """Write the pixels of ``source`` to a ``.npy`` file, block by block.

    ``progress`` is told where they are many: others are in memory, and written in no time.

    Raises:
        InputDataError: an image cannot be read.
        ResourceError: the disk is full.
    """
    shown = progress if _is_large(source) else Progress()
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(source), *source.image_shape)}
    with shown.bar("decoding the images", len(source), "image") as bar, writing(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for rows in source.blocks(DECODED_AT_ONCE):
            file.write(source.read_images(rows).tobytes())
            bar.advance(len(rows))


def _keep(build: Build, name: str, source: Source, progress: Progress) -> None:
    """Write images where the disk has room for them beside the dataset."""
    room = shutil.disk_usage(build.building).free - build.expected_size()[0]
    if _bytes_of(source) <= room:
        write_images(build.building / name, source, progress)


def _is_large(source: Source) -> bool:
    return _bytes_of(source) > MOST_KEPT


def _bytes_of(source: Source) -> int:
    return len(source) * math.prod(source.image_shape)


def with_kept_images(building: Path, source: Source, kept: str = IMAGES) -> Source:
    """Return ``source`` with its images read from what was kept of them, where something was."""
    with contextlib.suppress(OSError, ValueError):
        images = map_npy(building / kept, follow=False)
        if images.dtype == np.uint8 and images.shape == (len(source), *source.image_shape):
            return replace(source, read_images=partial(np.take, np.asarray(images), axis=0))
    return source
