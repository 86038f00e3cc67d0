"""Accuracy along a training: where an arm is at its plateau, where arms cross, what steps bring."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from augfactory.evaluation.comparison.protocol import Reading

STILL = 0.003  # a rise in the last fifth of the steps up to which an arm is at its plateau
NEAR = 0.005  # below its last accuracy, an arm has still something to learn
LAST_DOUBLING = 2.0
FIFTH = 1.25  # the last fifth of a training is from its step over this
# Of the test images, how many are right at one end of a doubling of the steps and wrong at the
# other, over accuracy (1 - accuracy): of classifiers at rest (decision 21).
CHURN = 0.5
SURE = 2.0  # standard errors above 0 of a rise that is one


Later = Annotated[tuple[float, ...], Field(exclude_if=lambda values: not values)]


@dataclass(frozen=True)
class Curve:
    """The readings of an arm's classifiers, means over them; ``std`` None for a single one.

    Accuracies are 0 to 1, ``nll`` in nats; each has a value for each of ``steps``. ``epochs`` are
    passes over the arm's own set. These, ``training_nll``, ``batch_accuracy`` and ``batch_loss``
    are empty, and left out of results.json, where an older program trained. ``readings`` counts the
    answers behind each accuracy, test images times classifiers; 0 where nobody counted.
    """

    steps: tuple[int, ...]
    accuracy: tuple[float, ...]
    std: tuple[float, ...] | None
    nll: tuple[float, ...]
    training_accuracy: tuple[float, ...]
    epochs: Later = ()
    training_nll: Later = ()
    batch_accuracy: Later = ()
    batch_loss: Later = ()
    readings: Annotated[int, Field(exclude_if=lambda count: not count)] = 0

    @property
    def rise(self) -> float | None:
        """What the last fifth of the steps brought, in accuracy; None for too short a training.

        From a straight line through the last doubling's accuracies against log(steps), which is
        steadier than two readings.
        """
        steps = np.asarray(self.steps, dtype=np.float64)
        late = steps >= steps[-1] / LAST_DOUBLING * 0.99 if len(steps) else np.zeros(0, bool)
        if late.sum() < 3:
            return None
        slope = np.polyfit(np.log(steps[late]), np.asarray(self.accuracy)[late], 1)[0]
        return float(slope * np.log(FIFTH))

    @property
    def rising(self) -> bool:
        """Whether more steps would bring more, as far as so many answers can tell."""
        return self.rise is None or self.rise > max(STILL, SURE * self.chance)

    @property
    def chance(self) -> float:
        """The standard error of ``rise`` while nothing rises, for answers that come and go."""
        if not self.readings or not self.accuracy:
            return 0.0
        right = self.accuracy[-1]
        ends = (CHURN * right * (1 - right) / self.readings) ** 0.5  # between those of a doubling
        return float(ends * np.log(FIFTH) / np.log(LAST_DOUBLING))

    @property
    def still_from(self) -> int | None:
        """The step since which the accuracy is within half a point of its last; None if rising."""
        if self.rising:
            return None
        below = np.flatnonzero(np.asarray(self.accuracy) < self.accuracy[-1] - NEAR)
        return self.steps[int(below[-1]) + 1] if len(below) else self.steps[0]


def mean_curve(
    readings: Sequence[Sequence[Reading]],
    epochs_a_step: float | None = None,
    test_images: int = 0,
) -> Curve:
    """Return the mean over classifiers at the steps that all of them were read at.

    ``epochs_a_step`` is the part of the arm's set that a step shows; None where nobody asks.
    ``test_images`` are those of a reading; 0 where nobody counted.
    """
    common = sorted(set.intersection(*({each.step for each in own} for own in readings)))
    table = [{each.step: each for each in own} for own in readings]

    def values(name: str) -> np.ndarray:
        return np.array([[getattr(own[step], name) for step in common] for own in table])

    def mean(name: str) -> tuple[float, ...]:
        return tuple(values(name).mean(axis=0).tolist()) if common else ()

    def known(name: str) -> tuple[float, ...]:
        lacking = any(getattr(own[step], name) is None for own in table for step in common)
        return () if lacking else mean(name)

    asked = epochs_a_step is not None and bool(known("batch_loss"))
    several = len(table) > 1 and common
    return Curve(
        steps=tuple(common),
        accuracy=mean("accuracy"),
        std=tuple(values("accuracy").std(axis=0, ddof=1).tolist()) if several else None,
        nll=mean("nll"),
        training_accuracy=mean("training_accuracy"),
        epochs=tuple(step * (epochs_a_step or 0.0) for step in common) if asked else (),
        training_nll=known("training_nll"),
        batch_accuracy=known("batch_accuracy"),
        batch_loss=known("batch_loss"),
        readings=test_images * len(table),
    )


def crossing(one: Curve, other: Curve) -> int | None:
    """Return the step at which ``one`` overtook ``other`` for good; None where it never did.

    An arm that is ahead from the first reading on overtook nobody.
    """
    steps = [step for step in one.steps if step in other.steps]
    ahead = [
        one.accuracy[one.steps.index(step)] > other.accuracy[other.steps.index(step)]
        for step in steps
    ]
    if not ahead or not ahead[-1] or all(ahead):
        return None
    return steps[len(ahead) - 1 - ahead[::-1].index(False) + 1]
