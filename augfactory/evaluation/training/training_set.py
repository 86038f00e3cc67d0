"""What a classifier is trained on: images with labels, and how the rows came about."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from augfactory.evaluation.training.virtual_batches import VirtualBatches, virtual_batches
from augfactory.records import Float32Array, Int64Array, Source, SourceSpec, UInt8Array
from augfactory.sources.opening import open_source
from augfactory.store.reader import Version, open_version, read_parents
from augfactory.store.versions import find_version, looks_like_version

Part = Literal["all", "originals", "synthetic"]
# rows -> (images uint8 [n, H, W, C], soft labels float32 [n, K])
ReadRows = Callable[[Int64Array], tuple[UInt8Array, Float32Array]]


@dataclass(frozen=True)
class TrainingSet:
    """A source and, for each of its N rows, where it comes from.

    Attributes:
        source: the images and labels.
        original: bool [N], whether the row is an image as it was given, not a generated one.
        round: int64 [N], which round the row belongs to, 0 for originals.
        origin: int64 [N], the original that the row is made from, the first where it is several.
        clean: int64 [N], for a view of an image the row that holds this image, else -1.
        virtual: which rows share what is drawn once a batch; None where none do.
    """

    source: Source
    original: npt.NDArray[np.bool_]
    round: Int64Array
    origin: Int64Array
    clean: Int64Array
    virtual: VirtualBatches | None = None

    def restricted_to(self, rows: Int64Array) -> "TrainingSet":
        """Return the set of ``rows`` alone; views lose a clean image that is not among them."""
        position = np.full(len(self.source) + 1, -1, dtype=np.int64)
        position[rows] = np.arange(len(rows))
        return replace(
            self,
            source=self.source.restricted_to(rows),
            original=self.original[rows],
            round=self.round[rows],
            origin=self.origin[rows],
            clean=position[self.clean[rows]],
            virtual=None if self.virtual is None else self.virtual.restricted_to(rows),
        )


def plain_set(source: Source) -> TrainingSet:
    """Return a source whose rows are all originals."""
    count = len(source)
    return TrainingSet(
        source=source,
        original=np.ones(count, dtype=np.bool_),
        round=np.zeros(count, dtype=np.int64),
        origin=np.arange(count, dtype=np.int64),
        clean=np.full(count, -1, dtype=np.int64),
    )


def training_part(
    training: TrainingSet, part: Part, rows: tuple[int, ...] | None = None
) -> TrainingSet:
    """Return the rows of ``part`` that stand among ``rows``."""
    if part == "all" and rows is None:
        return training
    kept = np.ones(len(training.source), dtype=np.bool_)
    if rows is not None:
        kept[:] = False
        kept[np.asarray(rows, dtype=np.int64)] = True
    if part != "all":
        kept &= training.original == (part == "originals")
    return training.restricted_to(np.flatnonzero(kept))


def spread_rows(count: int, most: int) -> Int64Array:
    """Return at most ``most`` of ``count`` rows, evenly spread, in order."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def row_reader(source: Source) -> ReadRows:
    """Return a function that reads rows, from memory where the source is small enough for it."""
    held = source.in_memory()
    return lambda rows: (held.read_images(rows), held.read_soft_labels(rows))


def open_training(spec: SourceSpec) -> TrainingSet:
    """Open the source that ``spec`` names.

    Raises:
        InputDataError: it is not there, cannot be read, or is no set of labelled images.
    """
    if looks_like_version(spec.text):
        return version_set(open_version(find_version(spec.text)))
    return plain_set(open_source(spec))


def version_set(version: Version) -> TrainingSet:
    """Return a dataset version as a training set."""
    return TrainingSet(
        source=version.source,
        original=version.methods == "original",
        round=version.rounds.astype(np.int64),
        origin=version.source_index[:, 0].astype(np.int64),
        clean=_clean_rows(version),
        virtual=virtual_batches(version),
    )


def _clean_rows(version: Version) -> Int64Array:
    """Return for each view the row of the image it is a view of, -1 for all other rows."""
    clean = np.full(len(version.source), -1, dtype=np.int64)
    views = np.flatnonzero(version.views > 0)
    if len(views):
        for view, parents in zip(views.tolist(), read_parents(version, views), strict=True):
            if len(parents):
                clean[view] = parents[0]
    return clean
