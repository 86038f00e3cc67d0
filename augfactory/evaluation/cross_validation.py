"""Repeated, stratified cross-validation: which rows are held out, and how sure a mean of it is.

The trainings of different folds share most of their images, so that the plain standard error of
their mean is too small. It is corrected after Nadeau and Bengio, "Inference for the Generalization
Error" (Machine Learning 52, 2003, section 3): the variance of n differences counts 1/n + test/train
times, with the sizes of a fold's test and training rows.
"""

from collections.abc import Sequence

import numpy as np

from augfactory.evaluation.intervals import LEVEL, Difference
from augfactory.keyed_random import generator
from augfactory.records import Int64Array


def folds(labels: Int64Array, count: int, seed: int, repeat: int) -> list[Int64Array]:
    """Deal the rows into ``count`` folds, each class as evenly as can be: sorted rows of each.

    Another ``repeat`` deals them another way. A class of fewer rows than folds is missing from
    some of them, and the training rows of every fold hold it as long as it has two.
    """
    fold_of = np.empty(len(labels), dtype=np.int64)
    begun = 0
    for label in np.unique(labels).tolist():
        own = np.flatnonzero(labels == label)
        shuffled = generator(seed, "tune folds", repeat, label).permutation(own)
        fold_of[shuffled] = (begun + np.arange(len(own))) % count
        begun += len(own)  # so that the odd ones do not all come to the first fold
    return [np.flatnonzero(fold_of == fold) for fold in range(count)]


def mean_difference(
    differences: Sequence[float], test_share: float, comparisons: int = 1
) -> Difference:
    """Return the mean of paired differences, one a fold, and its corrected interval.

    ``test_share`` is a fold's test rows over its training rows; of ``comparisons`` intervals all
    hold together (Bonferroni). One difference has no interval.
    """
    from scipy.stats import t  # takes a second to load

    values, count = np.asarray(differences, dtype=np.float64), len(differences)
    mean = float(values.mean())
    if count < 2:
        return Difference(mean, None, None, count)
    variance = float(values.var(ddof=1)) * (1 / count + test_share)
    reach = float(t.ppf(1 - (1 - LEVEL) / 2 / comparisons, count - 1)) * variance**0.5
    return Difference(mean, mean - reach, mean + reach, count)
