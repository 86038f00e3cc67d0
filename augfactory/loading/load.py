"""`augfactory.load` and `augfactory.loader`: a dataset version for any PyTorch trainer."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch.utils.data import DataLoader

from augfactory.errors import RecipeError, one_of
from augfactory.evaluation.training.batches import VIEWS, images_with_views
from augfactory.evaluation.training.virtual_batches import DEFAULT_BATCH
from augfactory.keyed_random import key_of
from augfactory.loading.dataset import Item, Statistics, VersionDataset, channel_statistics
from augfactory.loading.epochs import EpochBatches, LoaderOrder, check_order
from augfactory.loading.loader import (
    HELD_BYTES,
    READ_AT_ONCE,
    ServedVersion,
    VersionLoader,
    as_it_is,
)
from augfactory.records import Int64Array
from augfactory.store.splits import VAL
from augfactory.store.versions import find_version


def load(
    name: str,
    *,
    split: Literal["train", "val"] = "train",
    labels: Literal["soft", "hard"] = "soft",
    images: Literal["float", "uint8"] = "float",
    normalise: bool | tuple[Sequence[float], Sequence[float]] = False,
    views: bool = False,
    verify: bool = True,
) -> VersionDataset:
    """Open the version that ``NAME``, ``NAME@vN`` or a path names.

    Args:
        name: the version.
        split: "val" opens the validation images that ``expand --validation`` kept apart.
        labels: "soft", float32 [K], or "hard", int64: the class of the largest share.
        images: "float", float32 [C, H, W] in [0, 1], or "uint8", as they are stored.
        normalise: (mean of each channel, deviation of each channel) on the scale 0 to 1, or True
            for the version's own, which its manifest holds.
        views: items are clean images with two of their AugMix views each, [3, C, H, W] (the clean
            image first), and the label of the clean image, as the Jensen-Shannon loss takes them.
        verify: hold every data file to the sha256 of the manifest. That takes a second for each
            gigabyte when a version is loaded for the first time; then it is remembered.

    Raises:
        InputDataError: there is no such dataset or version, or it has no validation images.
        VerificationError: a file of it is missing, damaged, or not what its manifest says. What
            ``load`` does not read yet is told when it is read.
        RecipeError: an argument is wrong, or no image has two views.

    Example:
        >>> dataset = augfactory.load("digits-x3@v1", normalise=True)
        >>> dataset
        VersionDataset(digits-x3@v1, rows=60, classes=10, shape=(28, 28, 1))
        >>> image, soft_label = dataset[0]
        >>> tuple(image.shape), tuple(soft_label.shape)
        ((1, 28, 28), (10,))
    """
    for where, given, known in (
        ("labels", labels, ("soft", "hard")),
        ("images", images, ("float", "uint8")),
    ):
        one_of(where, f"kind of {where}", given, known)
    if normalise and images == "uint8":
        raise RecipeError(
            "normalise", "uint8 images cannot be normalised", 'Leave out images="uint8".'
        )
    if name.endswith(f":{VAL}") and split == "train":  # as it is a SOURCE of commands
        name, split = name.removesuffix(f":{VAL}"), "val"
    folder = find_version(name)
    dataset = VersionDataset(
        folder,
        hard=labels == "hard",
        as_uint8=images == "uint8",
        views=views,
        verify=verify,
        split=split,
    )
    if views and not len(images_with_views(dataset.training)[0]):
        raise RecipeError(
            dataset.version.address, "no image in it has two views", "Expand it with --augmix 2."
        )
    if normalise is True:
        dataset.statistics = channel_statistics(dataset.version)
    elif normalise:
        dataset.statistics = _checked(normalise, dataset.manifest.image_shape[2])
    return dataset


def loader(
    dataset: VersionDataset | str,
    batch_size: int | None = None,
    *,
    order: LoaderOrder = "shuffled",
    seed: int = 0,
    workers: int = 0,
    drop_last: bool = False,
    balanced: bool = False,
    rows: Sequence[int] | Int64Array | None = None,
    window: int = 16,
    shard: tuple[int, int] = (0, 1),
    in_memory: bool | None = None,
    start_method: Literal["spawn", "fork", "forkserver"] | None = None,
    pin_memory: bool = False,
) -> DataLoader[Item]:
    """Return a PyTorch DataLoader; each pass over it is the next epoch of (``seed``, epoch).

    Args:
        dataset: what ``load`` gave, or a name that it takes.
        batch_size: rows in a batch, or clean images where the dataset gives views; 64 unless
            "rounds" gives batches of their own size.
        order: "shuffled": every row once an epoch. "blocks": every row once, shuffled within
            ``window`` blocks of 64 neighbouring rows, so that files are read block by block; for
            sets larger than memory. "rounds": every row once, round after round, which keeps
            RICAP's schedule; rows that share what is drawn once a batch (RICAP with scope "batch")
            are a batch of their own, as large as the recipe has it, and shorter where a change of
            beta or the end cut it off. "one-of-k": one row of each original's. Views come shuffled.
        seed: of the order. ``loader.batch_sampler.set_epoch(n)`` goes on with epoch n.
        workers: processes that read; the batches are the same for any number.
        drop_last: leave out a last batch that is not full; with batches of rows that share draws,
            every one that is not.
        balanced: show every class equally often, by the largest share of each label; rows of small
            classes come several times, and those of large ones not all in every epoch.
        rows: the rows to serve, such as ``held_out`` returns; all by default.
        window: see ``order``; each worker keeps so many blocks in memory.
        shard: (which, of how many) of the processes that train together, such as (rank,
            world_size): each serves its own batches of every epoch, all equally many.
        in_memory: keep the pixels of every row that was read, so that a process reads and decodes
            it once. By default where all take at most 256 MiB and the order is not "blocks".
        start_method: how workers are started; PyTorch's choice by default.
        pin_memory: as in DataLoader.

    Raises:
        InputDataError: there is no such dataset or version.
        RecipeError: an argument is wrong.

    Example:
        >>> dataset = augfactory.load("digits-x3@v1")
        >>> train, test = dataset.held_out(0.5)
        >>> augfactory.loader(dataset, 8, rows=train)
        VersionLoader(digits-x3@v1, rows=30, classes=10, shape=(28, 28, 1), batches=4)
        >>> images, soft_labels = next(iter(augfactory.loader(dataset, 8, rows=train)))
        >>> tuple(images.shape)
        (8, 1, 28, 28)
    """
    check_order(order)
    for where, number in (("batch_size", batch_size), ("window", window)):
        if number is not None and number < 1:
            raise RecipeError(where, f"{number} is less than 1", "Give 1 or more.")
    if not 0 <= shard[0] < shard[1]:
        raise RecipeError("shard", f"{shard} is not a shard", "Give such as (0, 2) and (1, 2).")
    given = load(dataset) if isinstance(dataset, str) else dataset
    if given.views and order != "shuffled":
        raise RecipeError("order", f"views do not come in order {order!r}", "Leave it out.")
    if balanced and (given.views or order != "shuffled"):
        raise RecipeError(
            "balanced", "comes in the order 'shuffled', without views", "Leave the other out."
        )
    image_bytes = math.prod(given.manifest.image_shape)
    if in_memory is None:
        in_memory = order != "blocks" and given.manifest.rows * image_bytes <= HELD_BYTES
    step_bytes = (batch_size or DEFAULT_BATCH) * image_bytes * (1 + VIEWS * given.views)
    at_once = max(1, READ_AT_ONCE // step_bytes)
    batches = EpochBatches(
        given.training,
        batch_size,
        rows=None if rows is None else _checked_rows(rows, given.manifest.rows),
        views=given.views,
        order=order,
        seed=seed,
        drop_last=drop_last,
        window=window,
        shard=shard,
        at_once=at_once,
        balanced=balanced,
    )
    return VersionLoader(
        ServedVersion(given, in_memory=in_memory, kept_blocks=window if order == "blocks" else 0),
        batch_sampler=batches,
        collate_fn=as_it_is,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context=start_method if workers else None,
        pin_memory=pin_memory,
        # Its own, for DataLoader draws from the global one, which is the trainer's.
        generator=torch.Generator().manual_seed(key_of("loader workers", seed)),
    )


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
