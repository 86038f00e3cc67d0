"""Small colour sources in memory, never square, and trainings and models of them."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from augfactory.keyed_random import generator
from augfactory.records import Float32Array, Int64Array, Source, UInt8Array, one_hot
from augfactory.source_rows import SourceRows
from augfactory.vae.checkpoint import Model, weights_bytes
from augfactory.vae.config import ModelConfig, TrainingResult
from augfactory.vae.files import WEIGHTS
from augfactory.vae.networks.registry import build_network
from augfactory.vae.settings import TrainingSettings
from augfactory.vae.training import Training, train

IMAGE_SHAPE = (17, 22, 3)
CLASS_NAMES = ("left", "middle", "right")
LATENT = 4


def bars(
    rows: int, image_shape: tuple[int, int, int] = IMAGE_SHAPE
) -> tuple[UInt8Array, Int64Array]:
    """Return images of an upright bar at one of three places, by class, in a random colour."""
    height, width, channels = image_shape
    random = generator("bars", rows)
    labels = np.arange(rows, dtype=np.int64) % 3
    images = random.integers(0, 60, (rows, height, width, channels), dtype=np.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        left = width // 6 + label * width // 3
        top = int(random.integers(0, height // 4 + 1))
        image[top:, left : left + width // 8] = random.integers(150, 256, channels)
    return images, labels


def bar_source(
    rows: int = 24,
    image_shape: tuple[int, int, int] = IMAGE_SHAPE,
    soft_labels: Float32Array | None = None,
) -> Source:
    """Return ``bars`` as a source."""
    images, labels = bars(rows, image_shape)
    shares = one_hot(labels, 3) if soft_labels is None else soft_labels
    return Source(
        name="bars",
        split=None,
        class_names=CLASS_NAMES,
        image_shape=image_shape,
        labels=labels,
        read_images=lambda chosen: images[chosen],
        read_soft_labels=lambda chosen: shares[chosen],
        row_name=lambda row: f"bars/{row}",
    )


def settings(**changed: Any) -> TrainingSettings:
    """Return settings of a training of a second."""
    values: dict[str, Any] = {"seed": 3, "steps": 24, "batch": 8, "warmup": 8, "interval": 4}
    return TrainingSettings(**{**values, **changed})


def new_training(
    architecture: str = "conditional", source: Source | None = None, **changed: Any
) -> Training:
    """Return a training that has not begun; ``changed`` are settings."""
    chosen = settings(**changed)
    rows = source or bar_source()
    shape = empty_config(architecture, rows, chosen).network_shape
    network = build_network(architecture, shape, chosen.seed)
    return Training(network, LATENT, rows, None, chosen)


def trained_model(architecture: str = "conditional", **changed: Any) -> Model:
    """Return a model of a short training."""
    training = new_training(architecture, **changed)
    train(training)
    data = weights_bytes(training.network)
    digest = hashlib.sha256(data).hexdigest()
    config = empty_config(architecture, training.source, training.settings)
    return Model(training.network, replace_files(config, {WEIGHTS: digest}), digest)


def replace_files(config: ModelConfig, files: dict[str, str]) -> ModelConfig:
    """Return ``config`` with other files."""
    return config.model_copy(update={"files": files})


def empty_config(architecture: str, source: Source, chosen: TrainingSettings) -> ModelConfig:
    """Return the config of a model of ``source``, with no figures in its result."""
    return ModelConfig(
        architecture=architecture,
        latent=LATENT,
        image_shape=source.image_shape,
        class_names=source.class_names,
        source=SourceRows(
            text="bars",
            size=None,
            colour="auto",
            split=None,
            fingerprint="0" * 64,
            rows=tuple(range(len(source))),
        ),
        training=chosen,
        result=TrainingResult(
            steps=chosen.steps,
            stopped="steps",
            kept_step=chosen.steps,
            loss=1.0,
            reconstruction=0.5,
            kl=0.5,
            validation_loss=None,
            reached={},
            not_reached=[],
            seconds=0.0,
            device="cpu",
        ),
        files={},
        libraries={},
        created="2026-01-01T00:00:00Z",
    )


def renamed(source: Source, name: str) -> Source:
    """Return ``source`` under another name."""
    return replace(source, name=name)
