"""Find test images that stand in a training set nearly, but not pixel for pixel.

A copy that was compressed again, brightened or moved by a pixel passes every hash (``leakage.py``
finds the exact ones). Images are compared as 8×8 grey thumbnails without mean and contrast. How
near two different images may come depends on the data, digits being far more alike than
photographs; so a pair is reported only when three things hold for the distance between its
thumbnails, each against its own kind of false alarm:

* their correlation is at least 0.9;
* it is smaller than the distance of all but 1 % of test images to their nearest other test image;
* it is less than 0.45 of the distance at which images lie around that test image: the 3rd nearest
  other test image or the 6th nearest training image, whichever is nearer. Where images crowd, as
  ones do among digits, none stands out.

Measured on the bundled digits, 5,000 against 5,000: 3 pairs, two of ones and one of zeros, that
look alike to the eye as well; on 2,000 against 2,000 photographs of CIFAR-10: none. Of 600 copies
of test images among the training images, all were found after noise of ±3 grey levels, 5 % more
light or JPEG of quality 75, in both sets. Moved by one pixel, 88 % of the photographs were found
and no digit: to a thin stroke a pixel is a long way.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from augfactory.arrays.colour import LUMA
from augfactory.evaluation.images.leakage import SharedImage
from augfactory.records import Float32Array, Int64Array, Source, UInt8Array

SIDE = 8
CORRELATION = 0.9
QUANTILE = 0.01
RATIO = 0.45
TEST_NEIGHBOUR = 3
TRAINING_NEIGHBOUR = 6
BLOCK_ROWS = 1024
FLAT = 0.5  # grey levels; a thumbnail that varies less shows nothing to compare
GREY = np.array(LUMA, dtype=np.float32)


@dataclass(frozen=True)
class NearDuplicate(SharedImage):
    """A training row and a test row that hold nearly the same picture.

    ``similarity`` is the correlation of their thumbnails, -1 to 1.
    """

    similarity: float


def find_near_duplicates(
    training: Source,
    test: Source,
    *,
    most: int = 20,
    on_rows: Callable[[int], None] | None = None,
) -> list[NearDuplicate]:
    """Return pairs of a training row and a test row that are near duplicates.

    Exact duplicates are among them, unless the images are of one single colour. Images are read
    once, block by block; memory is bounded by a few hundred bytes for each test row and by blocks
    of 1,024 rows. At most five copies of one test image are told apart from its surroundings. A
    test set that holds its own images twice says nothing of what is near: where more than 1 % of
    them have a twin there, only pairs as close as these twins are found.

    Args:
        training: any images.
        test: images of any size.
        most: at most so many pairs are returned, the most similar first.
        on_rows: told of each block, of either source, how many rows it had.
    """
    if not len(training) or not len(test):
        return []
    wanted = np.concatenate(list(_thumbnails(test, on_rows)))
    near, crowd = _surroundings(wanted)
    similarity = np.full((len(test), TRAINING_NEIGHBOUR), -2, dtype=np.float32)
    found = np.full(similarity.shape, -1, dtype=np.int64)
    first = 0
    for thumbnails in _thumbnails(training, on_rows):
        for part in _parts(len(test)):
            _keep_best(similarity[part], found[part], wanted[part] @ thumbnails.T, first)
        first += len(thumbnails)
    distance = _distance(similarity)
    if len(training) >= TRAINING_NEIGHBOUR:
        crowd = np.minimum(crowd, distance.max(axis=1))
    limit = np.minimum(near, RATIO * crowd)
    suspect = (found >= 0) & (similarity >= CORRELATION) & (distance < limit[:, None])
    pairs = sorted(
        (-float(similarity[row, place]), int(found[row, place]), int(row))
        for row, place in np.argwhere(suspect)
    )
    return [
        NearDuplicate(row, training.row_name(row), test_row, test.row_name(test_row), -opposite)
        for opposite, row, test_row in pairs[:most]
    ]


def thumbnail_vectors(images: UInt8Array) -> Float32Array:
    """Return float32 [N, 64]: the images as grey 8×8 thumbnails of mean 0 and length 1.

    Smaller images keep their size; flat ones, which have nothing to compare, are all 0.
    """
    height, width, channels = images.shape[1:]
    size = (min(SIDE, width), min(SIDE, height))
    small = np.empty((len(images), size[1] * size[0]), dtype=np.float32)
    for row, image in enumerate(images.astype(np.float32)):
        grey = image[..., 0] if channels == 1 else image @ GREY
        small[row] = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).reshape(-1)
    small -= small.mean(axis=1, keepdims=True)
    length = np.linalg.norm(small, axis=1, keepdims=True)
    flat = length < FLAT * np.sqrt(small.shape[1])
    return np.where(flat, np.float32(0), small / np.where(flat, 1, length))


def _thumbnails(source: Source, on_rows: Callable[[int], None] | None) -> Iterator[Float32Array]:
    for rows in _parts(len(source)):
        yield thumbnail_vectors(source.read_images(np.arange(len(source))[rows]))
        if on_rows is not None:
            on_rows(rows.stop - rows.start)


def _surroundings(wanted: Float32Array) -> tuple[float, Float32Array]:
    """Return the distance that is small for any test image, and what is usual around each."""
    count = min(TEST_NEIGHBOUR, len(wanted) - 1)
    if count == 0:
        return np.inf, np.full(1, np.inf, dtype=np.float32)
    nearest = np.empty((len(wanted), count), dtype=np.float32)
    for part in _parts(len(wanted)):
        similarity = wanted[part] @ wanted.T
        rows = np.arange(part.start, part.stop)
        similarity[rows - part.start, rows] = -2
        nearest[part] = np.sort(np.partition(similarity, -count, axis=1)[:, -count:], axis=1)
    distance = _distance(nearest)
    return float(np.quantile(distance[:, -1], QUANTILE)), distance[:, 0]


def _keep_best(
    similarity: Float32Array, found: Int64Array, offered: Float32Array, first: int
) -> None:
    """Keep, in place, the best of what was ``found`` and of the next rows, from ``first`` on."""
    better = np.flatnonzero(offered.max(axis=1) > similarity.min(axis=1))
    everything = np.concatenate([similarity[better], offered[better]], axis=1)
    rows = np.arange(first, first + offered.shape[1])
    names = np.concatenate([found[better], np.broadcast_to(rows, (len(better), len(rows)))], axis=1)
    best = np.argpartition(everything, -similarity.shape[1], axis=1)[:, -similarity.shape[1] :]
    similarity[better] = np.take_along_axis(everything, best, axis=1)
    found[better] = np.take_along_axis(names, best, axis=1)


def _distance(similarity: Float32Array) -> Float32Array:
    """Return the distance of unit vectors from their product."""
    distance: Float32Array = np.sqrt(np.maximum(2 - 2 * similarity, 0))
    return distance


def _parts(count: int) -> list[slice]:
    return [slice(start, min(start + BLOCK_ROWS, count)) for start in range(0, count, BLOCK_ROWS)]
