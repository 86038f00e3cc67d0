"""Which of the rows that are made of one original each are decoded: exact shares, evenly spread.

The rows are thought of in one line: class by class, image by image, and each image's further rows
from a round of its own on. Along this line a share is taken at equal distances. So the number of
decoded rows is exact, every image has its part of them but for one, and no round is all decoded;
whoever asks for a row knows its place without the others.
"""

import numpy as np
import numpy.typing as npt

from augfactory.keyed_random import key_of
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.turns import Turns
from augfactory.records import Int64Array


def count_decoded(recipe: Recipe, sources: int) -> int:
    """Return how many rows are decoded: the share of them, rounded to a whole number."""
    share = 0.0 if recipe.vae is None else recipe.vae.share
    return round(share * recipe.further_rows(sources))


def is_filtered(recipe: Recipe, sources: int) -> bool:
    """Tell whether there are decoded rows, and they are filtered."""
    return recipe.vae is not None and recipe.vae.filter and count_decoded(recipe, sources) > 0


def decoded_rows(
    recipe: Recipe, turns: Turns, source: Int64Array, round_: Int64Array
) -> npt.NDArray[np.bool_]:
    """Tell which further rows are decoded: bool [n].

    ``turns`` are those of the first section. ``source`` and ``round_`` int64 [n] say which image
    each row is made of, and in which round; round 0, the originals, is answered like any other and
    means nothing.
    """
    sources = len(turns.class_rows.labels)
    total, taken = recipe.further_rows(sources), count_decoded(recipe, sources)
    if taken in (0, total):
        return np.full(len(source), taken > 0)
    rounds = np.maximum(turns.rows_of(source), 1)
    begun = [
        key_of(recipe.seed, "vae rounds", n) % own
        for n, own in zip(source.tolist(), rounds.tolist(), strict=True)
    ]
    places = turns.rows_before(source) + (np.array(begun) + round_ - 1) % rounds
    # Python's whole numbers: the products are beyond 64 bits in the largest datasets.
    line = places.astype(object) * taken
    return np.array(line // total != (line + taken) // total, dtype=bool)
