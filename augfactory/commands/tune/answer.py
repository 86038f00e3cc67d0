"""What the folds of `augfactory tune` say: which recipe to use, and how sure that is."""

from collections.abc import Sequence

import numpy as np

from augfactory.commands.evaluate.online_arms import ORIGINALS
from augfactory.commands.tune.folds import FOLDS, online_reference
from augfactory.commands.tune.space import DEFAULT, Candidate
from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.protocol import RunResult
from augfactory.evaluation.comparison.tune_results import Tried
from augfactory.evaluation.cross_validation import compare_folds
from augfactory.guarded.tables import aligned
from augfactory.report.tables import interval

ENOUGH = 12  # folds; with fewer the answer says that more minutes tell more

Results = dict[tuple[str, int], RunResult]  # (recipe or reference, fold) -> …


def mean_accuracy(results: Results, name: str) -> float:
    """Return the mean accuracy of a recipe over the folds that it was tried on."""
    return float(np.mean([*_by_fold(results, name).values()]))


def _by_fold(results: Results, name: str) -> dict[int, float]:
    """Return the accuracy of a recipe on each fold that it was tried on."""
    return {fold: result.scores.accuracy for (own, fold), result in results.items() if own == name}


def all_tried(space: Sequence[Candidate], results: Results) -> list[Tried]:
    """Return every recipe and reference, the best first of those that were tried the longest."""
    online = online_reference(space)
    names = {one.name: one.words for one in space} | {
        ORIGINALS: "the originals as they are",
        online: f"the originals, varied by {_methods_of(online)} while training",
    }
    figures = {name: _by_fold(results, name) for name in names}
    pairs = [(name, other) for other in (DEFAULT, online) for name in names if name != other]
    share = 1 / (FOLDS - 1)  # of the test rows over the training rows of a fold
    gaps = compare_folds(figures, pairs, share)
    found = [
        Tried(
            name,
            words,
            len(figures[name]),
            mean_accuracy(results, name),
            gaps.get((name, DEFAULT)),
            gaps.get((name, online)),
        )
        for name, words in names.items()
    ]
    return sorted(found, key=lambda one: (-one.folds, -one.accuracy))


def choice(space: Sequence[Candidate], tried: Sequence[Tried]) -> tuple[Candidate, str]:
    """Return the recipe to use: the default, unless another is surely better; and say so."""
    reference = online_reference(space)
    recipes = [one for one in tried if one.name not in (ORIGINALS, reference)]
    best = recipes[0] if recipes[0].name != DEFAULT else recipes[1]
    default = next(one for one in recipes if one.name == DEFAULT)
    gap = best.against_default
    assert gap is not None
    clear = gap.excludes_zero and gap.mean > 0
    use = best if clear else default
    chosen = next(one for one in space if one.name == use.name)
    if clear:
        first = f"Use {best.name}: {points(gap)} over the default set, on {_folds(best.folds)}."
    else:
        first = (
            f"Nothing that was tried is surely better than the default set; the best of the others "
            f"is {best.name} ({points(gap)}, {_folds(best.folds)})."
        )
    online, methods = use.against_online, _methods_of(reference)
    assert online is not None
    if online.excludes_zero and online.mean > 0:
        second = f"The set gains {points(online)} over training with online {methods}."
    elif online.excludes_zero:
        second = (
            f"Online {methods}, which need no dataset, are better: the set is at {points(online)}."
        )
    else:
        second = (
            f"The set is not told apart from training with online {methods}, which need no "
            f"dataset ({points(online)})."
        )
    third = ""
    plain = next(one for one in tried if one.name == ORIGINALS)
    if plain.accuracy >= use.accuracy:
        third = (
            f" The originals as they are, with no dataset, reach {100 * plain.accuracy:.1f} %, the "
            f"set {100 * use.accuracy:.1f} %: at these steps it gains nothing."
        )
    if best.folds < ENOUGH:
        third += f" More minutes would tell more: there was time for {_folds(best.folds)}."
    return chosen, f"{first} {second}{third}"


def _methods_of(online: str) -> str:
    """Return "geometry and mixup" for the arm "originals+geometry+mixup"."""
    *first, last = online.split("+")[1:]
    return f"{', '.join(first)} and {last}"


def _folds(count: int) -> str:
    return f"{count} fold" if count == 1 else f"{count} folds"


def points(gap: Difference) -> str:
    """Return a difference in percentage points, with its interval where there is one."""
    if gap.low is None or gap.high is None:
        return f"{100 * gap.mean:+.1f} points"
    return f"{100 * gap.mean:+.1f} points [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"


def table(tried: Sequence[Tried]) -> str:
    """Return one line for each recipe and reference, aligned for a terminal."""
    lines = [("recipe", "folds", "accuracy %", "from the default [95 %]", "what it does")]
    for one in tried:
        gap = one.against_default and interval(one.against_default)
        lines.append((one.name, str(one.folds), f"{100 * one.accuracy:.1f}", gap or "", one.words))
    return aligned(lines, words=len(lines[0]))
