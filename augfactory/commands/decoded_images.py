"""Judge what a model decodes, so that a useless model is known before a dataset is made of it."""

from dataclasses import replace

import numpy as np

from augfactory.commands.progress import Progress
from augfactory.engines.processes import pinned_threads
from augfactory.evaluation.judged import Bench, judge_images
from augfactory.evaluation.judges import FOLDS, STEPS, train_judges
from augfactory.evaluation.online import OnlineStage, online_stage
from augfactory.keyed_random import generator
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipe import default_geometry
from augfactory.records import Source
from augfactory.vae.checkpoint import Model
from augfactory.vae.coding import decode, encode
from augfactory.vae.decoded import DecodedImages
from augfactory.vae.samplers.posterior import POSTERIOR, PosteriorParameters

FEWEST = 2 * FOLDS


def can_judge(source: Source) -> bool:
    """Tell whether a classifier can be taught with ``source``: rows for each fold, two classes."""
    return len(source) >= FEWEST and len(np.unique(source.labels)) > 1


def judge_geometry(image_shape: tuple[int, int, int]) -> tuple[OnlineStage, ...]:
    """Return how the images are varied that judges learn from: the preset for such images."""
    parameters = default_geometry(image_shape).parameters
    return (online_stage("geometry", METHODS["geometry"].parameters.model_validate(parameters)),)


def judge_decoded(model: Model, source: Source, progress: Progress) -> DecodedImages | None:
    """Judge one decoded image of each row of ``source``, sampled around its code.

    Returns:
        What was found; None where nothing can be judged: a single class, or fewer than six rows.
    """
    if not can_judge(source):
        return None
    rows = np.arange(len(source))
    with (
        pinned_threads(1),
        progress.bar("judging decoded images", FOLDS * STEPS, "step") as bar,
    ):
        judges = train_judges(
            source, judge_geometry(source.image_shape), steps=STEPS, on_steps=bar.advance
        )
        bench = Bench(judges, source)
        originals = judge_images(bench, source, judges.fold, rows).overall
        made = _decoded(model, source)
        found = judge_images(bench, made, judges.fold, rows).overall
    if found.read is None or originals.read is None:
        return None
    return DecodedImages(
        rows=found.rows,
        read=found.read,
        originals_read=originals.read,
        sharpness=found.sharpness,
    )


def _decoded(model: Model, source: Source) -> Source:
    """Return the source with an image decoded near each row's code in place of the row."""
    images = source.read_images(np.arange(len(source)))
    labels = source.read_soft_labels(np.arange(len(source)))
    mean, log_variance = encode(model, images, labels)
    noise = generator("decoded images").standard_normal(mean.shape, dtype=np.float32)
    nothing = np.empty((len(source), 0))
    codes = POSTERIOR.move(PosteriorParameters(), mean, log_variance, None, nothing, noise)
    made = decode(model, codes, labels)

    return replace(source, read_images=lambda chosen: made[chosen])
