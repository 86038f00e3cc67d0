"""What results.json of a tuning holds."""

from dataclasses import dataclass
from typing import Any

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.results import Record, Text


@dataclass(frozen=True)
class Tried:
    """How a recipe or a reference of a tuning fared on ``folds`` folds.

    ``against_default`` and ``against_online``, the best of the arms that vary the originals while
    they are trained on, are paired differences; None where it is the same. The intervals of each
    hold together, for all that was tried.
    """

    name: Text
    words: Text
    folds: int
    accuracy: float
    against_default: Difference | None
    against_online: Difference | None


class TuneResults(Record):
    """What results.json of a tuning holds; ``use`` is the name of the chosen recipe.

    ``lead`` is that part of ``text`` which says what to use.

    ``smallest_gain`` is what a recipe of the last round has to gain over the default to be seen on
    the folds there were, ``smallest_gain_ever`` on endlessly many of the same images; shares of the
    images, None where there were too few folds to tell. ``rising`` are the recipes of the last
    round that more steps would bring more: what the last fifth of the steps brought, in accuracy;
    None where they were too few to read.
    """

    use: Text
    lead: Text
    text: Text
    next: Text
    recipe: dict[str, Any]
    classifier: Text
    steps: int
    originals: int
    best_online: Text
    smallest_gain: float | None
    smallest_gain_ever: float | None
    rising: dict[str, float | None]
    tried: tuple[Tried, ...]
