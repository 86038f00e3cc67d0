"""Which rows each optimiser step gets. Every choice belongs to (seed, epoch or step) alone.

Epochs follow each other without a gap, so that every batch is full; a batch larger than the set
holds some rows twice.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np

from augfactory.errors import one_of
from augfactory.evaluation.training.training_set import TrainingSet
from augfactory.evaluation.training.virtual_batches import steps_of_rounds
from augfactory.keyed_random import generator
from augfactory.records import Int64Array

Order = Literal["shuffled", "rounds", "one-of-k"]
ORDERS: tuple[Order, ...] = get_args(Order)
VIEWS = 2  # beside the clean image, as the Jensen-Shannon loss of AugMix takes them


def read_order(text: str) -> Order:
    """Check the name of an order.

    Raises:
        RecipeError: there is none of this name.
    """
    return one_of("--order", "order", text, ORDERS)


def ordered(
    training: TrainingSet, order: Order, steps: int, batch: int, seed: int
) -> Iterator[Int64Array]:
    """Yield ``steps`` int64 [batch] batches of rows.

    "shuffled" goes through all rows epoch by epoch. "rounds" gives each round an equal share of the
    steps, in order, so that what a method schedules over rounds comes in that order; rows that
    share what is drawn once a batch make batches of their own, see ``virtual_batches``. "one-of-k"
    takes, in each epoch, one row of each original's at random.
    """
    if order == "rounds" and training.virtual is not None:
        return steps_of_rounds(training.round, training.virtual, steps, batch, seed)
    if order == "rounds":
        rounds = np.unique(training.round)
        streams = {
            number: shuffled(
                np.flatnonzero(training.round == number), batch, seed, f"round {number}"
            )
            for number in rounds.tolist()
        }
        return (next(streams[rounds[step * len(rounds) // steps]]) for step in range(steps))
    if order == "one-of-k":
        origin = training.origin
        one_each = _endless(lambda epoch: epoch_one_of_k(origin, seed, epoch), batch)
        return itertools.islice(one_each, steps)
    rows = np.arange(len(training.source))
    return itertools.islice(shuffled(rows, batch, seed), steps)


def shared(
    training: TrainingSet, real_share: float, steps: int, batch: int, seed: int
) -> Iterator[Int64Array]:
    """Yield ``steps`` batches, ``real_share`` of each originals, at least one row of each kind."""
    real = min(max(round(real_share * batch), 1), batch - 1)
    originals = shuffled(np.flatnonzero(training.original), real, seed, "real")
    others = shuffled(np.flatnonzero(~training.original), batch - real, seed, "synthetic")
    return (np.concatenate([next(originals), next(others)]) for _ in range(steps))


def with_views(training: TrainingSet, steps: int, batch: int, seed: int) -> Iterator[Int64Array]:
    """Yield ``steps`` int64 [batch, 3]: a clean image and two of its views, drawn anew each epoch.

    Images with fewer than two views are left out; ``training`` must hold some with two.
    """
    clean, views = images_with_views(training)
    return itertools.islice(
        _endless(lambda epoch: epoch_with_views(clean, views, seed, epoch), batch), steps
    )


def epoch_with_views(
    clean: Int64Array, views: list[Int64Array], seed: int, epoch: int
) -> Int64Array:
    """Return int64 [n, 3], shuffled: each of ``clean`` and two of its ``views``."""
    random = generator("classifier views", seed, epoch)
    chosen = [random.permutation(own)[:VIEWS] for own in views]
    rows = np.column_stack([clean, np.stack(chosen)])
    return rows[random.permutation(len(rows))]


def images_with_views(training: TrainingSet) -> tuple[Int64Array, list[Int64Array]]:
    """Return the rows of the clean images that have two views or more, and the views of each."""
    rows = np.flatnonzero(training.clean >= 0)
    rows = rows[np.argsort(training.clean[rows], kind="stable")]
    clean, first, counts = np.unique(training.clean[rows], return_index=True, return_counts=True)
    enough = counts >= VIEWS
    views = [
        rows[start : start + count]
        for start, count in zip(first[enough].tolist(), counts[enough].tolist(), strict=True)
    ]
    return clean[enough], views


def shuffled(rows: Int64Array, batch: int, seed: int, what: str = "") -> Iterator[Int64Array]:
    """Yield int64 [batch] without end: epochs of ``rows``, each shuffled anew."""
    named = (what,) if what else ()
    return _endless(
        lambda epoch: generator("classifier epoch", seed, *named, epoch).permutation(rows), batch
    )


def epoch_one_of_k(origin: Int64Array, seed: int, epoch: int) -> Int64Array:
    """Return one row of each original's, at random and shuffled; ``origin`` is int64 [N]."""
    random = generator("classifier one of k", seed, epoch)
    order = random.permutation(len(origin))
    _, first = np.unique(origin[order], return_index=True)
    return random.permutation(order[first])


def _endless(epoch_rows: Callable[[int], Int64Array], batch: int) -> Iterator[Int64Array]:
    waiting = epoch_rows(0)
    for epoch in itertools.count(1):
        while len(waiting) >= batch:
            yield waiting[:batch]
            waiting = waiting[batch:]
        waiting = np.concatenate([waiting, epoch_rows(epoch)])
