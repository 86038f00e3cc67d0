"""Repeated, stratified cross-validation: which rows are held out, and how sure a mean of it is.

The trainings of different folds share most of their images, so that the plain standard error of
their mean is too small. It is corrected after Nadeau and Bengio, "Inference for the Generalization
Error" (Machine Learning 52, 2003, section 3): the variance of n differences counts 1/n + test/train
times instead of 1/n, with the sizes of a fold's test and training rows. The variance is pooled
over all arms, as it is between trainings of an evaluation.
"""

from collections.abc import Sequence

import numpy as np

from augfactory.evaluation.comparison.intervals import Difference, Metrics, Pair, compare
from augfactory.keyed_random import generator
from augfactory.records import Int64Array
from augfactory.sources.choosing.splitting import deal


def folds(
    labels: Int64Array, count: int, seed: int, repeat: int, groups: Int64Array | None = None
) -> list[Int64Array]:
    """Deal the rows into ``count`` folds, each class as evenly as can be: sorted rows of each.

    Another ``repeat`` deals them another way. A class of fewer rows than folds is missing from
    some of them, and the training rows of every fold hold it as long as it has two. ``groups`` are
    the numbers of groups that are dealt whole, where rows belong together.
    """
    if groups is not None:
        part = deal(labels, groups, [1 / count] * count, seed, ("tune folds", repeat))
        return [np.flatnonzero(part == fold) for fold in range(count)]
    fold_of = np.empty(len(labels), dtype=np.int64)
    begun = 0
    for label in np.unique(labels).tolist():
        own = np.flatnonzero(labels == label)
        shuffled = generator(seed, "tune folds", repeat, label).permutation(own)
        fold_of[shuffled] = (begun + np.arange(len(own))) % count
        begun += len(own)  # so that the odd ones do not all come to the first fold
    return [np.flatnonzero(fold_of == fold) for fold in range(count)]


def compare_folds(
    figures: Metrics, pairs: Sequence[Pair], test_share: float
) -> dict[Pair, Difference]:
    """Return the difference of each pair, with corrected intervals that hold together.

    Args:
        figures: arm -> fold -> figure; an arm may lack folds.
        pairs: of arms; each has a fold in common.
        test_share: a fold's test rows over its training rows.
    """
    found = compare(figures, pairs).differences
    return {pair: _widened(gap, (1 + gap.pairs * test_share) ** 0.5) for pair, gap in found.items()}


def _widened(gap: Difference, times: float) -> Difference:
    if gap.high is None:
        return gap
    reach = times * (gap.high - gap.mean)
    return Difference(gap.mean, gap.mean - reach, gap.mean + reach, gap.pairs)
