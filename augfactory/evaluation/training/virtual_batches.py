"""Rows that share what is drawn once a batch reach a classifier as one mini-batch.

RICAP with ``scope = "batch"`` draws one boundary for many consecutive rows, a virtual batch. Only
where these rows make a step of their own is it trained on as its authors trained: shuffled among
all others they are as good as rows with boundaries of their own.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from augfactory.errors import RecipeError
from augfactory.keyed_random import generator
from augfactory.methods.method import VirtualBatch
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import method_of
from augfactory.records import Int64Array
from augfactory.store.reader import Version, read_drawn

NONE = -1
DEFAULT_BATCH = 64


@dataclass(frozen=True)
class VirtualBatches:
    """Which rows of a training set share draws.

    Attributes:
        number: int64 [N], the same for rows of one virtual batch; -1 for a row on its own.
        rows: how many rows a whole one has, by the recipe; several where its stages differ.
    """

    number: Int64Array
    rows: tuple[int, ...]

    def restricted_to(self, rows: Int64Array) -> "VirtualBatches | None":
        """Return those of ``rows``; None where none of them shares anything."""
        number = self.number[rows]
        return VirtualBatches(number, self.rows) if (number != NONE).any() else None

    def groups(self) -> list[Int64Array]:
        """Return the rows of each virtual batch, ascending."""
        rows = np.flatnonzero(self.number != NONE)
        rows = rows[np.argsort(self.number[rows], kind="stable")]
        return np.split(rows, np.flatnonzero(np.diff(self.number[rows])) + 1)


def virtual_batches(version: Version) -> VirtualBatches | None:
    """Return which rows of a version share draws, from its recorded draws; None where none do.

    Raises:
        VerificationError: its plan cannot be read.
    """
    try:
        recipe = Recipe.model_validate(version.manifest.recipe)
    except ValidationError:
        return None  # of a later program: the rows can be read all the same
    columns, sizes = [np.zeros((len(version.methods), 0))], set()
    for number, shared in shared_draws(recipe).items():
        if (version.methods == recipe.mix[number - 1].method).any():  # validation images are none
            names = [f"mix{number}_{field}" for field in shared.fields]
            columns.append(read_drawn(version, names))
            sizes.add(shared.rows)
    return numbered(np.concatenate(columns, axis=1), sizes)


def rows_of(virtual: VirtualBatches | None) -> tuple[int, ...]:
    """Return how many rows whole virtual batches have; nothing where there are none."""
    return () if virtual is None else virtual.rows


def shared_draws(recipe: Recipe) -> dict[int, VirtualBatch]:
    """Return, by number of the mix stage, counted from 1, how its rows share draws; the others not.

    What a stage has drawn stands in the columns of the plan called ``mix{number}_{field}``.
    """
    found = {}
    for number, stage in enumerate(recipe.mix, 1):
        method, parameters = method_of(stage)
        shared = method.virtual_batch(parameters)
        if shared is not None:
            found[number] = shared
    return found


def numbered(drawn: npt.NDArray[np.float64], sizes: Iterable[int]) -> VirtualBatches | None:
    """Return which rows have the same draws: float64 [N, columns], NaN where none is drawn.

    A row whose draws are all NaN is on its own; None where all are. ``sizes`` are those of whole
    virtual batches.
    """
    rows = np.flatnonzero(~np.isnan(drawn).all(axis=1))
    if not len(rows):
        return None
    number = np.full(len(drawn), NONE, dtype=np.int64)
    known = np.nan_to_num(drawn[rows], nan=NONE)  # NaN equals nothing; no draw is below 0
    _, which = np.unique(known, axis=0, return_inverse=True)
    number[rows] = which.reshape(-1)
    return VirtualBatches(number, tuple(sorted(set(sizes))))


def fitting_batch(sizes: Iterable[int], asked: int | None, where: str) -> int:
    """Return the size of a mini-batch that holds one virtual batch, whose rows are ``sizes``.

    Without any it is ``asked``, or 64.

    Raises:
        RecipeError: it is not ``asked``, or no size fits all; ``where`` names the option.
    """
    different = sorted(set(sizes))
    if not different:
        return DEFAULT_BATCH if asked is None else asked
    if len(different) > 1:
        several = " and of ".join(f"{size:,}" for size in different)
        raise RecipeError(
            where,
            f"rows come in virtual batches of {several}, which no one size of a batch fits",
            'Give all stages with scope = "batch" the same batch_size, or leave out the order '
            "'rounds'.",
        )
    (size,) = different
    if asked not in (None, size):
        raise RecipeError(
            where,
            f"{asked:,} rows are not one virtual batch: {size:,} rows share what is drawn once a "
            "batch",
            f"Give {size:,}, or make the rows with batch_size = {asked}.",
        )
    return size


def epoch_of_rounds(
    rounds: Int64Array, virtual: VirtualBatches, batch: int, random: np.random.Generator
) -> list[Int64Array]:
    """Return the mini-batches of an epoch, round after round: positions of ``rounds`` int64 [N].

    Each is one virtual batch, or up to ``batch`` rows that share nothing. Within a round the
    batches are shuffled, and the rows within each batch. A virtual batch belongs to the round of
    its first row; one that a change of beta or the end of the set cut off is a shorter batch.
    """
    found = []
    for groups, plain in _by_round(rounds, virtual).values():
        shuffled = random.permutation(plain)
        units = [random.permutation(group) for group in groups]
        units += [shuffled[start : start + batch] for start in range(0, len(plain), batch)]
        found += [units[place] for place in random.permutation(len(units))]
    return found


def steps_of_rounds(
    rounds: Int64Array, virtual: VirtualBatches, steps: int, batch: int, seed: int
) -> Iterator[Int64Array]:
    """Yield the rows of ``steps`` steps, each round an equal share of them, in order.

    A step is one virtual batch, or ``batch`` rows that share nothing. Of a round the largest
    virtual batches serve, which are whole ones where it has any: all steps are equally large so.
    """
    of_round = _by_round(rounds, virtual)
    streams = [
        _endless(groups, plain, batch, seed, number) for number, (groups, plain) in of_round.items()
    ]
    return (next(streams[step * len(streams) // steps]) for step in range(steps))


def _endless(
    groups: list[Int64Array], plain: Int64Array, batch: int, seed: int, number: int
) -> Iterator[Int64Array]:
    """Yield the batches of a round, epoch after epoch."""
    largest = max(map(len, groups), default=0)
    serving = [group for group in groups if len(group) == largest]
    waiting = np.zeros(0, dtype=np.int64)
    for epoch in itertools.count():
        random = generator("classifier virtual batches", seed, number, epoch)
        units = [random.permutation(group) for group in serving]
        waiting = np.concatenate([waiting, random.permutation(plain)])
        whole = len(waiting) // batch * batch
        units += list(waiting[:whole].reshape(-1, batch))
        waiting = waiting[whole:]
        for place in random.permutation(len(units)).tolist():
            yield units[place]


def _by_round(
    rounds: Int64Array, virtual: VirtualBatches
) -> dict[int, tuple[list[Int64Array], Int64Array]]:
    """Return, by round in order, its virtual batches and its rows that share nothing."""
    found: dict[int, tuple[list[Int64Array], Int64Array]] = {}
    plain = np.flatnonzero(virtual.number == NONE)
    groups = virtual.groups()
    first = [int(rounds[group[0]]) for group in groups]
    for number in sorted({*first, *rounds[plain].tolist()}):
        own = [group for group, start in zip(groups, first, strict=True) if start == number]
        found[number] = own, plain[rounds[plain] == number]
    return found
