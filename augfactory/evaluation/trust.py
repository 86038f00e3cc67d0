"""How far labels by classifiers are to be trusted, by what these read of labelled images.

Classifiers that read no better than chance give labels all the same, and the surest of these are
kept like any others. Chance is what one would read that names each class as often as they do, but
blindly. What they read is better than that where chance would read as many in fewer than 1 of 20
cases: by the binomial distribution of all images, by the hypergeometric one (Fisher's exact test)
of the images of a class.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augfactory.evaluation.comparison.measures import confusion, fit_temperature, scaled
from augfactory.evaluation.pseudo_labels import PseudoLabels
from augfactory.guarded.text import escaped
from augfactory.records import Float64Array, Int64Array

BY_CHANCE = 0.05
FAIR = 0.5  # of a class: where fewer of it are read, that is told
HARDLY_SURE = 0.1  # of the way from blind guessing to certainty
REMEDY = (
    "Leave --pseudo-label out, label more images, or let a network that knows more label: "
    "--classifier NAME --weights FILE"
)


@dataclass(frozen=True)
class Trust:
    """What classifiers read of labelled images that they did not learn.

    Attributes:
        matrix: int64 [K, K], images of each class (down) by what they were read as (across).
        sureness: how sure they are, 0 to 1, of the unlabelled images that serve, on average.
        serve: int64 [K], the unlabelled images that serve as each class.
    """

    matrix: Int64Array
    sureness: float
    serve: Int64Array

    @property
    def labelled(self) -> int:
        """How many images they read."""
        return int(self.matrix.sum())

    @property
    def right(self) -> int:
        """How many of these they read right."""
        return int(np.trace(self.matrix))

    @property
    def chance(self) -> float:
        """The share, 0 to 1, that blind naming would read right."""
        rows, named = self.matrix.sum(axis=1), self.matrix.sum(axis=0)
        return float(rows @ named) / self.labelled**2

    @property
    def beats_chance(self) -> bool:
        """Whether they read surely more than that."""
        from scipy.stats import binom  # it takes most of a second to load

        return bool(binom.sf(self.right - 1, self.labelled, self.chance) < BY_CHANCE)

    @property
    def class_beats_chance(self) -> npt.NDArray[np.bool_]:
        """Whether they tell images of each class surely from others: bool [K]."""
        from scipy.stats import hypergeom

        rows, named = self.matrix.sum(axis=1), self.matrix.sum(axis=0)
        found = hypergeom.sf(np.diag(self.matrix) - 1, self.labelled, rows, named)
        return np.asarray(found < BY_CHANCE)

    def warnings(self, class_names: tuple[str, ...]) -> Iterator[str]:
        """Yield a sentence for each thing that makes the labels worth little."""
        if self.labelled and not self.beats_chance:
            yield (
                f"of {self.labelled:,} labelled images that they did not learn, classifiers read "
                f"{self.right:,} right ({100 * self.right / self.labelled:.0f} %), not surely more "
                f"than by chance ({100 * self.chance:.0f} %): what they make of the unlabelled "
                f"images may be nothing but guesses. {REMEDY}"
            )
        else:
            yield from self._of_classes(class_names, doubtful=True)
        blind = 1 / len(class_names)
        if len(class_names) > 1 and self.sureness < blind + HARDLY_SURE * (1 - blind):
            yield (
                f"of the labels that serve, classifiers are {100 * self.sureness:.0f} % sure, and "
                f"of {len(class_names)} classes a blind guess is right in {100 * blind:.0f} %: the "
                f"rows made of unlabelled images tell next to nothing of classes. {REMEDY}"
            )

    def notes(self, class_names: tuple[str, ...]) -> Iterator[str]:
        """Yield a sentence for each other class that is read badly, or that none serve as."""
        yield from self._of_classes(class_names, doubtful=False)

    def _of_classes(self, class_names: tuple[str, ...], *, doubtful: bool) -> Iterator[str]:
        rows, beats = self.matrix.sum(axis=1), self.class_beats_chance
        for label, name in enumerate(class_names):
            share = int(self.matrix[label, label]) / max(1, int(rows[label]))
            unsure = bool(self.labelled and rows[label] and not beats[label])
            poor = share < FAIR or not self.serve[label]
            if unsure != doubtful or not (unsure or poor) or len(class_names) == 1:
                continue
            chance = ", not surely more than they take others for it" if unsure else ""
            yield (
                f"of labelled images of {escaped(name)}, classifiers read {100 * share:.0f} % as "
                f"that{chance}; {self.serve[label]:,} unlabelled image(s) serve as {escaped(name)}."
                " Label more of these, or leave --pseudo-label out, if that class matters"
            )


def trust_in(held_out: Float64Array, labels: Int64Array, found: PseudoLabels) -> Trust:
    """Return what labels are worth that classifiers gave.

    Args:
        held_out: float64 [N, K], log-probabilities of labelled images, each by a classifier that
            did not learn it; of equal images one.
        labels: int64 [N], of these.
        found: the labels.
    """
    sure = found.soft_label[found.kept]
    serve = np.bincount(sure.argmax(axis=1), minlength=held_out.shape[1])
    return Trust(confusion(held_out, labels), float(sure.max(axis=1).mean()), serve)


def reads_worse(later: Float64Array, earlier: Float64Array, labels: Int64Array) -> bool:
    """Tell whether classifiers of a later round read held-out images worse, by a standard error.

    Both are float64 [N, K], as for ``trust_in``, and each is calibrated first. The later ones are
    flattered: what they learnt was labelled by some who knew the images that they read here.
    """
    rows = np.arange(len(labels))
    cost = [-scaled(own, fit_temperature(own, labels))[rows, labels] for own in (later, earlier)]
    more = cost[0] - cost[1]
    return bool(more.mean() > more.std() / np.sqrt(len(more)))
