"""How sure a comparison of arms is: intervals that hold together, for training and test chance.

All arms are trained in the same blocks (draws of the originals or, where there is but one draw,
training seeds) and measured on the same test images. A figure is its arm's share, its block's share
and a remainder, whose variance is pooled over all arms. The difference of two arms is uncertain by
the remainders, and because other test images could have been drawn. Few blocks can agree by chance:
no interval is narrower than the one that the test images alone give, counted as if each block's
answers were the arm's for good (a paired test of the mean answers, as McNemar's is of one).
Test images that belong together, such as copies, are drawn together: their groups are counted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np

from augfactory.records import Float64Array, Int64Array

Metrics = Mapping[str, Mapping[int, float]]  # arm -> block -> figure
Pair = tuple[str, str]
LEVEL = 0.95
DRAWS = 100_000  # of the largest |t|: its 95 % point is then right to about 0.01
MOST_FREEDOM = 1e4
ONE_PAIR = ("one", "other")
ROUNDING = 1e-24  # a variance up to this is what computing leaves of equal figures


@dataclass(frozen=True)
class Difference:
    """The difference of two arms and its 95 % interval, one of several that hold together.

    ``low`` and ``high`` are None where too few blocks give no interval; ``pairs`` counts the blocks
    that both arms have.
    """

    mean: float
    low: float | None
    high: float | None
    pairs: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Comparison:
    """Differences of pairs of arms, and what they rest on.

    Attributes:
        differences: (arm, other) -> arm less other.
        residual: the variance of a figure beyond its arm's and its block's share.
        freedom: the degrees of freedom of ``residual``; 0 gives no interval.
        test: (arm, other) -> the variance of the difference that test images bring; 0 where the
            figures are not given image by image.
    """

    differences: dict[Pair, Difference]
    residual: float
    freedom: int
    test: dict[Pair, float]


def compare(
    figures: Metrics,
    pairs: Sequence[Pair],
    by_image: Mapping[str, Mapping[int, Float64Array]] | None = None,
    *,
    groups: Int64Array | None = None,
    distinct: Collection[str] | None = None,
) -> Comparison:
    """Return the difference of each pair, with intervals that together hold in 95 % of cases.

    They reach as far as the largest |t| of all pairs goes (Dunnett 1955, for pairs that share one
    arm); the degrees of freedom of the two variances together are Satterthwaite's (1946). With
    ``by_image`` they reach at least as far as the chance in the test images does.

    Args:
        figures: arm -> block -> figure.
        pairs: of arms; each has a block in common.
        by_image: arm -> block -> float64 [N], of which the figure is the mean over N test images.
        groups: int64 [N], which test images belong together; None where none do.
        distinct: arms whose remainders are their own: of several that are the same trainings, one.
            None is all.
    """
    kept = {name: own for name, own in figures.items() if distinct is None or name in distinct}
    residual, freedom = pooled_residual(kept)
    common = {pair: sorted(figures[pair[0]].keys() & figures[pair[1]].keys()) for pair in pairs}
    training = {pair: 2 * residual / len(own) for pair, own in common.items()}
    test, alone = dict.fromkeys(pairs, 0.0), dict.fromkeys(pairs, 0.0)
    units = MOST_FREEDOM + 1
    if by_image is not None:
        for one, other in pairs:
            own = common[one, other]
            gaps = np.stack([by_image[one][key] - by_image[other][key] for key in own])
            gaps = gaps if groups is None else of_groups(gaps, groups)
            units = min(units, gaps.shape[1])
            test[one, other] = image_variance(gaps)
            alone[one, other] = image_variance(gaps.mean(axis=0, keepdims=True)) ** 0.5
    reach = None
    if freedom and pairs:
        least = min(_freedom(training[pair], freedom, test[pair], units - 1) for pair in pairs)
        reach = largest_t(tuple(pairs), least)
        reach_alone = largest_t((ONE_PAIR,), max(1.0, units - 1))
    differences = {}
    for one, other in pairs:
        own = common[one, other]
        mean = float(np.mean([figures[one][key] - figures[other][key] for key in own]))
        half = None
        if reach is not None:
            whole = training[one, other] + test[one, other]
            half = max(reach * whole**0.5, reach_alone * alone[one, other])
        low, high = (None, None) if half is None else (mean - half, mean + half)
        differences[one, other] = Difference(mean, low, high, len(own))
    return Comparison(differences, residual, freedom, test)


def pooled_residual(figures: Metrics) -> tuple[float, int]:
    """Return the variance of figures beyond their arm's and block's shares, and its freedom.

    The model is fitted by least squares, so that arms may lack blocks.
    """
    blocks = sorted(set(chain.from_iterable(figures.values())))
    rows, values = [], []
    for place, own in enumerate(figures.values()):
        for block, figure in own.items():
            row = np.zeros(len(figures) + len(blocks))
            row[place] = row[len(figures) + blocks.index(block)] = 1
            rows.append(row)
            values.append(figure)
    design = np.array(rows)
    fitted, _, rank, _ = np.linalg.lstsq(design, np.array(values), rcond=None)
    freedom = len(values) - int(rank)
    if freedom < 1:
        return 0.0, 0
    residual = float(((values - design @ fitted) ** 2).sum() / freedom)
    return (residual if residual > ROUNDING else 0.0), freedom


def of_groups(gaps: Float64Array, groups: Int64Array) -> Float64Array:
    """Return [B, G] for ``gaps`` [B, N] of N images in G groups: what each group adds to the mean.

    Their mean is that of the images, and their variance that of a mean whose images were drawn by
    the group (Cochran 1977, section 9A.1: the ratio of group totals to group sizes).
    """
    _, place = np.unique(groups, return_inverse=True)
    count = int(place.max()) + 1
    mean = gaps.mean(axis=1, keepdims=True)
    totals = np.stack([np.bincount(place, own, count) for own in gaps - mean])
    return np.asarray(mean + totals * (count / gaps.shape[1]), dtype=np.float64)


def image_variance(gaps: Float64Array) -> float:
    """Return the variance of the mean of ``gaps`` [B, N] that the choice of the N images brings.

    Blocks and images are crossed; what both bring together is in the blocks' variance already and
    is taken off here, so that it is not counted twice (Searle 1971, section 9.4).
    """
    blocks, images = gaps.shape
    if images < 2:
        return 0.0
    of_image = gaps.mean(axis=0)
    variance = of_image.var(ddof=1) / images
    if blocks > 1:
        rest = gaps - of_image - gaps.mean(axis=1, keepdims=True) + gaps.mean()
        both = (rest**2).sum() / ((blocks - 1) * (images - 1))
        variance -= both / (images * blocks)
    return max(float(variance), 0.0)


def half_width(residual: float, freedom: float, test: float, blocks: int, arms: int) -> float:
    """Return how far intervals reach when ``arms`` are compared with one more in ``blocks``."""
    training = 2 * residual / blocks
    pairs = tuple((str(place), "baseline") for place in range(arms))
    reach = largest_t(pairs, _freedom(training, freedom, test))
    return float(reach * (training + test) ** 0.5)


def largest_t(pairs: tuple[Pair, ...], freedom: float) -> float:
    """Return what the largest |t| of the pairs' differences stays below in 95 % of cases.

    It is drawn, always with the same numbers, from the multivariate t distribution whose
    correlations follow from the arms that the pairs share.
    """
    # Rounded, so that equal questions are answered from memory.
    return _largest_t(pairs, float(f"{min(freedom, MOST_FREEDOM):.3g}"))


@lru_cache(maxsize=4096)
def _largest_t(pairs: tuple[Pair, ...], freedom: float) -> float:
    random = np.random.default_rng(0)
    names = sorted(set(chain.from_iterable(pairs)))
    of_arms = random.standard_normal((DRAWS, len(names)))
    place = {name: column for column, name in enumerate(names)}
    columns = np.ascontiguousarray(of_arms.T)
    largest = np.zeros(DRAWS)
    for one, other in pairs:  # one after the other: all at once would fill the memory
        gap = np.abs(columns[place[one]] - columns[place[other]])
        np.maximum(largest, gap, out=largest)
    largest /= np.sqrt(2)
    scale = np.sqrt(random.chisquare(freedom, DRAWS) / freedom)
    return float(np.quantile(largest / scale, LEVEL))


def _freedom(training: float, freedom: float, test: float, of_test: float = MOST_FREEDOM) -> float:
    """Return Satterthwaite's degrees of freedom; ``of_test`` are those of the images' variance."""
    both = training**2 / freedom + test**2 / max(1.0, of_test)
    return float(min((training + test) ** 2 / both, MOST_FREEDOM)) if both > 0 else MOST_FREEDOM
