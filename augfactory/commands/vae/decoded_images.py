"""Judge what a model decodes, so that a useless model is known before a dataset is made of it."""

from dataclasses import replace

import numpy as np

from augfactory.commands.progress import Progress
from augfactory.engines.processes import pinned_threads
from augfactory.evaluation.images.judged import Bench, judge_images
from augfactory.evaluation.images.judges import FOLDS, STEPS, can_teach, train_judges
from augfactory.evaluation.training.online import online_stage
from augfactory.evaluation.training.training_set import spread_rows
from augfactory.keyed_random import generator
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipes.stages import default_geometry
from augfactory.records import Source
from augfactory.vae.checkpoint import Model
from augfactory.vae.coding import decode, encode
from augfactory.vae.decoded import DecodedImages
from augfactory.vae.samplers.posterior import SAMPLER as POSTERIOR
from augfactory.vae.samplers.posterior import PosteriorParameters

MOST_JUDGED = 2_000


def taught(originals: Source, progress: Progress) -> Bench | None:
    """Teach classifiers to judge with ``originals``, varied as the preset for such images says.

    Returns:
        The originals as the judges see them; None where nothing can be taught: a single class, or
        fewer than six images that differ.
    """
    if not can_teach(originals):
        return None
    geometry = METHODS["geometry"].parameters.model_validate(
        default_geometry(originals.image_shape).parameters
    )
    with (
        pinned_threads(1),
        progress.bar("teaching classifiers to judge", FOLDS * STEPS, "step") as bar,
    ):
        online = (online_stage("geometry", geometry),)
        return Bench(train_judges(originals, online, steps=STEPS, on_steps=bar.advance), originals)


def judge_decoded(model: Model, source: Source, progress: Progress) -> DecodedImages | None:
    """Judge a decoded image of each row of ``source``, of at most 2,000, sampled around its mean.

    Returns:
        What was found; None where nothing can be judged, see ``taught``.
    """
    source = source.restricted_to(spread_rows(len(source), MOST_JUDGED))
    bench = taught(source, progress)
    if bench is None:
        return None
    fold, rows = bench.judges.fold, np.arange(len(source))
    with pinned_threads(1):
        originals = judge_images(bench, source, fold, rows)
        found = judge_images(bench, _decoded(model, source), fold, rows).overall
    assert found.read is not None and originals.overall.read is not None  # noqa: PT018
    return DecodedImages(
        rows=found.rows,
        read=found.read,
        originals_read=originals.overall.read,
        sharpness=found.sharpness,
    )


def _decoded(model: Model, source: Source) -> Source:
    """Return the source with an image decoded near each row's latent vector in its place."""
    images = source.read_images(np.arange(len(source)))
    labels = source.read_soft_labels(np.arange(len(source)))
    mean, log_variance = encode(model, images, labels)
    noise = generator("decoded images").standard_normal(mean.shape, dtype=np.float32)
    nothing = np.empty((len(source), 0))
    latents = POSTERIOR.move(PosteriorParameters(), mean, log_variance, None, nothing, noise)
    made = decode(model, latents, labels)
    return replace(source, read_images=lambda chosen: made[chosen])
