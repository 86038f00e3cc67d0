"""How may these images be varied? Asked of the images themselves, in about a second.

A simple classifier, kernel ridge regression on small copies of the images, learns most of them and
reads the others: as they are, mirrored, upside down, and turned by a quarter. Where it still reads
mirrored images nearly as well, a mirrored image is one of its class; of digits it reads few. It
learns none of these changes, or it would read them whatever the images are. Of equal images one is
asked: it would know the others by heart.
"""

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from augfactory.arrays.equal_images import first_of_equals, image_hashes
from augfactory.arrays.warps import border_colours, on_border
from augfactory.keyed_random import generator
from augfactory.records import READ_AT_ONCE, Float64Array, Int64Array, Source, UInt8Array
from augfactory.threads import one_blas_thread

FOLDS = 5
MOST, FEWEST = 600, 20  # images that are asked; fewer than the least tell nothing
SIDE = 12  # of the small copies, in pixels
RIDGE = 0.1
NARROW = 2.0  # width of the kernel: exp(-2 d² / median of d²)
ABOVE_CHANCE = 2.0  # standard errors that the classifier has to be above guessing
LIKE_GROUND, UNLIKE_GROUND = 32, 96  # grey levels from it
MOSTLY_GROUND = 0.65  # of the pixels of drawings
COMMON_GROUND = 0.6  # of outermost pixels: 0.36 of grey photographs are so, 0.89 of clothes
MIRRORED, ANY_WAY = 0.6, 0.7  # shares of what it reads that have to remain

Looks = Literal["in colour", "drawn", "on one ground", "photographed"]
USUAL: dict[Looks, str] = {
    "in colour": "photo",
    "drawn": "digits",
    "on one ground": "clothes",
    "photographed": "photo",
}


@dataclass(frozen=True)
class Content:
    """What the classifier reads of images that it did not learn.

    ``read`` is the mean accuracy over the classes. The others are the shares of it, above guessing,
    that remain when images are mirrored, upside down, and turned by a quarter, each to within
    ``error``, about a standard error.
    """

    read: float
    mirrored: float
    upside_down: float
    turned: float
    error: float

    @property
    def words(self) -> str:
        """What was found, for people."""
        return (
            f"a simple classifier of {SIDE}x{SIDE} pixels reads {_percent(self.read)} % of those "
            f"that it did not learn, and of these it still reads {_percent(self.mirrored)} % when "
            f"they are mirrored, {_percent(self.upside_down)} % upside down and "
            f"{_percent(self.turned)} % turned by a quarter, give or take {_percent(self.error)}"
        )

    @property
    def any_way(self) -> float:
        """The least of the three shares."""
        return min(self.mirrored, self.upside_down, self.turned)


def look_at(source: Source) -> Content | None:
    """Return what images of ``source`` tell, of at most 600, evenly spread over the classes.

    Returns:
        None where they tell nothing: too few of them differ, or the classifier hardly beats
        guessing.
    """
    rows = _spread_over_classes(source.labels)
    asked = source.read_images(rows)
    first = np.unique(first_of_equals(image_hashes(asked)))
    rows, asked = rows[first], asked[first]
    labels = np.unique(source.labels[rows], return_inverse=True)[1]
    counts = np.bincount(labels)
    if len(rows) < FEWEST or len(counts) < 2 or counts.min() < 2:
        return None
    images = _small(asked)
    changed = {
        "read": images,
        "mirrored": images[:, :, ::-1],
        "upside_down": images[:, ::-1],
        "turned": np.rot90(images, 1, (1, 2)),
    }
    with one_blas_thread():
        right = _read_held_out(images, changed, labels)
    found = {
        name: float(np.mean(np.bincount(labels, weights=own) / counts))
        for name, own in right.items()
    }
    chance = 1 / len(counts)
    error = np.sqrt(chance * (1 - chance) / len(rows))
    read = found.pop("read")
    spread = np.sqrt(2 * read * (1 - read) / len(rows))
    if read <= chance + ABOVE_CHANCE * error:
        return None
    remain = {name: max(0.0, (own - chance) / (read - chance)) for name, own in found.items()}
    return Content(read, **remain, error=float(spread / (read - chance)))


def looks_of(source: Source) -> Looks:
    """Tell what images look like; what is in colour is taken for photographs.

    Drawings are in one ink: 65 % of the pixels are within 32 grey levels of the ground of their
    image, the median of its outermost pixels (of MNIST 83 %, of Fashion-MNIST 56 %), and half of
    the others, 2 % of all at least, are 96 or more away. Things stand on one ground, as parts and
    garments may, where 60 % of all outermost pixels are within 32 grey levels of their median.
    """
    if source.image_shape[2] == 3:
        return "in colour"
    rows, like, unlike, outermost = _spread_over_classes(source.labels), 0, 0, []
    for start in range(0, len(rows), READ_AT_ONCE):
        images = source.read_images(rows[start : start + READ_AT_ONCE])
        apart = np.abs(images - border_colours(images).astype(np.int16).reshape(-1, 1, 1, 1))
        like += int((apart <= LIKE_GROUND).sum())
        unlike += int((apart >= UNLIKE_GROUND).sum())
        outermost.append(images[:, on_border(source.image_shape)].astype(np.int16))
    pixels = len(rows) * math.prod(source.image_shape)
    ink = max(0.02 * pixels, (pixels - like) / 2)
    if like >= MOSTLY_GROUND * pixels and unlike >= ink:
        return "drawn"
    ground = np.concatenate(outermost)
    common = np.abs(ground - np.median(ground)) <= LIKE_GROUND
    return "on one ground" if float(common.mean()) >= COMMON_GROUND else "photographed"


def preset_for(looks: Looks, content: Content | None) -> str:
    """Return the preset that suits images of these looks and this content.

    What the content does not tell for certain, by a standard error, is left to the looks: drawings
    may not be mirrored, others may.
    """
    usual = USUAL[looks]
    if content is None:
        return usual
    if content.any_way - content.error >= ANY_WAY:
        return "texture"
    if looks == "drawn":
        return "clothes" if content.mirrored - content.error >= MIRRORED else usual
    return "digits" if content.mirrored + content.error < MIRRORED else usual


def _spread_over_classes(labels: Int64Array) -> Int64Array:
    """Return at most ``MOST`` rows, of every class as many as of the others where there are."""
    if len(labels) <= MOST:
        return np.arange(len(labels))
    place = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels).tolist():
        own = np.flatnonzero(labels == label)
        place[generator("content", label).permutation(own)] = np.arange(len(own))
    return np.sort(np.argsort(place, kind="stable")[:MOST])


def _small(images: UInt8Array) -> Float64Array:
    """Return square copies of images [n, H, W, C], whatever their aspect: [n, 12, 12, C]."""
    size = (SIDE, SIDE)
    found = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
    return np.stack(found).reshape(len(images), SIDE, SIDE, -1).astype(np.float64) / 255


def _read_held_out(
    images: Float64Array, changed: dict[str, Float64Array], labels: Int64Array
) -> dict[str, npt.NDArray[np.bool_]]:
    """Tell which images are read right, each changed in each way, by who did not learn them."""
    fold, begun = np.empty(len(labels), dtype=np.int64), 0
    for label in np.unique(labels).tolist():
        own = np.flatnonzero(labels == label)
        dealt = generator("content fold", label).permutation(own)
        fold[dealt] = (np.arange(len(own)) + begun) % FOLDS
        begun += len(own)  # so that every fold has its share of the odd ones
    flat = images.reshape(len(images), -1)
    width = NARROW / max(float(np.median(_distances(flat, flat))), 1e-12)
    classes = labels.max() + 1
    right = {name: np.zeros(len(labels), dtype=np.bool_) for name in changed}
    for number in range(FOLDS):
        held, learnt = fold == number, fold != number
        kernel = np.exp(-width * _distances(flat[learnt], flat[learnt]))
        wanted = np.eye(classes)[labels[learnt]] - 1 / classes
        solved = np.linalg.solve(kernel + RIDGE * np.eye(len(kernel)), wanted)
        for name, views in changed.items():
            shown = views[held].reshape(held.sum(), -1)
            scores = np.exp(-width * _distances(shown, flat[learnt])) @ solved
            right[name][held] = scores.argmax(axis=1) == labels[held]
    return right


def _distances(first: Float64Array, second: Float64Array) -> Float64Array:
    """Return squared distances between rows: [n, m]."""
    squares: Float64Array = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    squares -= 2 * first @ second.T
    return squares.clip(min=0)


def _percent(share: float) -> int:
    return min(100, round(100 * share))  # few images may read better by chance
