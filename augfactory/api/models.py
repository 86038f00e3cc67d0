"""``augfactory.train_vae``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from augfactory.cli.progress import StderrProgress
from augfactory.commands.opening.reading import of_any_source, spec_read_by
from augfactory.commands.progress import Progress
from augfactory.commands.vae import train as vae_training
from augfactory.commands.vae.plan import VaeTrainRequest
from augfactory.commands.vae.train import VaeTrainResult
from augfactory.records import Colour

Size = int | tuple[int, int] | str | None
Read = Mapping[str, Any] | None


def train_vae(
    source: str | Path,
    out: str | Path,
    *,
    n_train: int | None = None,
    unlabelled: str | Path | None = None,
    geometry: bool = True,
    preset: str | None = None,
    size: Size = None,
    colour: Colour = "auto",
    read: Read = None,
    seed: int = 0,
    steps: int = 1500,
    architecture: Literal["conditional", "keras-mnist"] = "conditional",
    latent: int = 20,
    batch: int = 64,
    learning_rate: float = 2e-3,
    optimiser: Literal["adam", "rmsprop"] = "adam",
    schedule: Literal["cosine", "constant"] = "cosine",
    clip: bool = True,
    noise: Literal["image", "batch"] = "image",
    kl_weight: float = 1.0,
    warmup: int | None = None,
    patience: int = 20,
    validation: float = 0.0,
    save_at_loss: Sequence[float] = (),
    device: Literal["auto", "cpu", "cuda"] = "auto",
    verdict: bool = True,
    progress: bool = False,
) -> VaeTrainResult:
    """Train a variational autoencoder on labelled images, as `augfactory vae-train` does.

    A finished model in ``out`` is kept, and an interrupted training goes on.

    Args:
        source: class folders, a table of files and labels, an archive, ``sample``, …: all that
            docs/sources.md names; ``:train``, ``:test`` or ``:val`` chooses a split.
        out: folder of the model.
        n_train: use only so many images, evenly from the classes.
        unlabelled: images without labels to learn from as well.
        geometry: vary the images of every batch.
        preset: how they are varied; None tests what the images bear.
        size: side, or (height, width) or "48x64", in pixels that images are resized to; None keeps
            theirs.
        colour: "grey", "rgb", or "auto" for what they are.
        read: more options by name, such as {"fit": "pad"} or {"labels": "train.csv"}.
        seed: random seed.
        steps: optimiser steps.
        architecture: "conditional" is given each image's class; "keras-mnist" is the network of
            the VAE article, which is not.
        latent: size of the latent vector.
        batch: batch size.
        learning_rate: initial learning rate.
        optimiser: what makes the steps; "rmsprop" has Keras' constants.
        schedule: whether the learning rate falls to 0, by a cosine, or is constant.
        clip: shorten gradients that are too long.
        noise: latent noise of its own for each image, or the same for a batch.
        kl_weight: weight of the KL term after warm-up.
        warmup: steps of KL warm-up; None is a fifth of all.
        patience: stop after so many intervals without improvement; 0 never stops.
        validation: share of each class held out to choose the best weights.
        save_at_loss: keep a checkpoint when one of these losses is reached.
        device: where to train.
        verdict: measure how many decoded images a classifier still recognises.
        progress: show progress on stderr.

    Returns:
        The folder of the model (``out``) and its configuration and results (``config``).

    Raises:
        AugfactoryError: something is wrong with the request, the data or the disk.

    Example:
        >>> model = augfactory.train_vae("sample", "digits-vae", n_train=20, steps=2, verdict=False)
        >>> model.config.image_shape
        (28, 28, 1)
    """
    request = VaeTrainRequest(
        source=spec_read_by(source, size, colour, read, sized=False),
        out=Path(out),
        n_train=n_train,
        unlabelled=None
        if unlabelled is None
        else spec_read_by(unlabelled, None, "auto", of_any_source(read)),
        geometry=geometry,
        preset=preset,
        seed=seed,
        steps=steps,
        architecture=architecture,
        latent=latent,
        batch=batch,
        learning_rate=learning_rate,
        optimiser=optimiser,
        schedule=schedule,
        clip=clip,
        noise=noise,
        kl_weight=kl_weight,
        warmup=warmup,
        patience=patience,
        validation=validation,
        save_at_loss=tuple(save_at_loss),
        device=device,
        verdict=verdict,
    )
    return vae_training.vae_train(request, StderrProgress() if progress else Progress())
