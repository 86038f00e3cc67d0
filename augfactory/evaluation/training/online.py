"""Augmentation while training: the same methods that make datasets, drawn anew for every batch.

It is what a dataset has to beat: it costs no storage and never shows the same image twice.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pydantic import BaseModel

from augfactory.errors import RecipeError
from augfactory.keyed_random import generator
from augfactory.methods.method import Pairing, Slots
from augfactory.methods.registry import METHODS
from augfactory.pipeline.partners import PAIRINGS, rows_by_class, same_class_partners
from augfactory.records import Float32Array, Int64Array, UInt8Array


@dataclass(frozen=True)
class OnlineStage:
    """One method applied to every batch.

    Attributes:
        method: its name.
        parameters: its model as JSON.
        share: how probable it is that an image is changed, above 0 to 1.
    """

    method: str
    parameters: str
    share: float = 1.0


def online_stage(method: str, parameters: BaseModel, share: float = 1.0) -> OnlineStage:
    """Return the stage of a known method with checked parameters."""
    return OnlineStage(method, parameters.model_dump_json(), share)


def of_whole_batches(stage: OnlineStage, batch: int) -> OnlineStage:
    """Return the stage so that what it draws once a batch is drawn once for ``batch`` images."""
    parameters = _parameters(stage)
    shared = METHODS[stage.method].virtual_batch(parameters)
    if shared is None or shared.rows >= batch:
        return stage
    return online_stage(
        stage.method, parameters.model_copy(update={"batch_size": batch}), stage.share
    )


@lru_cache
def _parameters(stage: OnlineStage) -> BaseModel:
    return METHODS[stage.method].parameters.model_validate_json(stage.parameters)


def vary(
    stages: tuple[OnlineStage, ...],
    images: UInt8Array,
    soft_labels: Float32Array,
    *,
    seed: int,
    step: int,
    steps: int,
    first: int = 0,
) -> tuple[UInt8Array, Float32Array]:
    """Apply ``stages`` in order to one batch.

    An image is changed by each stage or not, with the probability of its share, independently.
    Partners come from the same batch, which must hold more than one image for methods that mix:
    each image is the partner of one other, unless the method's pairing asks for a class, and where
    a method can, the largest part of its own mixture. Otherwise some images come twice and others
    hardly, and a step teaches less.
    A schedule over rounds sees each percent of the training as one round. What a stage draws once
    for so many rows is drawn once for this batch, if it is no larger: see ``of_whole_batches``.

    Args:
        stages: what to apply.
        images: uint8 [n, H, W, C].
        soft_labels: float32 [n, K].
        seed: of the training.
        step: which of the steps this is, counted from 0.
        steps: how many there are.
        first: the place of the first of ``stages``, by which its random numbers are keyed.

    Returns:
        Images and labels of the same shapes; the inputs stay as they are.
    """
    count, height, width, channels = images.shape
    for place, stage in enumerate(stages, first):
        method, parameters = METHODS[stage.method], _parameters(stage)

        def keyed(what: str, number: int, place: int = place) -> np.random.Generator:
            return generator("online", seed, step, place, what, number)

        rows = np.arange(count)
        if stage.share < 1:
            rows = np.flatnonzero(keyed("share", 0).random(count) < stage.share)
        if not len(rows):
            continue
        rounds = np.full(len(rows), 100 * step // steps)
        slots = Slots(rows, rounds, (height, width, channels), keyed)
        draws = method.draw(parameters, slots)
        if method.largest_first is not None:
            draws = method.largest_first(draws)
        weights = method.weights(parameters, draws, (height, width, channels))
        labels = soft_labels.argmax(axis=1)
        random = keyed("partners", 0)
        partners = _partners(labels, weights.shape[1], method.pairing(parameters), random)[rows]
        made = method.apply(parameters, images[partners], draws)
        shared = np.einsum("np,npk->nk", weights, soft_labels[partners])
        if len(rows) < count:
            images, soft_labels = images.copy(), soft_labels.copy()
            images[rows], soft_labels[rows] = made, shared
        else:
            images, soft_labels = made, shared
    return images, soft_labels


def vary_with_views(
    stages: tuple[OnlineStage, ...],
    images: UInt8Array,
    soft_labels: Float32Array,
    *,
    seed: int,
    step: int,
    steps: int,
) -> tuple[UInt8Array, Float32Array]:
    """Apply all stages but the last to one batch, and the last twice to what they make.

    Hendrycks et al. 2020, arXiv:1912.02781, and the authors' code: an image is flipped and cropped,
    and AugMix makes two views of that.

    Args:
        stages: what to apply; see ``check_views``.
        images: uint8 [n, H, W, C].
        soft_labels: float32 [n, K].
        seed: as in ``vary``.
        step: as in ``vary``.
        steps: as in ``vary``.

    Returns:
        Images [3 n, H, W, C], those that are clean, the first and the second views; labels [n, K].
    """
    *before, last = stages
    images, labels = vary(tuple(before), images, soft_labels, seed=seed, step=step, steps=steps)
    views = [
        vary((last,), images, labels, seed=seed, step=step, steps=steps, first=place)[0]
        for place in (len(before), len(before) + 1)
    ]
    return np.concatenate([images, *views]), labels


def check_views(stages: tuple[OnlineStage, ...], where: str) -> None:
    """Refuse stages whose last one makes no views of an image.

    Raises:
        RecipeError: there is none, or it mixes an image with others.
    """
    last = stages[-1] if stages else None
    if last is None or mixes(last):
        raise RecipeError(
            where,
            "the Jensen-Shannon loss compares two views of an image, which the last method makes"
            + ("" if last is None else f", and {last.method} mixes it with others"),
            "Let augmix be the last one, as in originals+crop+augmix+jsd.",
        )


def mixes(stage: OnlineStage) -> bool:
    """Tell whether a stage makes an image of several."""
    return METHODS[stage.method].parents(_parameters(stage)) > 1


def _partners(
    labels: Int64Array, parents: int, pairing: Pairing, random: np.random.Generator
) -> Int64Array:
    """Return int64 [n, parents]: each row of the batch, then others.

    Of pairing "any" each row stands once in every column; so a row is its own partner only where a
    batch has fewer rows than parents. Of another, partners are drawn as it says; a row for which
    the batch has none is its own.
    """
    count = len(labels)
    partners = np.tile(np.arange(count)[:, None], parents)
    order = random.permutation(count)
    if pairing == "any":
        for parent in range(1, parents):
            partners[order, parent] = np.roll(order, -parent)
        return partners
    class_rows = rows_by_class(labels, int(labels.max()) + 1)
    for parent in range(1, parents):
        if pairing == "same":
            partners[:, parent] = same_class_partners(class_rows, partners[:, 0], count, random)
        elif pairing == "balanced" or len(np.unique(labels)) > 1:
            partners[:, parent] = PAIRINGS[pairing](class_rows, partners[:, 0], random)
    return partners
