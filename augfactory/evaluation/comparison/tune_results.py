"""What results.json of a tuning holds."""

from dataclasses import dataclass
from typing import Any

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.results import Record, Text


@dataclass(frozen=True)
class Tried:
    """How a recipe or a reference of a tuning fared on ``folds`` folds.

    ``against_default`` and ``against_online`` are paired differences; None where it is the same.
    """

    name: Text
    words: Text
    folds: int
    accuracy: float
    against_default: Difference | None
    against_online: Difference | None


class TuneResults(Record):
    """What results.json of a tuning holds; ``use`` is the name of the chosen recipe."""

    use: Text
    text: Text
    next: Text
    recipe: dict[str, Any]
    classifier: Text
    steps: int
    originals: int
    tried: tuple[Tried, ...]
