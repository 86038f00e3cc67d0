"""What the classifiers of all folds came to: each recipe beside the default and what is free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from augfactory.commands.evaluate.online_arms import ORIGINALS
from augfactory.commands.tune.folds import FOLDS
from augfactory.commands.tune.space import DEFAULT, Candidate
from augfactory.evaluation.comparison.curves import Curve, mean_curve
from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.protocol import CURVE_ROWS, RunResult
from augfactory.evaluation.comparison.tune_results import Tried
from augfactory.evaluation.cross_validation import Fold, FoldComparison, compare_folds

Results = Mapping[tuple[str, int], RunResult]  # (recipe or reference, fold) -> …
TEST_SHARE = 1 / (FOLDS - 1)  # of the test rows over the training rows of a fold


@dataclass(frozen=True)
class Trials:
    """All recipes of ``space``, the arms ``online`` that vary the originals in training, and folds.

    ``tested`` has the test images of each fold of ``results``.
    """

    space: Sequence[Candidate]
    online: Sequence[str]
    results: Results
    tested: Mapping[int, Fold]

    @property
    def last(self) -> list[str]:
        """The recipes of the last round, the best first, the default among them."""
        names = [one.name for one in self.space]
        most = len(by_fold(self.results, DEFAULT))
        alive = [name for name in names if len(by_fold(self.results, name)) == most]
        return sorted(alive, key=lambda name: -mean_accuracy(self.results, name))

    @property
    def best_online(self) -> str:
        """The best of ``online`` among those that were tried to the end."""
        return max(
            self.online,
            key=lambda name: (
                len(by_fold(self.results, name)),
                mean_accuracy(self.results, name),
            ),
        )

    def compared(self, others: Sequence[str]) -> FoldComparison:
        """Compare everything that was tried with each of ``others``; all intervals hold together.

        Recipes that were left out are counted, too: those of the last round were chosen from them.
        """
        named = dict.fromkeys(name for name, _ in self.results)
        right = {
            name: {
                fold: np.equal(result.predicted, result.labels).astype(np.float64)
                for fold, result in by_fold(self.results, name).items()
            }
            for name in named
        }
        pairs = [(name, other) for other in others for name in named if name != other]
        return compare_folds(right, self.tested, pairs, TEST_SHARE)

    def curve(self, name: str) -> Curve:
        """Return the readings of a recipe's classifiers, means over its folds."""
        found = by_fold(self.results, name)
        images = sum(len(result.labels) for result in found.values()) // len(found)
        return mean_curve(
            [result.curve for result in found.values()], test_images=min(images, CURVE_ROWS)
        )


def by_fold(results: Results, name: str) -> dict[int, RunResult]:
    """Return what a recipe came to on each fold that it was tried on."""
    return {fold: result for (own, fold), result in results.items() if own == name}


def mean_accuracy(results: Results, name: str) -> float:
    """Return the mean accuracy of a recipe over the folds that it was tried on."""
    return float(np.mean([own.scores.accuracy for own in by_fold(results, name).values()]))


def methods_of(online: str) -> str:
    """Return "geometry and mixup" for the arm "originals+geometry+mixup"."""
    *first, last = online.split("+")[1:]
    return f"{', '.join(first)} and {last}" if first else last


def all_tried(
    trials: Trials, from_default: FoldComparison, from_online: FoldComparison
) -> list[Tried]:
    """Return every recipe and reference, the best first of those that were tried the longest."""
    names = {one.name: one.words for one in trials.space} | {
        ORIGINALS: "the originals as they are",
        **{
            online: f"the originals, varied by {methods_of(online)} while training"
            for online in trials.online
        },
    }
    best = trials.best_online

    def gap(found: FoldComparison, name: str, other: str) -> Difference | None:
        return found.differences.get((name, other))

    found = [
        Tried(
            name,
            words,
            len(by_fold(trials.results, name)),
            mean_accuracy(trials.results, name),
            gap(from_default, name, DEFAULT),
            gap(from_online, name, best),
        )
        for name, words in names.items()
    ]
    return sorted(found, key=lambda one: (-one.folds, -one.accuracy))
