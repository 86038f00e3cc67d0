"""The commands as Python functions: ``augfactory.train_vae``, ``expand`` and ``evaluate``.

Each does what the command of its name does, with the same defaults, and raises the same errors
(``augfactory.errors``) where the command ends with an exit code. They are silent unless asked for
progress. ``augfactory.load`` and ``augfactory.loader`` read what they make.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from augfactory.cli.progress import StderrProgress
from augfactory.commands.evaluate import evaluate as evaluating
from augfactory.commands.evaluate.evaluate import EvaluateResult
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.expand import expand as expanding
from augfactory.commands.expand.build import Dataset
from augfactory.commands.expand.options import ExpandOptions, build_request
from augfactory.commands.expand.request import default_workers
from augfactory.commands.expand.validation import Held
from augfactory.commands.opening.reading import spec_read_by
from augfactory.commands.progress import Progress
from augfactory.commands.vae import train as vae_training
from augfactory.commands.vae.plan import VaeTrainRequest
from augfactory.commands.vae.train import VaeTrainResult
from augfactory.records import Colour, SourceSpec

__all__ = ["Dataset", "EvaluateResult", "VaeTrainResult", "evaluate", "expand", "train_vae"]

Size = int | tuple[int, int] | None
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
    latent: int = 20,
    batch: int = 64,
    learning_rate: float = 2e-3,
    kl_weight: float = 1.0,
    patience: int = 20,
    validation: float = 0.0,
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
        size: side, or (height, width), in pixels that images are resized to; None keeps theirs.
        colour: "grey", "rgb", or "auto" for what they are.
        read: more options by name, such as {"fit": "pad"} or {"labels": "train.csv"}.
        seed: random seed.
        steps: optimiser steps.
        latent: size of the latent vector.
        batch: batch size.
        learning_rate: initial learning rate of Adam.
        kl_weight: weight of the KL term after warm-up.
        patience: stop after so many intervals without improvement; 0 never stops.
        validation: share of each class held out to choose the best weights.
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
        unlabelled=None if unlabelled is None else SourceSpec(str(unlabelled)),
        geometry=geometry,
        preset=preset,
        seed=seed,
        steps=steps,
        latent=latent,
        batch=batch,
        learning_rate=learning_rate,
        kl_weight=kl_weight,
        patience=patience,
        validation=validation,
        device=device,
        verdict=verdict,
    )
    return vae_training.vae_train(request, StderrProgress() if progress else Progress())


def expand(
    source: str | Path,
    out: str | Path,
    *,
    factor: int | None = None,
    model: str | Path | None = None,
    recipe: str | Path | Mapping[str, Any] | None = None,
    n_train: int | None = None,
    originals: bool | None = None,
    geometry: bool | None = None,
    preset: str | None = None,
    vae: Mapping[str, Any] | None = None,
    vary: Sequence[str] = (),
    mixup: int | None = None,
    ricap: int | None = None,
    cutmix: int | None = None,
    augmix: int | None = None,
    mix: Mapping[str, int] | None = None,
    unlabelled: str | Path | None = None,
    pseudo_label: bool = False,
    validation: float | None = None,
    group: str | None = None,
    size: Size = None,
    colour: Colour = "auto",
    read: Read = None,
    format: str | None = None,
    seed: int | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> Dataset:
    """Make a dataset ``factor`` times as large, as `augfactory expand` does.

    The same request again is answered with the version that exists.

    Args:
        source: as for ``train_vae``, or the folder of a model, which brings its own images.
        out: NAME of the dataset; ``NAME-xK/v1`` is written.
        factor: images per source image, itself among them; None is that of the recipe.
        model: folder of a trained VAE, where ``source`` is none.
        recipe: a recipe file, or what one holds as a mapping; the other arguments override it.
        n_train: use only so many images, evenly from the classes.
        originals: keep the source images in the dataset (True unless the recipe says otherwise).
        geometry: vary images by geometry (True unless the recipe says otherwise).
        preset: how they are varied; None is the model's, or tests what the images bear.
        vae: what a recipe's ``[vae]`` holds: share, decode, sampler, filter and the sampler's own.
        vary: methods that vary further images after geometry, or ("none",); as --vary.
        mixup: further rows per source image, on top of the factor, made by mixup.
        ricap: the same, by RICAP.
        cutmix: the same, by CutMix.
        augmix: the same, by AugMix.
        mix: the same, by any method: its name -> rows, such as {"crop": 2}.
        unlabelled: images without labels.
        pseudo_label: label them by classifiers, and add as many rows again.
        validation: share of the originals kept apart, for ``load(..., split="val")``.
        group: which stay together, as --group.
        size: as for ``train_vae``.
        colour: as for ``train_vae``.
        read: as for ``train_vae``.
        format: "hdf5", "png", "parquet", "webdataset" or "lance"; "hdf5" unless the recipe says
            otherwise.
        seed: random seed; 0 unless the recipe says otherwise.
        workers: processes; None is one per core.
        progress: show progress on stderr.

    Returns:
        Name, version, path, rows and content hash of the dataset.

    Raises:
        AugfactoryError: something is wrong with the request, the data or the disk.

    Example:
        >>> dataset = augfactory.expand("sample", "digits", factor=3, n_train=20, workers=1)
        >>> dataset.name, dataset.version, dataset.rows
        ('digits-x3', 'v1', 60)
        >>> len(augfactory.load("digits-x3"))
        60
    """
    flags = ExpandOptions(
        factors=() if factor is None else (factor,),
        originals=originals,
        seed=seed,
        format=format,
        geometry=geometry,
        preset=preset,
        vae=vae or {},
        copies={
            "mixup": mixup,
            "ricap": ricap,
            "cutmix": cutmix,
            "augmix": augmix,
            **(mix or {}),
        },
        mix_from=None,
        vary=vary,
        recipe=Path(recipe) if isinstance(recipe, str) else recipe,
        unlabelled=None if unlabelled is None else SourceSpec(str(unlabelled)),
        pseudo_label=pseudo_label,
        held=None if validation is None and group is None else Held(validation, group=group),
    )
    request = build_request(
        flags,
        spec_read_by(source, size, colour, read, sized=model is not None),
        Path(out),
        model=None if model is None else Path(model),
        checkpoint=None,
        n_train=n_train,
        workers=workers or default_workers(),
    )
    (dataset,) = expanding.expand(request, StderrProgress() if progress else Progress())
    return dataset


def evaluate(
    datasets: str | Path | Sequence[str | Path],
    test: str | Path,
    *,
    classifier: str = "quick",
    seeds: int = 3,
    steps: int | None = None,
    minutes: float | None = None,
    batch: int = 64,
    arms: Sequence[str] = (),
    baseline: str | None = None,
    held_out: str | Path | None = None,
    corruptions: str | None = None,
    size: Size = None,
    colour: Colour = "auto",
    read: Read = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    out: str | Path | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> EvaluateResult:
    """Compare datasets with their originals and say what to train on: `augfactory evaluate`.

    Args:
        datasets: NAME, NAME@vN or the folder of a version; one or several.
        test: a source of test images.
        classifier: which classifier is trained.
        seeds: classifiers trained on each arm.
        steps: optimiser steps; None goes on until no arm improves.
        minutes: time limit, about.
        batch: batch size.
        arms: further arms, such as "originals+cutmix".
        baseline: the arm to compare with; None is the best of those that need no dataset.
        held_out: labelled images that calibrate the probabilities; None takes unused ones.
        corruptions: "mnist-c" or "cifar-c": test on corrupted images too.
        size: as for ``train_vae``; None converts test images as the datasets' were.
        colour: as for ``train_vae``.
        read: as for ``train_vae``.
        device: where to train.
        out: folder of the results; None is ``NAME-evaluation``.
        workers: processes; None is one per core.
        progress: show progress on stderr.

    Returns:
        What results.json holds, such as the verdict (``verdict.text``, ``verdict.use``) and every
        arm's numbers (``arms``); as plain values with ``plain()``; the files written (``files``).

    Raises:
        AugfactoryError: something is wrong with the request, the data or the disk.

    Example:
        >>> dataset = augfactory.expand("sample", "digits", factor=3, n_train=20, workers=1)
        >>> result = augfactory.evaluate(
        ...     dataset.path, "sample:test", seeds=1, steps=2, workers=1, out="evaluation"
        ... )
        >>> [arm.name for arm in result.arms]
        ['originals', 'originals+geometry', 'originals+geometry+mixup', 'digits-x3']
    """
    named = [datasets] if isinstance(datasets, str | Path) else datasets
    request = EvaluateRequest(
        datasets=tuple(map(str, named)),
        test=spec_read_by(test, size, colour, read),
        classifier=classifier,
        seeds=seeds,
        steps=steps,
        minutes=minutes,
        batch=batch,
        device=device,
        arms=tuple(arms),
        baseline=baseline,
        held_out=None if held_out is None else spec_read_by(held_out, size, colour),
        corruptions=corruptions,
        workers=workers or default_workers(),
        out=None if out is None else Path(out),
    )
    return evaluating.evaluate(request, StderrProgress() if progress else Progress())
