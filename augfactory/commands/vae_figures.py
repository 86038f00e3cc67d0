"""The pictures that stand beside a model."""

import numpy as np

from augfactory.keyed_random import generator
from augfactory.records import Int64Array, Source
from augfactory.report.training_figures import Strip, loss_figure, picture_figure
from augfactory.vae.checkpoint import Model
from augfactory.vae.coding import decode, encode
from augfactory.vae.samplers.posterior import POSTERIOR, PosteriorParameters
from augfactory.vae.training_state import Standing

PICTURES_A_LINE = 10
PAIRS_OF_LINES = 2
MOST_CLASSES = 20
SAMPLES = 8


def draw(model: Model, source: Source, standing: Standing) -> dict[str, bytes]:
    """Return loss.png, reconstructions.png and samples.png of a model and its training rows."""
    config = model.config
    height, width, channels = config.image_shape
    subtitle = (
        f"{len(source):,} images {height}×{width}×{channels}, {config.architecture}, "
        f"latent {config.latent}, KL weight {config.training.kl_weight:g}, "
        f"{standing.step:,} steps, seed {config.training.seed}"
    )
    return {
        "loss.png": loss_figure(
            standing.history, standing.reached, config.training.warmup, subtitle
        ),
        "reconstructions.png": _reconstructions(model, source, subtitle),
        "samples.png": _samples(model, source, subtitle),
    }


def _reconstructions(model: Model, source: Source, subtitle: str) -> bytes:
    rows = _first_of_each_class(source, PICTURES_A_LINE * PAIRS_OF_LINES)
    images, labels = source.read_images(rows), source.read_soft_labels(rows)
    again = decode(model, encode(model, images, labels)[0], labels)
    strips = []
    for start in range(0, len(rows), PICTURES_A_LINE):
        stretch = slice(start, start + PICTURES_A_LINE)
        strips += [Strip("original", (images[stretch],)), Strip("decoded", (again[stretch],))]
    return picture_figure("Originals and their reconstructions", subtitle, ("",), strips, block=2)


def _samples(model: Model, source: Source, subtitle: str) -> bytes:
    rows = _first_of_each_class(source, min(MOST_CLASSES, len(source.class_names)))
    images, labels = source.read_images(rows), source.read_soft_labels(rows)
    mean, log_variance = (codes.repeat(SAMPLES, axis=0) for codes in encode(model, images, labels))
    random = generator(model.config.training.seed, "vae", "samples")
    noise = random.standard_normal(mean.shape, dtype=np.float32)
    parameters = PosteriorParameters()
    draws = POSTERIOR.draw(parameters, len(mean), random)
    codes = POSTERIOR.move(parameters, mean, log_variance, None, draws, noise)
    again = decode(model, mean[::SAMPLES], labels)
    around = decode(model, codes, labels.repeat(SAMPLES, axis=0))
    strips = [
        Strip(
            source.class_names[source.labels[row]],
            (
                images[place, None],
                again[place, None],
                around[place * SAMPLES : (place + 1) * SAMPLES],
            ),
        )
        for place, row in enumerate(rows.tolist())
    ]
    captions = ("original", "decoded", "sampled around it: mean + σ·noise")
    return picture_figure(
        "One image of each class, and images around it", subtitle, captions, strips
    )


def _first_of_each_class(source: Source, count: int) -> Int64Array:
    """Return ``count`` rows, or all: the first of each class, then the second, and so on."""
    order = np.argsort(source.labels, kind="stable")
    labels = source.labels[order]
    turn = np.arange(len(labels)) - np.searchsorted(labels, labels)
    return order[np.lexsort((labels, turn))][:count]
