"""Choose a small labelled set out of a large one, class by class."""

import numpy as np

from augfactory.errors import RecipeError
from augfactory.keyed_random import generator
from augfactory.records import Int64Array


def stratified_rows(
    labels: Int64Array, count: int, seed: int, where: str = "--n-train"
) -> Int64Array:
    """Draw ``count`` rows, as equally many of each class as there are: sorted int64 [count].

    The rows of each class are shuffled, then dealt in rounds, one of each class per round. A class
    that has run out is passed over, so that the others make up for it; a last round that is not
    full goes to classes drawn by the seed. So the subset of a smaller count is always part of that
    of a larger one.

    ``where`` is what asks for them, for messages.

    Raises:
        RecipeError: ``count`` is below the number of classes, or above that of the rows.
    """
    classes = np.unique(labels)
    if count > len(labels):
        raise RecipeError(
            where, f"{count} rows asked, but there are {len(labels)}",
            f"Ask for at most {len(labels)}, or leave it off for all of them.",
        )  # fmt: skip
    if count < len(classes):
        raise RecipeError(
            where, f"{count} rows asked for {len(classes)} classes",
            f"Ask for at least one of each class: {len(classes)}.",
        )  # fmt: skip
    turns = generator("subset", "turns", seed).permutation(len(classes))
    rows, rounds, turn_of_row = [], [], []
    for label, turn in zip(classes.tolist(), turns.tolist(), strict=True):
        own = np.flatnonzero(labels == label)
        rows.append(generator("subset", "rows", seed, label).permutation(own))
        rounds.append(np.arange(len(own)))
        turn_of_row.append(np.full(len(own), turn))
    dealt = np.lexsort((np.concatenate(turn_of_row), np.concatenate(rounds)))
    return np.sort(np.concatenate(rows)[dealt[:count]])
