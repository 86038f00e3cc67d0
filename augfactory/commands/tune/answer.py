"""What the folds of `augfactory tune` say: which recipe to use, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from augfactory.commands.evaluate.online_arms import ORIGINALS
from augfactory.commands.tune.space import DEFAULT, Candidate
from augfactory.commands.tune.trials import Trials, all_tried, mean_accuracy, methods_of
from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.tune_results import Tried
from augfactory.evaluation.cross_validation import FoldComparison
from augfactory.guarded.tables import aligned
from augfactory.report.tables import interval

NEAR = 1.2  # times what endless folds would leave of an interval: more minutes hardly help
MOST_NAMES = 3  # of recipes that still rise


@dataclass(frozen=True)
class Answer:
    """Which recipe to use and why; ``lead`` is the beginning of ``text``.

    ``smallest_gain`` is what a recipe of the last round has to gain to be seen on these folds,
    ``smallest_gain_ever`` on endlessly many folds of the same images; as shares of the images, None
    where too few folds tell neither. ``rising`` are the recipes of the last round that more steps
    would bring more, with what the last fifth of the steps brought, None for too few readings.
    """

    chosen: Candidate
    lead: str
    text: str
    tried: tuple[Tried, ...]
    best_online: str
    smallest_gain: float | None
    smallest_gain_ever: float | None
    rising: dict[str, float | None]


def answer(trials: Trials, steps: int, images: int, most_folds: int) -> Answer:
    """Choose a recipe: the default, unless another is surely better; and say so.

    Args:
        trials: what was tried.
        steps: of each classifier.
        images: how many the folds were dealt from.
        most_folds: after which `augfactory tune` ends, whatever the minutes.
    """
    from_default = trials.compared([DEFAULT])
    from_online = trials.compared(trials.online)
    others = [name for name in trials.last if name != DEFAULT]
    gaps = {name: from_default.differences[name, DEFAULT] for name in others}
    clear = [name for name in others if gaps[name].excludes_zero and gaps[name].mean > 0]
    use = clear[0] if clear else DEFAULT
    best = clear[0] if clear else others[0]
    seen, ever = _smallest(from_default, [name for name in others if name not in clear] or others)
    curves = {name: trials.curve(name) for name in trials.last}
    rising = {name: curve.rise for name, curve in curves.items() if curve.rising}
    online = trials.best_online
    said = [
        _first(best, gaps[best], clear=bool(clear)),
        _beside_online(from_online.differences[use, online], online, len(trials.online)),
        _beside_originals(trials, use),
        _rising(rising, len(curves), steps),
    ]
    if not clear:
        said.append(_sharpness(seen, ever, images, gaps[best].pairs, most_folds))
    return Answer(
        chosen=next(one for one in trials.space if one.name == use),
        lead=said[0],
        text=" ".join(part for part in said if part),
        tried=tuple(all_tried(trials, from_default, from_online)),
        best_online=online,
        smallest_gain=seen,
        smallest_gain_ever=ever,
        rising=rising,
    )


def _first(best: str, gap: Difference, *, clear: bool) -> str:
    if clear:
        return f"Use {best}: {points(gap)} over the default set, on {_folds(gap.pairs)}."
    return (
        "Nothing that was tried is surely better than the default set; the best of the others "
        f"is {best} ({points(gap)}, {_folds(gap.pairs)})."
    )


def _beside_online(gap: Difference, online: str, count: int) -> str:
    methods = methods_of(online)
    need, are = ("needs", "is") if methods.count(" ") == 0 else ("need", "are")
    of = f", the best of {count} ways without a dataset" if count > 1 else ""
    if gap.excludes_zero and gap.mean > 0:
        return f"The set gains {points(gap)} over training with online {methods}{of}."
    if gap.excludes_zero:
        return (
            f"Online {methods}, which {need} no dataset, {are} better: the set is at {points(gap)}."
        )
    return (
        f"The set is not told apart from training with online {methods}, which {need} no dataset "
        f"({points(gap)}){of}."
    )


def _beside_originals(trials: Trials, use: str) -> str:
    plain, own = (mean_accuracy(trials.results, name) for name in (ORIGINALS, use))
    if plain < own:
        return ""
    return (
        f"The originals as they are, with no dataset, reach {100 * plain:.1f} %, the set "
        f"{100 * own:.1f} %: at these steps it gains nothing."
    )


def _rising(rising: dict[str, float | None], count: int, steps: int) -> str:
    """Say which recipes of the last round, of ``count``, were cut off while they still rose."""
    if not rising:
        return ""
    ordered = sorted(rising.items(), key=lambda item: -(item[1] or 0.0))
    named = [
        name if rise is None else f"{name} ({100 * rise:+.1f} points in the last fifth)"
        for name, rise in ordered[:MOST_NAMES]
    ]
    more = len(ordered) - len(named)
    which = ", ".join(named) + (f" and {more} more" if more else "")
    if len(rising) == count:
        which = f"all recipes of the last round ({which})"
    return f"Still rising after {steps:,} steps: {which}; more --steps may change the order."


def _smallest(found: FoldComparison, names: Sequence[str]) -> tuple[float | None, float | None]:
    """Return the widest half of an interval of ``names``, now and after endlessly many folds."""
    now, ever = [], []
    for name in names:
        gap, limit = found.differences[name, DEFAULT], found.limit[name, DEFAULT]
        now += [] if gap.high is None else [gap.high - gap.mean]
        ever += [] if limit is None else [limit]
    return max(now, default=None), max(ever, default=None)


def _sharpness(
    seen: float | None, ever: float | None, images: int, folds: int, most_folds: int
) -> str:
    """Say what the smallest gain is that can be seen, and whether more minutes would lower it."""
    if seen is None or ever is None:
        return f"More minutes would tell more: there was time for {_folds(folds)}."
    now = f"A gain below {100 * seen:.1f} points may go unseen on {_folds(folds)}"
    never = f"{100 * ever:.1f} points with these {images:,} images"
    if folds < most_folds and seen > NEAR * ever:
        return f"{now}; more minutes would bring that to {never} at best."
    return f"{now}, and more minutes would not help: it takes more images (at best {never})."


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
