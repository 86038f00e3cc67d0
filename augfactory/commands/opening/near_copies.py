"""Images that are to be kept apart and look nearly alike: which, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from augfactory.evaluation.comparison.results import Alert
from augfactory.evaluation.images.duplicates import find_near_duplicates
from augfactory.evaluation.training.training_set import spread_rows
from augfactory.guarded.text import escaped
from augfactory.records import Source

MOST_NAMED = 5  # pairs
MOST_PAIRS = 10**9  # that are compared: about half a minute of one core


@dataclass(frozen=True)
class NearCopies:
    """What was found: ``pairs`` in words, None where none look alike.

    ``looked_at`` is how many of ``of`` images that were learnt from were looked at.
    """

    pairs: str | None
    looked_at: int
    of: int

    @property
    def not_all(self) -> str:
        """Say that not all were looked at; "" where they were."""
        if self.looked_at == self.of:
            return ""
        return f"of {self.of:,} images {self.looked_at:,} were looked at, evenly spread"


def near_copies(learnt: Source, kept_apart: Source, most_pairs: int | None = None) -> NearCopies:
    """Look for images of ``kept_apart`` that are nearly, not pixel for pixel, in ``learnt``.

    ``most_pairs`` bounds how many are compared; None compares all.
    """
    of = len(learnt)
    most = of if most_pairs is None else max(1, most_pairs // max(1, len(kept_apart)))
    if most < of:
        learnt = learnt.restricted_to(spread_rows(of, most))
    found = find_near_duplicates(learnt, kept_apart, most=MOST_NAMED + 1)
    pairs = [
        f"{escaped(pair.test_name)} like {escaped(pair.training_name)}"
        for pair in found[:MOST_NAMED]
    ]
    more = ", and more" if len(found) > MOST_NAMED else ""
    return NearCopies(f"{'; '.join(pairs)}{more}" if pairs else None, len(learnt), of)


def near_duplicates(
    originals: Source, test: Source, learnt_from: Sequence[Source] = ()
) -> list[Alert]:
    """Name test images that are nearly, not pixel for pixel, among what is learnt.

    ``learnt_from`` are what else a dataset has learnt from: unlabelled images, those of its VAE. Of
    very many of these, some are looked at.
    """
    alerts = []
    for source, what, most in (
        (originals, "originals", None),
        *((own, f"images of {own.name}, which are learnt too", MOST_PAIRS) for own in learnt_from),
    ):
        found = near_copies(source, test, most)
        if found.pairs is not None:
            text = (
                f"Test images look nearly like {what}, so that knowing these may be enough to know "
                f"those: {found.pairs}. Look at them; if they show the same, take them out of the "
                "test source and evaluate again."
            )
            alerts.append(Alert("warning", text))
        if found.not_all:
            text = f"Test images that look nearly like {what}: {found.not_all}."
            alerts.append(Alert("note", text))
    return alerts
