"""How many rows each class has in each section, where classes are not expanded alike.

Rows within the factor are given for each class. Stages with ``copies`` come beside them, stages
with a ``share`` are among them. What is counted for each source image elsewhere is counted for a
base here: the images of the class, or those of the largest class, where classes are made even. So
even classes have the same number of rows in every section.
"""

import math
from collections.abc import Sequence

import numpy as np

from augfactory.pipeline.recipes.stages import MixStage
from augfactory.records import Int64Array


def rows_within(
    images: Int64Array, factors: Int64Array | int | None, per_class: int, mix: Sequence[MixStage]
) -> tuple[Int64Array, Int64Array]:
    """Return (rows within the factor, base), each int64 [K], for classes of ``images`` int64 [K].

    ``factors`` int64 [K] are those of the classes, which then stay as uneven as they are made. One
    number gives all classes the rows of the largest. At None ``per_class`` rows are all that a
    class has, those of stages with copies among them; so what is within may be negative.
    """
    if isinstance(factors, np.ndarray):
        return images * factors, images
    base = np.where(images > 0, images.max(), 0)
    if factors is not None:
        return base * factors, base
    beside = sum(stage.copies for stage in mix if stage.share is None)
    return np.where(images > 0, per_class - base * beside, 0), base


def rows_of_sections(
    within: Int64Array, base: Int64Array, mix: Sequence[MixStage], *, originals: bool
) -> Int64Array:
    """Return the rows of the first section and of each stage of ``mix``: int64 [1 + stages, K].

    A class's mixtures with a share have the shares' sum of its further rows, rounded down, but for
    as many rows as its base, which are always no mixtures.
    """
    further = within - base if originals else within
    share, given, found = 0.0, np.zeros_like(within), []
    for stage in mix:
        if stage.share is None:
            found.append(base * stage.copies)
            continue
        share += stage.share
        wanted = np.array([math.floor(share * rows + 1e-9) for rows in further.tolist()])
        found.append(np.minimum(wanted, within - base) - given)
        given = given + found[-1]
    return np.stack([within - given, *found]).astype(np.int64)
