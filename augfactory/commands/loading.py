"""`augfactory.load` and `augfactory.loader`: a dataset version for any PyTorch trainer."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from augfactory.commands.loading_epochs import (
    BLOCK_ROWS,
    EpochBatches,
    LoaderOrder,
    RowKey,
    check_order,
    round_order,
)
from augfactory.commands.training_sets import version_set
from augfactory.errors import RecipeError, unknown_name
from augfactory.evaluation.batches import VIEWS, images_with_views
from augfactory.evaluation.training_set import TrainingSet
from augfactory.keyed_random import generator, key_of
from augfactory.records import Int64Array, Source, UInt8Array
from augfactory.store.manifest import Manifest, read_manifest
from augfactory.store.reader import Version, open_version
from augfactory.store.versions import find_version

Item = tuple[Tensor, Tensor]
Statistics = tuple[tuple[float, ...], tuple[float, ...]]  # mean and deviation of each channel
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
    ) -> None:
        self.folder = folder.resolve()
        self.hard = hard
        self.as_uint8 = as_uint8
        self.statistics = statistics
        self.views = views
        self.kept_blocks = 0

    @cached_property
    def version(self) -> Version:
        """The opened version: manifest, methods, rounds, provenance."""
        return open_version(self.folder)

    @cached_property
    def manifest(self) -> Manifest:
        """What manifest.json says."""
        return read_manifest(self.folder)

    @property
    def class_names(self) -> list[str]:
        """The classes, in label order."""
        return self.manifest.class_names

    @cached_property
    def training(self) -> TrainingSet:
        """The rows with what they were made from."""
        return version_set(self.version)

    def __getstate__(self) -> dict[str, Any]:
        opened = ("version", "manifest", "training", "_blocks", "_triples")
        return {name: value for name, value in self.__dict__.items() if name not in opened}

    def __len__(self) -> int:
        return len(self._triples) if self.views else self.manifest.rows

    def __getitem__(self, row: RowKey) -> Item:
        return self.__getitems__([row])[0]

    def __getitems__(self, rows: Sequence[RowKey]) -> list[Item]:
        """Read many at once.

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
        return list(zip(images, torch.from_numpy(labels), strict=True))

    def rows_in_round_order(self, seed: int) -> Int64Array:
        """Return all rows, round after round, shuffled within each: int64 [N].

        Given to a loader as its sampler, it serves the rounds as epochs, so that what a method
        schedules over rounds (RICAP's beta) comes in that order: ``DataLoader(dataset,
        sampler=dataset.rows_in_round_order(seed=0).tolist(), batch_size=64)``.
        """
        return round_order(self.version.rounds.astype(np.int64), seed)

    def held_out(self, share: float, seed: int = 0) -> tuple[Int64Array, Int64Array]:
        """Split by originals: return (rows to train on, rows to test on).

        ``share`` of each class's originals is held out. Test rows are these images themselves; any
        row that one of them was mixed or varied into is in neither part, for it would give the
        answer away, as it does when rows are split at random.

        Raises:
            RecipeError: ``share`` is not between 0 and 1, or the version holds no originals.
        """
        if not 0 < share < 1:
            raise RecipeError("share", f"{share} is not between 0 and 1", "Give such as 0.2.")
        version, labels = self.version, self.version.source.labels
        originals = np.flatnonzero(version.methods == "original")
        if not len(originals):
            raise RecipeError(
                version.address, "holds no originals", "Expand without --no-originals."
            )
        mixed = generator("loader held out", seed).permutation(originals)
        chosen = [
            own[: round(share * len(own))]
            for own in (mixed[labels[mixed] == label] for label in np.unique(labels[mixed]))
        ]
        test = np.sort(np.concatenate(chosen))
        touched = np.isin(version.source_index, version.source_index[test, 0]).any(axis=1)
        return np.flatnonzero(~touched), test

    @cached_property
    def _triples(self) -> Int64Array:
        clean, views = images_with_views(self.training)
        return np.column_stack([clean, np.stack([own[:VIEWS] for own in views])])

    @cached_property
    def _blocks(self) -> OrderedDict[int, UInt8Array]:
        return OrderedDict()

    def _read_images(self, rows: Int64Array) -> UInt8Array:
        if not self.kept_blocks:
            return self.version.source.read_images(rows)
        images = np.empty((len(rows), *self.manifest.image_shape), dtype=np.uint8)
        block_of_row = rows // BLOCK_ROWS
        for block in np.unique(block_of_row).tolist():
            here = block_of_row == block
            images[here] = self._block(block)[rows[here] - block * BLOCK_ROWS]
        return images

    def _block(self, block: int) -> UInt8Array:
        if block not in self._blocks:
            end = min((block + 1) * BLOCK_ROWS, self.manifest.rows)
            read = self.version.source.read_images(np.arange(block * BLOCK_ROWS, end))
            self._blocks[block] = read
            if len(self._blocks) > self.kept_blocks:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(block)
        return self._blocks[block]

    def _shown(self, images: UInt8Array) -> Tensor:
        shown = torch.from_numpy(images).permute(0, 3, 1, 2)
        if self.as_uint8:
            return shown
        shown = shown.to(torch.float32) / 255
        if self.statistics:
            mean, deviation = (torch.tensor(part).view(-1, 1, 1) for part in self.statistics)
            shown = (shown - mean) / deviation
        return shown


def load(
    name: str,
    *,
    labels: Literal["soft", "hard"] = "soft",
    images: Literal["float", "uint8"] = "float",
    normalise: bool | tuple[Sequence[float], Sequence[float]] = False,
    views: bool = False,
) -> VersionDataset:
    """Open the version that ``NAME``, ``NAME@vN`` or a path names.

    Args:
        name: the version.
        labels: "soft", float32 [K], or "hard", int64: the class of the largest share.
        images: "float", float32 [C, H, W] in [0, 1], or "uint8", as they are stored.
        normalise: (mean of each channel, deviation of each channel) on the scale 0 to 1, or True to
            compute them from the version, which reads it once.
        views: items are clean images with two of their AugMix views each, [3, C, H, W] (the clean
            image first), and the label of the clean image, as the Jensen-Shannon loss takes them.

    Raises:
        InputDataError: there is no such dataset or version.
        RecipeError: an argument is wrong, or no image has two views.
    """
    for where, given, known in (
        ("labels", labels, ("soft", "hard")),
        ("images", images, ("float", "uint8")),
    ):
        if given not in known:
            raise unknown_name(where, f"kind of {where}", given, known)
    if normalise and images == "uint8":
        raise RecipeError(
            "normalise", "uint8 images cannot be normalised", 'Leave out images="uint8".'
        )
    folder = find_version(name)
    dataset = VersionDataset(folder, hard=labels == "hard", as_uint8=images == "uint8", views=views)
    if views and not len(images_with_views(dataset.training)[0]):
        raise RecipeError(
            dataset.version.address, "no image in it has two views", "Expand it with --augmix 2."
        )
    if normalise is True:
        dataset.statistics = channel_statistics(dataset.version.source)
    elif normalise:
        dataset.statistics = _checked(normalise, dataset.manifest.image_shape[2])
    return dataset


def loader(
    dataset: VersionDataset | str,
    batch_size: int = 64,
    *,
    order: LoaderOrder = "shuffled",
    seed: int = 0,
    workers: int = 0,
    drop_last: bool = False,
    rows: Sequence[int] | Int64Array | None = None,
    window: int = 16,
    start_method: Literal["spawn", "fork", "forkserver"] | None = None,
    pin_memory: bool = False,
) -> DataLoader[Item]:
    """Return a PyTorch DataLoader; each pass over it is the next epoch of (``seed``, epoch).

    Args:
        dataset: what ``load`` gave, or a name that it takes.
        batch_size: rows in a batch, or clean images where the dataset gives views.
        order: "shuffled": every row once an epoch. "blocks": every row once, shuffled within
            ``window`` blocks of 64 neighbouring rows, so that files are read block by block; for
            sets larger than memory. "rounds": every row once, round after round, which keeps
            RICAP's schedule. "one-of-k": one row of each original's. Views come shuffled.
        seed: of the order. ``loader.batch_sampler.set_epoch(n)`` goes on with epoch n.
        workers: processes that read; the batches are the same for any number.
        drop_last: leave out a last batch that is not full.
        rows: the rows to serve, such as ``held_out`` returns; all by default.
        window: see ``order``; each worker keeps so many blocks in memory.
        start_method: how workers are started; PyTorch's choice by default.
        pin_memory: as in DataLoader.

    Raises:
        InputDataError: there is no such dataset or version.
        RecipeError: an argument is wrong.
    """
    check_order(order)
    for where, number in (("batch_size", batch_size), ("window", window)):
        if number < 1:
            raise RecipeError(where, f"{number} is less than 1", "Give 1 or more.")
    given = load(dataset) if isinstance(dataset, str) else dataset
    if given.views and order != "shuffled":
        raise RecipeError("order", f"views do not come in order {order!r}", "Leave it out.")
    served = VersionDataset(
        given.folder,
        hard=given.hard,
        as_uint8=given.as_uint8,
        statistics=given.statistics,
        views=given.views,
    )
    served.kept_blocks = window if order == "blocks" else 0
    batches = EpochBatches(
        given.training,
        batch_size,
        rows=None if rows is None else _checked_rows(rows, given.manifest.rows),
        views=given.views,
        order=order,
        seed=seed,
        drop_last=drop_last,
        window=window,
    )
    return DataLoader(
        served,
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context=start_method if workers else None,
        pin_memory=pin_memory,
        # Its own, for DataLoader draws from the global one, which is the trainer's.
        generator=torch.Generator().manual_seed(key_of("loader workers", seed)),
    )


def channel_statistics(source: Source) -> Statistics:
    """Return mean and deviation of each channel over all rows, on the scale 0 to 1.

    The sums are exact, of integers; a channel that never varies gets the deviation 1.
    """
    height, width, channels = source.image_shape
    stretch = max(1, READ_BYTES // (height * width * channels))
    counts = np.zeros((channels, 256), dtype=np.int64)
    for first in range(0, len(source), stretch):
        images = source.read_images(np.arange(first, min(first + stretch, len(source))))
        for channel in range(channels):
            counts[channel] += np.bincount(images[..., channel].reshape(-1), minlength=256)
    values = np.arange(256) / 255
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ values
    deviation = np.sqrt((share * (values - mean[:, None]) ** 2).sum(axis=1))
    deviation[deviation == 0] = 1
    return tuple(mean.tolist()), tuple(deviation.tolist())


def _checked(given: tuple[Sequence[float], Sequence[float]], channels: int) -> Statistics:
    mean, deviation = (tuple(map(float, part)) for part in given)
    if len(mean) != channels or len(deviation) != channels or min(deviation) <= 0:
        raise RecipeError(
            "normalise",
            f"mean {mean} and deviation {deviation} do not fit {channels} channels",
            "Give one mean and one deviation above 0 for each channel.",
        )
    return mean, deviation


def _checked_rows(rows: Sequence[int] | Int64Array, count: int) -> Int64Array:
    checked = np.asarray(rows, dtype=np.int64)
    if not len(checked) or checked.min() < 0 or checked.max() >= count:
        raise RecipeError("rows", "are none, or not all in the version", f"0 to {count - 1} are.")
    return checked
