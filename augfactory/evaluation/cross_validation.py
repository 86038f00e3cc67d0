"""Repeated, stratified cross-validation: which rows are held out, and how sure a mean of it is.

What is asked is what a recipe gains on other images of this kind, after training on as many others.
So the images are drawn twice, as those that are tested and as those that are trained on, and no
number of folds draws new ones. The difference of two arms is uncertain by

- the images tested: the variance, between images, of what each adds to the difference. An image's
  own answers are averaged over the repeats first, so that what changes from training to training
  falls with their number. Images of one group are counted as one.
- the trainings: what a fold's training images and first weights do to an arm and not to others, in
  all images at once. Its variance t^2 is what folds of a repeat differ by beyond what the chance in
  their images explains, pooled over all arms. Each fold has it once, and the folds share most of
  their training images: of n folds it counts 1/n + test/train times, after Nadeau and Bengio,
  "Inference for the Generalization Error" (Machine Learning 52, 2003, section 3).

Nadeau and Bengio widen the whole variance between folds, that of the images too, which every repeat
tests anew all the same; docs/decisions/0020 compares them by simulation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from augfactory.evaluation.comparison.intervals import (
    MOST_FREEDOM,
    Difference,
    Pair,
    largest_t,
)
from augfactory.keyed_random import generator
from augfactory.records import Float64Array, Int64Array
from augfactory.sources.choosing.splitting import deal

Right = Mapping[str, Mapping[int, Float64Array]]  # arm -> fold -> 1 or 0 for each test image


@dataclass(frozen=True)
class Fold:
    """What is tested in a fold: int64 [N], the number of each test image or of its group.

    Folds of one ``repeat`` have no image in common.
    """

    repeat: int
    units: Int64Array


@dataclass(frozen=True)
class FoldComparison:
    """Differences of pairs of arms, with intervals that hold together.

    ``limit`` is half of the interval that endlessly many folds of the same images would leave; None
    where no image was tested twice.
    """

    differences: dict[Pair, Difference]
    limit: dict[Pair, float | None]


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
    right: Right, tested: Mapping[int, Fold], pairs: Sequence[Pair], test_share: float
) -> FoldComparison:
    """Return the difference of each pair, with intervals that together hold in 95 % of cases.

    They reach as far as the largest |t| of all ``pairs`` goes, so that the best of many arms that
    differ by chance is not taken for better: give all pairs that one was chosen from. Where no two
    folds of a repeat are finished, nothing is known of the trainings, and there is no interval.

    Args:
        right: arm -> fold -> float64 [N], 1 where the image's class was found, else 0; an arm may
            lack folds.
        tested: fold -> its N test images; each fold of ``right``.
        pairs: of arms; each has a fold in common.
        test_share: a fold's test rows over its training rows.
    """
    training, freedom = training_variance(right, tested)
    parts = {pair: _parts(right, tested, pair) for pair in pairs}
    count = {pair: len(_common(right, pair)) for pair in pairs}
    fold_part = {pair: 2 * training * (1 / count[pair] + test_share) for pair in pairs}
    reach = None
    if freedom and pairs:
        known = [_freedom(parts[pair], fold_part[pair], freedom) for pair in pairs]
        reach = largest_t(tuple(pairs), min(known))
    differences, limit = {}, dict.fromkeys(pairs, None)
    for pair in pairs:
        own, low, high = parts[pair], None, None
        if reach is not None:
            half = reach * (own.images + fold_part[pair]) ** 0.5
            low, high = own.mean - half, own.mean + half
            if own.lasting is not None:
                limit[pair] = reach * (own.lasting + 2 * training * test_share) ** 0.5
        differences[pair] = Difference(own.mean, low, high, count[pair])
    return FoldComparison(differences, limit)


def training_variance(right: Right, tested: Mapping[int, Fold]) -> tuple[float, int]:
    """Return t^2 of one arm, as the module says, and its degrees of freedom; 0 where unknown.

    It is the interaction of arms and folds within each repeat, whose images are not tested twice,
    less the part that comes of the choice of each fold's images; at least 0.
    """
    found, by_chance, freedom = 0.0, 0.0, 0
    for repeat in sorted({fold.repeat for fold in tested.values()}):
        numbers = [number for number, fold in tested.items() if fold.repeat == repeat]
        answers = [own for own in right.values() if own.keys() >= set(numbers)]
        own_freedom = (len(answers) - 1) * (len(numbers) - 1)
        if own_freedom < 1:
            continue
        figures = np.array([[own[number].mean() for number in numbers] for own in answers])
        chance = [
            _interaction_by_chance(np.stack([own[number] for own in answers]), tested[number].units)
            for number in numbers
        ]
        found += float((_interaction(figures) ** 2).sum())
        by_chance += own_freedom * float(np.mean(chance))
        freedom += own_freedom
    return (max(0.0, (found - by_chance) / freedom) if freedom else 0.0), freedom


def _interaction(values: Float64Array) -> Float64Array:
    """Return [arms, others] less the means of rows and of columns."""
    rest: Float64Array = values - values.mean(axis=0)
    rest -= rest.mean(axis=1, keepdims=True)
    return rest


def _interaction_by_chance(answers: Float64Array, units: Int64Array) -> float:
    """Return the variance that the choice of images gives an arm's mean of ``answers`` [arms, N].

    What all arms share is left out. 0 where all images are of one group.
    """
    sums = _sums(_interaction(answers).T, units)
    if len(sums) < 2:
        return 0.0
    whole = len(sums) / (len(sums) - 1) * (sums**2).sum()
    return float(whole / ((len(answers) - 1) * len(units) ** 2))


def _sums(values: Float64Array, units: Int64Array) -> Float64Array:
    """Return the sums over the rows of each unit, [units, ...]."""
    known, place = np.unique(units, return_inverse=True)
    sums = np.zeros((len(known), *values.shape[1:]))
    np.add.at(sums, place, values)
    return sums


@dataclass(frozen=True)
class _Parts:
    """A difference, the variance that its images bring, what lasts of it, and their freedom."""

    mean: float
    images: float
    lasting: float | None
    freedom: int


def _common(right: Right, pair: Pair) -> list[int]:
    one, other = pair
    return sorted(right[one].keys() & right[other].keys())


def _parts(right: Right, tested: Mapping[int, Fold], pair: Pair) -> _Parts:
    """Return the mean of the folds' differences, and the variance that their images bring.

    The mean is a sum of what each image adds in each fold, here as far as it is off the mean.
    """
    numbers = _common(right, pair)
    gaps = [right[pair[0]][number] - right[pair[1]][number] for number in numbers]
    mean = float(np.mean([gap.mean() for gap in gaps]))
    units = np.concatenate([tested[number].units for number in numbers])
    fold = np.repeat(numbers, [len(gap) for gap in gaps])
    added = np.concatenate([(gap - mean) / (len(gap) * len(gaps)) for gap in gaps])
    # One value for each unit in each fold: what a group's images add is added up.
    keys, place = np.unique(np.stack([units, fold]), axis=1, return_inverse=True)
    in_fold = np.bincount(place.ravel(), weights=added)
    known, of_unit = np.unique(keys[0], return_inverse=True)
    times = np.bincount(of_unit)
    sums = np.bincount(of_unit, weights=in_fold)
    many = len(known) / max(1, len(known) - 1)
    images = float(many * (sums**2).sum())
    lasting = None
    if times.max() > 1:
        within = np.bincount(of_unit, weights=(in_fold - (sums / times)[of_unit]) ** 2)
        noise = (within * times / np.maximum(times - 1, 1)).sum()
        lasting = max(0.0, images - float(noise))
    return _Parts(mean, images, lasting, len(known) - 1)


def _freedom(parts: _Parts, training: float, freedom: int) -> float:
    """Return the degrees of freedom of both variances together (Satterthwaite 1946)."""
    whole = parts.images + training
    if whole <= 0:
        return MOST_FREEDOM
    apart = parts.images**2 / max(1, parts.freedom) + training**2 / freedom
    return float(whole**2 / apart)
