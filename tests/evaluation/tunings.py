"""Simulated tunings: which images recipes get right, fold by fold, where the truth is known.

`python -m tests.evaluation.tunings 300` prints how often the intervals hold the truth, and how
often a better recipe is found, for each way of making intervals that docs/decisions/0020 compares.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import stats

from augfactory.commands.tune.folds import FOLDS
from augfactory.commands.tune.tune import ROUNDS
from augfactory.evaluation.comparison.intervals import Difference, Pair, compare, largest_t
from augfactory.evaluation.cross_validation import Fold, compare_folds
from tests.evaluation.learnt import STRENGTHS, accuracy_of, learnt

Floats = npt.NDArray[np.float64]
SHARE = 1 / (FOLDS - 1)
DEFAULT = "0"
ACCURACY = 0.8  # of the default
# What the other recipes gain: as tune's do, most lose something.
MOST_LOSE = (0.01, 0, 0, 0, -0.01, -0.01, -0.02, -0.02, -0.03, -0.03, -0.04, -0.05, -0.05, -0.06,
             -0.07, -0.08, -0.1, -0.1, -0.15)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """The spread of latent scores, in units of the noise of one image in one training.

    Attributes:
        image: how hard the images are, for all recipes.
        taste: how hard an image is for one recipe beyond that, in all trainings.
        fold: how good a fold's training images are, for all recipes.
        seed: how good one training of a recipe is, by its first weights.
        training: how good the training images are for one recipe, times the root of their number:
            each of them adds its part to every training that it is in. With 0.4 the gain over
            another recipe has a standard deviation of 0.6 points between draws of 334 training
            images, of 1.7 between draws of 40. Of 100 clothes it is 1.1, about what the
            interval over eight draws comes of (docs/decisions/0010).
    """

    image: float = 1.0
    taste: float = 0.4
    fold: float = 0.04
    seed: float = 0.03
    training: float = 0.4

    def spread(self, learnt: int) -> float:
        """Return the standard deviation of a score, trained on ``learnt`` images."""
        shares = (self.image, self.taste, self.fold, self.seed, self.training / learnt**0.5, 1.0)
        return float(np.linalg.norm(shares))


@dataclass(frozen=True)
class Tuning:
    """``rows`` [folds, N]: the images of each fold; ``right`` [recipes, folds, N]; the true shares.

    Recipe 0 is the default.
    """

    rows: npt.NDArray[np.int64]
    right: Floats
    truth: Floats

    @property
    def tested(self) -> dict[int, Fold]:
        """Return the folds as ``compare_folds`` takes them."""
        return {number: Fold(number // FOLDS, rows) for number, rows in enumerate(self.rows)}

    def answers(self, tried_on: Mapping[int, int]) -> dict[str, dict[int, Floats]]:
        """Return what each recipe got right, on as many folds as it was tried on."""
        return {str(arm): dict(enumerate(self.right[arm, :own])) for arm, own in tried_on.items()}


def tuning(
    random: np.random.Generator, kind: Kind, images: int, folds: int, gains: Sequence[float]
) -> Tuning:
    """Simulate the trainings of a default and of recipes that gain ``gains`` over it."""
    learnt = images - images // FOLDS
    truth = ACCURACY + np.array([0.0, *gains])
    arms = len(truth)
    levels = stats.norm.ppf(truth) * kind.spread(learnt)
    repeats = -(-folds // FOLDS)
    rows = np.concatenate([random.permutation(images).reshape(FOLDS, -1) for _ in range(repeats)])[
        :folds
    ]
    parts = random.normal(0, kind.training, (arms, images))
    learning = (parts.sum(axis=1, keepdims=True) - parts[:, rows].sum(axis=2)) / learnt
    latent = (
        levels[:, None, None]
        + random.normal(0, kind.image, images)[rows]
        + random.normal(0, kind.taste, (arms, images))[:, rows]
        + random.normal(0, kind.fold, (1, folds, 1))
        + random.normal(0, kind.seed, (arms, folds, 1))
        + learning[:, :, None]
        + random.normal(0, 1, (arms, *rows.shape))
    )
    return Tuning(rows, (latent > 0).astype(np.float64), truth)


def rounds(own: Tuning) -> dict[int, int]:
    """Return on how many folds the rounds of `augfactory tune` try each recipe."""
    alive = list(range(len(own.right)))
    tried_on: dict[int, int] = {}
    for folds in ROUNDS:
        tried_on |= dict.fromkeys(alive, folds)
        if folds >= own.right.shape[1]:
            break
        share = own.right[:, :folds].mean(axis=(1, 2))
        ranked = sorted(alive, key=lambda arm: -share[arm])
        kept = ranked[: max(2, -(-len(ranked) // 2))]
        alive = [arm for arm in alive if arm in kept or arm == 0]
    return tried_on


def last_of(tried_on: Mapping[int, int]) -> list[int]:
    """Return the recipes of the last round, without the default."""
    return [arm for arm, own in tried_on.items() if arm and own == max(tried_on.values())]


Halves = dict[int, float]  # recipe -> half of its interval against the default
Way = Callable[[Tuning, Mapping[int, int]], Halves]


def all_recipes(own: Tuning, tried_on: Mapping[int, int]) -> Halves:
    """Return what `augfactory tune` says, of all recipes that were tried."""
    return _of(own, tried_on, [(str(arm), DEFAULT) for arm in tried_on if arm])


def last_alone(own: Tuning, tried_on: Mapping[int, int]) -> Halves:
    """The same, as if the recipes of the last round had not been chosen from all."""
    return _of(own, tried_on, [(str(arm), DEFAULT) for arm in last_of(tried_on)])


def _of(own: Tuning, tried_on: Mapping[int, int], pairs: list[Pair]) -> Halves:
    found = compare_folds(own.answers(tried_on), own.tested, pairs, SHARE).differences
    return _halves(found, last_of(tried_on))


def _halves(found: dict[Pair, Difference], recipes: list[int], times: float = 1.0) -> Halves:
    halves = {}
    for arm in recipes:
        gap = found[str(arm), DEFAULT]
        assert gap.high is not None
        halves[arm] = times * (gap.high - gap.mean)
    return halves


def images_alone(own: Tuning, tried_on: Mapping[int, int]) -> Halves:
    """The chance in the images, each averaged over its repeats, and nothing else."""
    rows = own.rows.ravel()
    times = np.bincount(rows)
    pairs = tuple((str(arm), DEFAULT) for arm in tried_on if arm)
    found = {}
    for arm in last_of(tried_on):
        gaps = (own.right[arm] - own.right[0]).ravel()
        of_image = np.bincount(rows, weights=gaps) / times
        reach = largest_t(pairs, len(times) - 1)
        found[arm] = reach * float(of_image.std(ddof=1)) / len(times) ** 0.5
    return found


def widened_folds(own: Tuning, tried_on: Mapping[int, int]) -> Halves:
    """What was before: the whole variance between folds, widened, of all pairs with two arms."""
    answers = own.answers(tried_on)
    shares = {
        arm: {fold: float(each.mean()) for fold, each in by.items()} for arm, by in answers.items()
    }
    other = str(last_of(tried_on)[-1])  # in place of the arm that needs no dataset
    pairs = [(arm, base) for base in (DEFAULT, other) for arm in shares if arm != base]
    found = compare(shares, pairs).differences
    return _halves(found, last_of(tried_on), (1 + len(own.rows) * SHARE) ** 0.5)


WAYS: dict[str, Way] = {
    "folds, widened": widened_folds,
    "images alone": images_alone,
    "both, last round": last_alone,
    "both, all recipes": all_recipes,
}


@dataclass(frozen=True)
class Found:
    """Shares of tunings: all intervals hold; a better recipe chosen; one that is none; half."""

    held: float
    found: float
    wrong: float
    half: float


def tried(
    way: Way, kind: Kind, images: int, folds: int, gains: Sequence[float], times: int
) -> Found:
    """Simulate ``times`` tunings, and say how the intervals of the last round's recipes fared."""
    random = np.random.default_rng(0)
    held, found, wrong, halves = 0, 0, 0, []
    for _ in range(times):
        own = tuning(random, kind, images, folds, gains)
        half = way(own, rounds(own))
        gap = {arm: float((own.right[arm] - own.right[0]).mean()) for arm in half}
        true = {arm: own.truth[arm] - own.truth[0] for arm in half}
        held += all(abs(gap[arm] - true[arm]) <= half[arm] for arm in half)
        best = max(gap, key=lambda arm: gap[arm])
        clear = gap[best] > half[best]
        found += clear and true[best] > 0
        wrong += clear and true[best] <= 0
        halves.append(half[best])
    return Found(held / times, found / times, wrong / times, float(np.mean(halves)))


def held_of_learnt(way: Way, images: int, folds: int, times: int) -> tuple[float, float]:
    """Return how often all intervals of ``learnt`` hold the truth, and the mean half of one."""
    learnt_on = images - images // FOLDS
    truth = [accuracy_of(strength, learnt_on) for strength in STRENGTHS]
    tried_on = dict.fromkeys(range(len(STRENGTHS)), folds)
    random, held = np.random.default_rng(2), 0
    halves: list[float] = []
    for _ in range(times):
        own = Tuning(*learnt(random, images, folds, FOLDS), np.array(truth))
        half = way(own, tried_on)
        gap = {arm: float((own.right[arm] - own.right[0]).mean()) for arm in half}
        held += all(abs(gap[arm] - truth[arm] + truth[0]) <= half[arm] for arm in half)
        halves += half.values()
    return held / times, float(np.mean(halves))


def settings() -> Iterator[tuple[int, int, float, float]]:
    """Yield images, folds, the best gain and the spread that training images bring."""
    for images, folds in product((60, 150, 501), (12, 48)):
        yield from ((images, folds, gain, Kind.training) for gain in (0.0, 0.03, 0.05))
    for images, training in product((60, 501), (0.0, 0.6, 0.8)):
        yield images, 48, 0.0, training


def main(times: int) -> None:
    """Print a table in Markdown."""
    print("| images | folds | gain | training | way | hold | found | wrong | half, points |")
    print("|---|---|---|---|---|---|---|---|---|")
    for images, folds, gain, training in settings():
        gains = (gain, *MOST_LOSE[:18]) if gain else (0.0,) * 19
        for name, way in WAYS.items():
            own = tried(way, Kind(training=training), images, folds, gains, times)
            shares = [f"{100 * share:.1f}" for share in (own.held, own.found, own.wrong, own.half)]
            cells = (images, folds, f"{100 * gain:.0f}", training, name, *shares)
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print("\n| images | folds | way | trained classifiers: hold | half, points |")
    print("|---|---|---|---|---|")
    for images, folds in ((60, 12), (150, 12), (60, 48)):
        for name, way in WAYS.items():
            held, half = held_of_learnt(way, images, folds, times)
            print(f"| {images} | {folds} | {name} | {100 * held:.1f} | {100 * half:.1f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]))
