"""Classifiers of the originals that judge images, each only what it did not learn from.

The originals are split into folds, every class alike, and equal images are in one. The judge of a
fold is trained on the other folds, varied by online geometry, as any trainer would do it. An image
made from an original is shown to the judge of that original's fold alone: a classifier reads with
ease what it has seen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from augfactory.evaluation.classifiers.quick import NARROW, quick
from augfactory.evaluation.images.features import FeatureSpace, classifier_features
from augfactory.evaluation.images.leakage import different_images, equal_images
from augfactory.evaluation.training.batch_policy import BatchPolicy
from augfactory.evaluation.training.online import OnlineStage
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.train import train_classifier
from augfactory.evaluation.training.training_set import plain_set
from augfactory.keyed_random import generator
from augfactory.records import Int64Array, Source
from augfactory.sources.choosing.splitting import deal

FOLDS = 3
FEWEST = 2 * FOLDS  # originals that differ
STEPS = 100
BATCH = 64


@dataclass(frozen=True)
class Judge:
    """A classifier in evaluation mode, and the space in which it takes its decision."""

    network: nn.Module
    space: FeatureSpace


@dataclass(frozen=True)
class Judges:
    """The judge of each fold, and to which fold each original belongs, int64 [N]."""

    fold: Int64Array
    judges: tuple[Judge, ...]


def folds_of(
    labels: Int64Array, folds: int = FOLDS, groups: Int64Array | None = None
) -> Int64Array:
    """Deal the rows of every class to the folds in turn: int64 [N], 0 to ``folds`` - 1.

    Each class goes on where the one before stopped, so that the folds are of one size. ``groups``
    int64 [N] numbers those that are dealt whole, as evenly as they allow; where each row is a group
    of its own, rows are dealt as without them.
    """
    if groups is not None and len(np.unique(groups)) < len(labels):
        return deal(labels, groups, [1 / folds] * folds, 0, ("folds",))
    found = np.empty(len(labels), dtype=np.int64)
    dealt = 0
    for label in np.unique(labels).tolist():
        rows = generator("folds", label).permutation(np.flatnonzero(labels == label))
        found[rows] = (dealt + np.arange(len(rows))) % folds
        dealt += len(rows)
    return found


def folds_of_images(source: Source, folds: int = FOLDS) -> Int64Array:
    """Deal the rows of a source as ``folds_of`` does, equal images to one fold: int64 [N]."""
    return folds_of(source.labels, folds, equal_images(source))


def can_teach(originals: Source) -> bool:
    """Tell whether originals are enough: two for a fold that differ, and two classes."""
    return len(np.unique(originals.labels)) >= 2 and _enough_differ(originals)


def _enough_differ(originals: Source) -> bool:
    return different_images(originals, FEWEST) >= FEWEST


def train_judges(
    originals: Source,
    online: tuple[OnlineStage, ...],
    *,
    steps: int = STEPS,
    on_steps: Callable[[int], None] | None = None,
) -> Judges:
    """Train a judge for each fold of the originals.

    On one thread equal originals give equal judges.

    Args:
        originals: at least two images for each of the three folds that differ.
        online: how every batch is varied.
        steps: of each training, 64 images each.
        on_steps: told now and then how many more steps were done.

    Raises:
        ValueError: there are too few originals.
    """
    if not _enough_differ(originals):
        raise ValueError(
            f"{different_images(originals, FEWEST)} originals are too few for {FOLDS} folds of two"
        )
    fold = folds_of_images(originals)
    settings = TrainingSettings(steps=steps, batch=BATCH, horizon=steps)
    found = []
    for own in range(FOLDS):
        done = 0

        def measure(step: int, _network: nn.Module) -> None:
            nonlocal done
            if on_steps is not None:
                on_steps(step - done)
            done = step

        learnt = plain_set(originals.restricted_to(np.flatnonzero(fold != own)))
        trained = train_classifier(
            learnt, _small, settings, own, BatchPolicy(online=online), measure=measure
        )
        network = trained.network
        found.append(Judge(network, classifier_features(network, "judge")))
    return Judges(fold, tuple(found))


def _small(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    return quick(image_shape, classes, NARROW)
