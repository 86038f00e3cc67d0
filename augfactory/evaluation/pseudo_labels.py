"""Labels for unlabelled images, by classifiers that are trained on the labelled ones.

The labelled images are split into folds, every class alike, and a teacher is trained for each fold
on all the others, varied by geometry, mixup, and what of the recipe's further variation other
libraries have too, such as RandAugment. So each labelled image is read by one teacher that did not
learn it, and by these readings the teachers are calibrated: one temperature (Guo et al. 2017,
section 4.2) makes their sureness as large as they are right. An unlabelled image gets the mean of
what all teachers make of it and of a few varied views of it. The surest of each class are kept,
with their soft labels: sharpened ones, and all images, do harm where teachers err.

In a further round new teachers learn from the kept images too, half of each batch (Lee 2013; Xie
et al. 2020, which trains on the teacher's soft labels and repeats), and label all of them anew.
What they learn was labelled by teachers of which all but one knew the images of their fold, so that
they read these too well: accuracy and temperature are those of the first round.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
from torch import nn

from augfactory.evaluation.classifiers.registry import Classifier
from augfactory.evaluation.comparison.measures import (
    accuracy,
    class_accuracy,
    confusion,
    fit_temperature,
    scaled,
)
from augfactory.evaluation.training.batch_policy import BatchPolicy
from augfactory.evaluation.training.online import OnlineStage, vary
from augfactory.evaluation.training.predicting import log_probabilities
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.train import train_classifier
from augfactory.evaluation.training.training_set import TrainingSet, plain_set
from augfactory.records import Float32Array, Float64Array, Int64Array, Source, UInt8Array

BATCH = 64
READ_ROWS = 1024
LABELLED_SHARE = 0.5  # of each batch of a further round
LEAST = 1e-12  # below any probability of a float64 softmax that matters


@dataclass(frozen=True)
class Reading:
    """What the teacher of one fold makes of images, as log-probabilities.

    ``held_out`` float64 [n, K] are the labelled images of its fold, in row order; ``unlabelled``
    float64 [U, K] all unlabelled ones.
    """

    held_out: Float64Array
    unlabelled: Float64Array


@dataclass(frozen=True)
class PseudoLabels:
    """The labels of U unlabelled images.

    Attributes:
        soft_label: float32 [U, K], each row summing to 1.
        kept: bool [U], whether the image is among the surest of the class that it is taken for.
        accuracy: the share of labelled images that a teacher who did not learn them reads right.
        class_accuracy: float64 [K], that share of each class; NaN where none is labelled.
        temperature: by which the teachers' logits were divided.
    """

    soft_label: Float32Array
    kept: npt.NDArray[np.bool_]
    accuracy: float
    class_accuracy: Float64Array
    temperature: float


def read_by_teacher(
    labelled: Source,
    unlabelled: Source,
    fold: Int64Array,
    own: int,
    online: tuple[OnlineStage, ...],
    classifier: Classifier,
    *,
    steps: int,
    views: int,
    seed: int,
    taught: PseudoLabels | None = None,
) -> Reading:
    """Train the teacher of one fold and let it read.

    On one thread equal images and seeds give equal readings.

    Args:
        labelled: N images with labels.
        unlabelled: U images of the same shape.
        fold: int64 [N], the fold of each labelled image.
        own: the fold of this teacher, which it does not learn.
        online: how every batch is varied; the last stage may mix. Views are varied by its geometry
            alone: they are to look like what is read.
        classifier: what learns, and the optimiser that suits it.
        steps: of the training, 64 images each.
        views: varied ones of each image that are read beside it.
        seed: of the training and the views.
        taught: what an earlier round found, for the teacher to learn too.
    """
    learnt = plain_set(labelled.restricted_to(np.flatnonzero(fold != own)))
    batch_policy = BatchPolicy(online=online)
    if taught is not None:
        learnt = _with_pseudo_labels(learnt, unlabelled, taught)
        batch_policy = replace(batch_policy, real_share=LABELLED_SHARE)
    settings = teaching(classifier, steps)
    network = train_classifier(learnt, classifier.build, settings, seed, batch_policy).network
    plain = tuple(stage for stage in online if stage.method == "geometry")
    held_out = labelled.restricted_to(np.flatnonzero(fold == own))
    classes = len(labelled.class_names)
    return Reading(
        _read(network, held_out, plain, views, seed, classes),
        _read(network, unlabelled, plain, views, seed, classes),
    )


def teaching(classifier: Classifier, steps: int) -> TrainingSettings:
    """Return how a teacher is trained for ``steps`` steps, by what suits it."""
    return TrainingSettings(
        steps=steps,
        batch=BATCH,
        optimiser=classifier.optimiser,
        learning_rate=classifier.learning_rate,
        weight_decay=classifier.weight_decay,
        label_smoothing=classifier.label_smoothing,
        horizon=steps,
    )


def pseudo_labels(
    labels: Int64Array,
    fold: Int64Array,
    readings: list[Reading],
    keep: float,
    temperature: float | None = None,
) -> PseudoLabels:
    """Put together what the teachers of all folds read in one round.

    Args:
        labels: int64 [N], of the labelled images.
        fold: int64 [N], the fold of each.
        readings: one for each fold.
        keep: the share of the images taken for each class that is kept, the surest.
        temperature: that of the first round; None fits it on the labelled images.
    """
    held_out = held_out_of(fold, readings)
    if temperature is None:
        temperature = fit_temperature(held_out, labels)
    found = np.mean([np.exp(scaled(reading.unlabelled, temperature)) for reading in readings], 0)
    soft_label = (found / found.sum(axis=1, keepdims=True)).astype(np.float32)
    return PseudoLabels(
        soft_label=soft_label,
        kept=surest(soft_label, keep),
        accuracy=accuracy(held_out, labels),
        class_accuracy=class_accuracy(confusion(held_out, labels)),
        temperature=temperature,
    )


def held_out_of(fold: Int64Array, readings: list[Reading]) -> Float64Array:
    """Return what each labelled image's teacher made of it: log-probabilities, float64 [N, K].

    ``fold`` int64 [N] tells who that is, the ``readings`` are one for each fold.
    """
    held_out = np.empty((len(fold), readings[0].held_out.shape[1]))
    for own, reading in enumerate(readings):
        held_out[fold == own] = reading.held_out
    return held_out


def surest(soft_label: Float32Array, keep: float) -> npt.NDArray[np.bool_]:
    """Tell which rows are among the surest ``keep`` of the class that they are taken for.

    The number is rounded up, so that a class that any row is taken for keeps one.
    """
    sure, taken_for = soft_label.max(axis=1), soft_label.argmax(axis=1)
    kept = np.zeros(len(soft_label), dtype=np.bool_)
    for label in np.unique(taken_for).tolist():
        rows = np.flatnonzero(taken_for == label)
        order = np.argsort(-sure[rows], kind="stable")
        kept[rows[order[: int(np.ceil(keep * len(rows)))]]] = True
    return kept


def _read(
    network: nn.Module,
    source: Source,
    online: tuple[OnlineStage, ...],
    views: int,
    seed: int,
    classes: int,
) -> Float64Array:
    """Return the logarithm of the mean probability over each image and its views: [n, K]."""
    found = np.empty((len(source), classes))
    nothing = np.ones((READ_ROWS, 1), dtype=np.float32)
    for block, rows in enumerate(source.blocks(READ_ROWS)):
        images = source.read_images(rows)
        total = np.zeros((len(rows), classes))
        for view in range(views + 1):
            shown = images
            if view:
                # Drawn by image and view, not by what was trained: a block is a step of its own.
                step = view * (len(source) // READ_ROWS + 1) + block
                shown, _ = vary(
                    online, images, nothing[: len(rows)], seed=seed, step=step, steps=step + 1
                )
            read = partial(_rows_of, shown)
            total += np.exp(log_probabilities(network, read, np.arange(len(rows)), classes))
        found[rows] = np.log(np.maximum(total / (views + 1), LEAST))
    return found


def _rows_of(images: UInt8Array, rows: Int64Array) -> UInt8Array:
    return images[rows]


def _with_pseudo_labels(
    learnt: TrainingSet, unlabelled: Source, taught: PseudoLabels
) -> TrainingSet:
    """Return the labelled images as originals, and the kept unlabelled ones as others."""
    named = unlabelled.labelled(taught.soft_label, learnt.source.class_names)
    both = learnt.source.followed_by(named.restricted_to(np.flatnonzero(taught.kept)))
    return replace(plain_set(both), original=np.arange(len(both)) < len(learnt.source))
