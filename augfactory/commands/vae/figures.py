"""The pictures that stand beside a model."""

import numpy as np

from augfactory.keyed_random import generator
from augfactory.records import Int64Array, Source
from augfactory.report.figures.training_figures import Strip, loss_figure, picture_figure
from augfactory.vae.checkpoint import Model
from augfactory.vae.coding import decode, encode
from augfactory.vae.samplers.posterior import SAMPLER as POSTERIOR
from augfactory.vae.samplers.posterior import PosteriorParameters
from augfactory.vae.samplers.same_class import SAMPLER as SAME_CLASS
from augfactory.vae.samplers.same_class import SameClassParameters
from augfactory.vae.training_state import TrainingProgress

PICTURES_A_LINE = 10
PAIRS_OF_LINES = 2
MOST_CLASSES = 20
SAMPLES = 4
SHARES = (-0.5, -0.25, 0.25, 0.5)


def draw(model: Model, source: Source, standing: TrainingProgress) -> dict[str, bytes]:
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
            standing.history,
            standing.reached,
            config.training.warmup,
            f"{subtitle}; means over {config.training.interval:,} steps",
            config.result.kept_step,
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
    """Draw, of one image of each class, what each sampler makes of it."""
    rows = _first_of_each_class(source, min(MOST_CLASSES, len(source.class_names)))
    partners = np.array([_next_of_class(source, row) for row in rows.tolist()])
    images, others = source.read_images(rows), source.read_images(partners)
    labels = source.read_soft_labels(rows)
    mean, log_variance = encode(model, images, labels)
    partner_mean = encode(model, others, source.read_soft_labels(partners))[0]
    random = generator(model.config.training.seed, "vae", "samples")
    noise = random.standard_normal((SAMPLES, *mean.shape), dtype=np.float32)
    nothing, around = np.empty((len(rows), 0)), PosteriorParameters()
    sampled = [POSTERIOR.move(around, mean, log_variance, None, nothing, one) for one in noise]
    still, along = np.zeros_like(mean), SameClassParameters(temperature=0)
    moved = [
        SAME_CLASS.move(
            along, mean, log_variance, partner_mean, np.full((len(rows), 1), share), still
        )
        for share in SHARES
    ]
    made = np.stack([decode(model, codes, labels) for codes in (mean, *sampled, *moved)], axis=1)
    strips = [
        Strip(source.class_names[source.labels[row]], (image[None], *groups, other[None]))
        for row, image, other, groups in zip(
            rows.tolist(), images, others, (np.split(one, [1, 1 + SAMPLES]) for one in made),
            strict=True,
        )
    ]  # fmt: skip
    heads = ("original", "decoded", "posterior", "same-class: λ = −½, −¼, ¼, ½", "other")
    return picture_figure("What is made of one image of each class", subtitle, heads, strips)


def _next_of_class(source: Source, row: int) -> int:
    """Return the row of the next image of the class; the last one is followed by the first."""
    own = np.flatnonzero(source.labels == source.labels[row])
    return int(own[(np.searchsorted(own, row) + 1) % len(own)])


def _first_of_each_class(source: Source, count: int) -> Int64Array:
    """Return ``count`` rows, or all: the first of each class, then the second, and so on."""
    order = np.argsort(source.labels, kind="stable")
    labels = source.labels[order]
    turn = np.arange(len(labels)) - np.searchsorted(labels, labels)
    return order[np.lexsort((labels, turn))][:count]
