"""What the figures and tables of an evaluation need to know of each arm."""

from collections.abc import Sequence
from typing import Protocol


class MeasuredSpread(Protocol):
    """Some values, their mean and standard deviation (None for a single value)."""

    @property
    def mean(self) -> float: ...  # noqa: D102
    @property
    def std(self) -> float | None: ...  # noqa: D102
    @property
    def values(self) -> Sequence[float]: ...  # noqa: D102


class MeasuredArm(Protocol):
    """One training set and what came of it; accuracy 0 to 1, NLL in nats."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def factor(self) -> int | None: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def accuracy(self) -> MeasuredSpread: ...  # noqa: D102
    @property
    def nll(self) -> MeasuredSpread: ...  # noqa: D102
    @property
    def seconds(self) -> MeasuredSpread: ...  # noqa: D102


def baseline_among(arms: Sequence[MeasuredArm], name: str) -> MeasuredArm:
    """Return the arm called ``name``, which must be there."""
    return next(arm for arm in arms if arm.name == name)
