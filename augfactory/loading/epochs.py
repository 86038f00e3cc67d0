"""Which rows an epoch of `augfactory.loader` serves, in which batches.

Everything belongs to (seed, epoch) alone and is drawn in the main process, so that the number of
worker processes cannot change a batch.
"""

from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
from torch.utils.data import Sampler

from augfactory.errors import RecipeError, one_of
from augfactory.evaluation.training.batches import (
    epoch_one_of_k,
    epoch_with_views,
    images_with_views,
)
from augfactory.evaluation.training.training_set import TrainingSet
from augfactory.evaluation.training.virtual_batches import epoch_of_rounds, fitting_batch, rows_of
from augfactory.keyed_random import generator
from augfactory.records import BLOCK_ROWS, Int64Array

LoaderOrder = Literal["shuffled", "blocks", "rounds", "one-of-k"]
LOADER_ORDERS: tuple[LoaderOrder, ...] = get_args(LoaderOrder)
RowKey = int | tuple[int, ...]  # one row, or a clean image's row and those of its views


def check_order(order: str) -> None:
    """Refuse an order that there is not.

    Raises:
        RecipeError: there is none of this name.
    """
    one_of("order", "order", order, LOADER_ORDERS)


class EpochBatches(Sampler[Any]):
    """A batch sampler: each iteration serves the next epoch; ``set_epoch`` chooses which.

    It yields rows to be read at once, those of ``at_once`` batches; its length counts batches.

    Args:
        training: the whole version.
        rows: int64 [n], the rows to serve; None for all.
        views: serve clean images with two of their views each, (clean, view, view), instead.
        order: "shuffled", "blocks", "rounds" or "one-of-k".
        batch_size: rows of a batch; None for 64 or, where the order is "rounds" and rows share what
            is drawn once a batch, for as many as share it.
        balanced: every class as often as any other, rows of small ones several times; the order is
            "shuffled".
        window: blocks of 64 rows that "blocks" shuffles together.
        shard: (which, of how many): of every so many batches serve this one.

    Raises:
        RecipeError: views are asked for, and no image among ``rows`` has two; or ``batch_size``
            is not that of the rows that share draws.
    """

    def __init__(
        self,
        training: TrainingSet,
        batch_size: int | None,
        *,
        rows: Int64Array | None,
        views: bool,
        order: str,
        seed: int,
        drop_last: bool,
        window: int,
        shard: tuple[int, int],
        at_once: int,
        balanced: bool = False,
    ) -> None:
        self._rows = np.arange(len(training.source)) if rows is None else rows
        chosen = training.restricted_to(self._rows)
        # Arrays alone: some trainers send a loader to another process.
        self._origin, self._round = chosen.origin, chosen.round
        self._views = images_with_views(chosen) if views else None
        if self._views is not None and not len(self._views[0]):
            raise RecipeError("rows", "no image among them has two views", "Choose others.")
        self._virtual = chosen.virtual if order == "rounds" and not views else None
        self.batch_size = fitting_batch(rows_of(self._virtual), batch_size, "batch_size")
        self.order = order
        self.seed = seed
        self.drop_last = drop_last
        self.window = window
        self.shard = shard
        # Of several sizes: nothing would say where one of them ends and another begins.
        self.at_once = 1 if self._virtual is not None else at_once
        self._labels = chosen.source.labels if balanced else None
        self.epoch = 0
        sizes = [len(batch) for batch in self._batches_of_epoch(0)]
        self.rows_in_epoch = sum(sizes)
        self._batches = len([size for size in sizes if self._is_served(size)]) // shard[1]

    def set_epoch(self, epoch: int) -> None:
        """Serve epoch number ``epoch`` next, as a training that goes on does."""
        self.epoch = epoch

    def rows_of_epoch(self, epoch: int) -> Int64Array:
        """Return the rows of an epoch in the order served: int64 [n], or [n, 3] with views."""
        if self._views is not None:
            clean, views = self._views
            return self._rows[epoch_with_views(clean, views, self.seed, epoch)]
        if self._labels is not None:
            return self._rows[balanced_order(self._labels, self.seed, epoch)]
        if self.order == "one-of-k":
            return self._rows[epoch_one_of_k(self._origin, self.seed, epoch)]
        if self.order == "rounds":
            if self._virtual is None:
                rows = self._rows[round_order(self._round, self.seed, epoch)]
            else:
                rows = np.concatenate(self._batches_of_epoch(epoch))
            return rows
        if self.order == "blocks":
            return block_order(self._rows, self.window, self.seed, epoch)
        return generator("loader epoch", self.seed, epoch).permutation(self._rows)

    def _batches_of_epoch(self, epoch: int) -> list[Int64Array]:
        """Return the rows of each batch of an epoch, with those that ``drop_last`` leaves out."""
        if self._virtual is None:
            rows = self.rows_of_epoch(epoch)
            starts = range(0, len(rows), self.batch_size)
            return [rows[start : start + self.batch_size] for start in starts]
        random = generator("loader virtual batches", self.seed, epoch)
        drawn = epoch_of_rounds(self._round, self._virtual, self.batch_size, random)
        return [self._rows[batch] for batch in drawn]

    def _is_served(self, size: int) -> bool:
        return size == self.batch_size or not self.drop_last

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[Int64Array]:
        # A generator: DataLoader asks for an iterator that it throws away, and no epoch is lost.
        found = [each for each in self._batches_of_epoch(self.epoch) if self._is_served(len(each))]
        self.epoch += 1
        which, parts = self.shard
        batches = found[which::parts][: len(self)]
        for first in range(0, len(batches), self.at_once):
            yield np.concatenate(batches[first : first + self.at_once])


def balanced_order(labels: Int64Array, seed: int, epoch: int) -> Int64Array:
    """Return as many positions as there are ``labels``, each class equally often to within one.

    The rows of a class are gone through in another order each time, so that none is shown twice
    before all of its class were shown; those of large classes that an epoch has no room for come in
    the next ones.
    """
    classes, counts = np.unique(labels, return_counts=True)
    random = generator("loader balanced", seed, epoch)
    extra = random.permutation(len(classes)) < len(labels) % len(classes)
    found = []
    for label, count, more in zip(classes.tolist(), counts.tolist(), extra.tolist(), strict=True):
        wanted = len(labels) // len(classes) + more
        # Every epoch begins where the one before ended, so far as the shares are whole.
        start = epoch * (len(labels) // len(classes))
        turns = range(start // count, (start + wanted - 1) // count + 1)
        own = np.concatenate(
            [
                generator("loader class", seed, label, turn).permutation(
                    np.flatnonzero(labels == label)
                )
                for turn in turns
            ]
        )
        found.append(own[start % count : start % count + wanted])
    return random.permutation(np.concatenate(found))


def round_order(rounds: Int64Array, seed: int, epoch: int = 0) -> Int64Array:
    """Return the positions of ``rounds`` round after round, shuffled within each: int64 [N]."""
    later = (epoch,) if epoch else ()
    mixed = generator(seed, "round order", *later).permutation(len(rounds))
    return mixed[np.argsort(rounds[mixed], kind="stable")]


def block_order(rows: Int64Array, window: int, seed: int, epoch: int) -> Int64Array:
    """Shuffle blocks of 64 neighbouring rows, then the rows within each ``window`` of blocks.

    So at most ``window`` blocks are needed at any time, and each is read whole and once.
    """
    random = generator("loader blocks", seed, epoch)
    ascending = np.sort(rows)
    starts = np.flatnonzero(np.diff(ascending // BLOCK_ROWS)) + 1
    blocks = np.split(ascending, starts)
    order = random.permutation(len(blocks))
    windows = [order[first : first + window] for first in range(0, len(order), window)]
    return np.concatenate(
        [random.permutation(np.concatenate([blocks[b] for b in own])) for own in windows]
    )
