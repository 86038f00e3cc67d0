"""Which rows an epoch shows, where no set is stored: one of each original, in turn of its kinds."""

from collections.abc import Sequence

import numpy as np

from augfactory.keyed_random import generator
from augfactory.pipeline.plan import Section
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.records import Int64Array


def rows_of_epoch(
    recipe: Recipe, sections: Sequence[Section], count: int, number: int, *, mixed: bool
) -> Int64Array:
    """Return the rows of epoch ``number`` of ``count`` originals, shuffled: int64 [n].

    ``sections`` are all of the recipe's, whose factor is the number of epochs; one more where only
    mixtures are shown, ``mixed``, and its first round serves as parents alone. What is mixed by
    ``copies`` comes on top: of its rounds those whose number is the epoch's modulo the epochs.
    """
    epochs = (recipe.factor or 1) - mixed
    shared = [own for own in sections if _among_the_factor(recipe, own)]
    rows = [
        _one_of_each(
            shared[mixed:], count, number,
            originals=recipe.originals and not mixed, seed=recipe.seed,
        )
    ]  # fmt: skip
    rows += [
        np.arange(start, start + count)
        for own in sections
        if own not in shared
        for start in range(own.start + number * count, own.stop, epochs * count)
    ]
    return generator("online epoch", recipe.seed, number).permutation(np.concatenate(rows))


def _among_the_factor(recipe: Recipe, section: Section) -> bool:
    return section.stage == 0 or recipe.mix[section.stage - 1].share is not None


def _one_of_each(
    sections: Sequence[Section], count: int, number: int, *, originals: bool, seed: int
) -> Int64Array:
    """Return the row of each original that epoch ``number`` shows: int64 [count].

    Over all epochs each row comes once, and the rounds of a section in their order.

    Args:
        sections: those that share the factor, rounds of ``count`` rows each, the plain one first.
        count: originals.
        number: of the epoch, counted from 0.
        originals: whether the first round is the originals, which the first epoch shows.
        seed: of the recipe.
    """
    rows = np.arange(count)
    first = int(originals)
    if number < first:
        return rows
    rounds = np.array([(own.stop - own.start) // count for own in sections])
    rounds[0] -= first
    # Evenly spread: of a section with r rounds, round k stands at (k + 1/2) / r of all epochs.
    place = np.concatenate([(np.arange(each) + 0.5) / each for each in rounds if each])
    turn = np.repeat(np.arange(len(rounds)), rounds)[np.argsort(place, kind="stable")]
    # Each original begins at a place of its own, so that every epoch has rows of each section.
    offset = generator("online turns", seed).integers(len(turn), size=count)
    seen = np.zeros((2 * len(turn) + 1, len(rounds)), dtype=np.int64)
    seen[1:] = (np.tile(turn, 2)[:, None] == np.arange(len(rounds))).cumsum(axis=0)
    chosen = turn[(offset + number - first) % len(turn)]
    before = seen[offset + number - first, chosen] - seen[offset, chosen]
    start = np.array([own.start for own in sections])
    start[0] += first * count
    found: Int64Array = start[chosen] + before * count + rows
    return found
