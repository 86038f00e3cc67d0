"""A dataset version as a map-style dataset, and the statistics to normalise its images by."""

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from augfactory.errors import RecipeError
from augfactory.evaluation.training.batches import VIEWS, images_with_views
from augfactory.evaluation.training.training_set import TrainingSet, version_set
from augfactory.keyed_random import generator
from augfactory.loading.epochs import RowKey, round_order
from augfactory.records import Int64Array, Source, UInt8Array
from augfactory.store.manifest import Manifest, read_manifest
from augfactory.store.reader import Version, open_version
from augfactory.store.splits import TRAIN
from augfactory.store.statistics import mean_and_deviation
from augfactory.store.validation import of_split

Item = tuple[Tensor, Tensor]
Statistics = tuple[tuple[float, ...], tuple[float, ...]]  # mean and deviation of each channel
LEARNERS = {  # by method: who has learnt from the labelled images to make its rows
    "vae": "its VAE has learnt from",
    "pseudo-label": "the classifiers that labelled its unlabelled images have learnt from",
}
READ_BYTES = 1 << 25  # of pixels at once while the statistics are computed


class VersionDataset(Dataset[Item]):
    """One dataset version; items are (image, label), as ``load`` describes them.

    Small enough to pickle: no file stays open, and a worker process opens the version itself when
    it reads its first row. Batches are read at once where the loader asks for them at once, as
    PyTorch's does.

    Attributes:
        statistics: mean and deviation of each channel on the scale 0 to 1, by which images are
            normalised; None where they are not.
    """

    def __init__(
        self,
        folder: Path,
        *,
        hard: bool = False,
        as_uint8: bool = False,
        statistics: Statistics | None = None,
        views: bool = False,
        verify: bool = True,
        split: str = TRAIN,
    ) -> None:
        self.folder = folder.resolve()
        self.verify = verify
        self.hard = hard
        self.as_uint8 = as_uint8
        self.statistics = statistics
        self.views = views
        self.split = split

    @cached_property
    def version(self) -> Version:
        """The opened version: manifest, methods, rounds, provenance."""
        return open_version(self.folder, verify=self.verify, split=self.split)

    @cached_property
    def manifest(self) -> Manifest:
        """What manifest.json says of the split."""
        return of_split(read_manifest(self.folder), self.split)

    @property
    def class_names(self) -> list[str]:
        """The classes, in label order."""
        return self.manifest.class_names

    @cached_property
    def training(self) -> TrainingSet:
        """The rows with what they were made from."""
        return version_set(self.version)

    def __getstate__(self) -> dict[str, Any]:
        opened = ("version", "manifest", "training", "_triples")
        state = {name: value for name, value in self.__dict__.items() if name not in opened}
        # What this process has held to its hashes, the workers that it starts need not.
        return {**state, "verify": self.verify and "version" not in self.__dict__}

    def __repr__(self) -> str:
        return f"VersionDataset({described(self.manifest, len(self))})"

    def __len__(self) -> int:
        return len(self._triples) if self.views else self.manifest.rows

    def __getitem__(self, row: RowKey) -> Item:
        images, labels = self.read_batch([row])
        return images[0], labels[0]

    def __getitems__(self, rows: Sequence[RowKey]) -> list[Item]:
        """Read many at once; see ``read_batch``."""
        return list(zip(*self.read_batch(rows), strict=True))

    def read_batch(self, rows: Sequence[RowKey] | Int64Array) -> Item:
        """Read many at once: (images [n, C, H, W], labels [n] or [n, K]), contiguous.

        With views, ``rows`` counts clean images, or holds triples (row of the clean image, rows of
        two views), as `augfactory.loader` draws them.
        """
        which = np.asarray(rows, dtype=np.int64)
        if which.ndim == 1:
            if len(which) and not (-len(self) <= which.min() and which.max() < len(self)):
                raise IndexError(f"rows go from 0 to {len(self) - 1}")
            which = which % max(1, len(self))
            if self.views:
                which = self._triples[which]
        images = self._shown(self._read_images(which.reshape(-1)))
        if which.ndim == 2:
            images = images.reshape(*which.shape, *images.shape[1:])
            which = which[:, 0]
        source = self.version.source
        labels = source.labels[which] if self.hard else source.read_soft_labels(which)
        return images, torch.from_numpy(labels)

    def rows_in_round_order(self, seed: int) -> Int64Array:
        """Return all rows, round after round, shuffled within each: int64 [N].

        Given to a loader as its sampler, it serves the rounds as epochs, so that what a method
        schedules over rounds (RICAP's beta) comes in that order: ``DataLoader(dataset,
        sampler=dataset.rows_in_round_order(seed=0).tolist(), batch_size=64)``. Rows that share what
        is drawn once a batch (RICAP with scope "batch") are shuffled apart by it; ``loader`` with
        ``order="rounds"`` keeps them together.
        """
        return round_order(self.version.rounds.astype(np.int64), seed)

    def held_out(self, share: float, seed: int = 0) -> tuple[Int64Array, Int64Array]:
        """Split by originals: return (rows to train on, rows to test on).

        ``share`` of the originals is held out, of each class as nearly as can be. Test rows are
        these images themselves; any row that one of them was mixed or varied into, through
        whichever datasets it came, is in neither part, for it would give the answer away, as it
        does when rows are split at random. Among many mixtures that is most of them: at a share of
        0.3 about half of mixup's rows and three quarters of RICAP's. A version that was expanded
        with ``--validation`` loses none, since it was split before: ``load(name, split="val")``.

        A model that decoded some of the rows has learnt from the test images all the same, and so
        have the classifiers that labelled unlabelled images, which a UserWarning says: for a test
        that means something keep images out of ``vae-train``, and split them off by ``expand
        --validation`` before others are labelled.

        Raises:
            RecipeError: ``share`` is not between 0 and 1 or makes no image, or the version holds no
                originals.
        """
        if not 0 < share < 1:
            raise RecipeError("share", f"{share} is not between 0 and 1", "Give such as 0.2.")
        version, labels = self.version, self.version.source.labels
        for method, learner in LEARNERS.items():
            if (version.methods == method).any():
                warnings.warn(
                    f"{version.address}: {learner} the images that are held out here, so they are "
                    "not a fair test; test on images that were kept apart before",
                    stacklevel=2,
                )
        # Where the source was made itself, its mixed rows stand as originals too, and several rows
        # go back to one image: one of them is to be tested on, the first.
        single = (version.roots >= 0).sum(axis=1) == 1
        originals = np.flatnonzero((version.methods == "original") & single)
        if not len(originals):
            raise RecipeError(
                version.address, "holds no originals", "Expand without --no-originals."
            )
        _, first = np.unique(version.roots[originals].max(axis=1), return_index=True)
        originals = originals[np.sort(first)]
        mixed = generator("loader held out", seed).permutation(originals)
        test = np.sort(_share_of_each(mixed, labels[mixed], share))
        if not len(test):
            raise RecipeError("share", f"{share} of {len(mixed)} originals is none", "Give more.")
        touched = np.isin(version.roots, version.roots[test].max(axis=1)).any(axis=1)
        return np.flatnonzero(~touched), test

    @cached_property
    def _triples(self) -> Int64Array:
        clean, views = images_with_views(self.training)
        return np.column_stack([clean, np.stack([own[:VIEWS] for own in views])])

    def _read_images(self, rows: Int64Array) -> UInt8Array:
        return self.version.source.read_images(rows)

    def _shown(self, images: UInt8Array) -> Tensor:
        stored = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        if self.as_uint8:
            return stored
        shown = stored.to(torch.float32).div_(255)
        if self.statistics:
            mean, deviation = (torch.tensor(part).view(-1, 1, 1) for part in self.statistics)
            shown = shown.sub_(mean).div_(deviation)
        return shown


def described(manifest: Manifest, rows: int) -> str:
    """Say which version it is, how many rows of it are served, its classes and their shape."""
    address = manifest.address
    classes, shape = len(manifest.class_names), manifest.image_shape
    return f"{address}, rows={rows}, classes={classes}, shape={shape}"


def _share_of_each(rows: Int64Array, labels: Int64Array, share: float) -> Int64Array:
    """Return ``share`` of all ``rows``, and of each class to within one: its first ones."""
    by_class = rows[np.argsort(labels, kind="stable")]
    ends = np.cumsum(np.bincount(labels)).tolist()
    upto = [round(share * end) for end in ends]
    chosen, end, done = [], 0, 0
    for next_end, total in zip(ends, upto, strict=True):
        chosen.append(by_class[end : end + total - done])
        end, done = next_end, total
    return np.concatenate(chosen)


def channel_statistics(version: Version) -> Statistics:
    """Return mean and deviation of each channel over all rows, on the scale 0 to 1.

    They stand in the manifest, to six digits; where an older one lacks them, all rows are read. A
    channel that never varies gets the deviation 1.
    """
    stored = version.manifest.statistics
    if stored:
        mean, deviation = stored.pixel_mean, stored.pixel_deviation
    else:
        mean, deviation = _summed_up(version.source)
    return tuple(mean), tuple(value or 1.0 for value in deviation)


def _summed_up(source: Source) -> tuple[list[float], list[float]]:
    from augfactory.arrays.pixel_sums import pixel_sums  # OpenCV: not for every command

    height, width, channels = source.image_shape
    stretch = max(1, READ_BYTES // (height * width * channels))
    values, squares = np.zeros((2, channels), dtype=np.int64)
    for rows in source.blocks(stretch):
        more, more_squares = pixel_sums(source.read_images(rows))
        values, squares = values + more, squares + more_squares
    pixels = len(source) * height * width
    return mean_and_deviation(pixels, values.tolist(), squares.tolist())
