"""``augfactory.evaluate``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from augfactory.api.models import Read, Size
from augfactory.cli.options.engine import chosen_engine
from augfactory.cli.progress import StderrProgress
from augfactory.commands.evaluate import evaluate as evaluating
from augfactory.commands.evaluate.evaluate import EvaluateResult
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.opening.reading import of_any_source, spec_read_by
from augfactory.commands.progress import Progress
from augfactory.evaluation.training.batch_policy import Loss
from augfactory.evaluation.training.batches import Order
from augfactory.evaluation.training.settings import Optimiser
from augfactory.records import Colour


def evaluate(
    datasets: str | Path | Sequence[str | Path],
    test: str | Path,
    *,
    classifier: str = "quick",
    weights: str | Path | None = None,
    freeze: int | str | None = None,
    save_weights: bool = False,
    seeds: int = 3,
    steps: int | None = None,
    minutes: float | None = None,
    batch: int | None = None,
    optimiser: Optimiser | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    label_smoothing: float | None = None,
    loss: Loss = "ce",
    order: Order = "shuffled",
    arms: Sequence[str] = (),
    baseline: str | None = None,
    held_out: str | Path | None = None,
    group: str | None = None,
    corruptions: str | None = None,
    corrupted: str | Path | None = None,
    ensemble: int | None = None,
    size: Size = None,
    colour: Colour = "auto",
    read: Read = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    out: str | Path | None = None,
    workers: int | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    progress: bool = False,
) -> EvaluateResult:
    """Compare datasets with their originals and say what to train on: `augfactory evaluate`.

    Args:
        datasets: NAME, NAME@vN or the folder of a version; one or several.
        test: a source of test images.
        classifier: which classifier is trained.
        weights: a file of weights that all but its last layer starts from.
        freeze: with weights, what stays fixed: a number of layers from the input, the name of the
            first layer that learns, or "last", which alone learns.
        save_weights: keep the weights of every classifier.
        seeds: classifiers trained on each arm.
        steps: optimiser steps; None goes on until no arm improves.
        minutes: time limit, about.
        batch: batch size; None is 64, or with ``order`` "rounds" as many rows as share a draw.
        optimiser: in place of the one that suits the classifier.
        learning_rate: in place of the one that suits the classifier.
        weight_decay: in place of the one that suits the classifier.
        label_smoothing: share of each label that is spread evenly over the classes; None is what
            suits the classifier, 0.1 for "quick" and "wide".
        loss: of the datasets: "weighted" lets images of rare classes count more, "jsd" compares
            each image with two of its AugMix views.
        order: how datasets are read: "rounds" serves them round after round, which needs ``steps``,
            "one-of-k" one image of each original in an epoch.
        arms: further arms, such as "originals+cutmix".
        baseline: the arm to compare with; None is the best of those that need no dataset.
        held_out: labelled images that calibrate the probabilities; None takes unused ones.
        group: which images belong together, as --group: no group of the originals may be in the
            test, nor among the images that calibrate, and intervals count the groups of the test.
        corruptions: test on corrupted images, too: "mnist-c", "cifar-c", "imagenet-c"
            or "mnist-c-extra".
        corrupted: test on published ones: a folder such as CIFAR-10-C, MNIST-C or ImageNet-C.
        ensemble: how many classifiers of an arm answer together, too.
        size: as for ``train_vae``; None converts test images as the datasets' were.
        colour: as for ``train_vae``.
        read: as for ``train_vae``.
        device: where to train.
        out: folder of the results; None is ``NAME-evaluation``.
        workers: processes; None is one per core.
        engine: where classifiers are trained: processes of this machine, or Ray (docs/scale.md).
        address: with engine="ray" the cluster, HOST:PORT or "auto"; None starts one here.
        progress: show progress on stderr.

    Returns:
        What results.json holds (``verdict.text``, ``arms``, …; ``plain()``), and the ``files``.

    Raises:
        AugfactoryError: something is wrong with the request, the data or the disk.

    Example:
        >>> dataset = augfactory.expand("sample", "digits", factor=3, n_train=20, workers=1)
        >>> small = {"seeds": 1, "steps": 2, "workers": 1, "out": "evaluation"}
        >>> result = augfactory.evaluate(dataset.path, "sample:test", **small)
        >>> [arm.name for arm in result.arms]
        ['originals', 'originals+geometry', 'originals+geometry+mixup', 'digits-x3']
    """
    named = [datasets] if isinstance(datasets, str | Path) else datasets
    with chosen_engine(engine, address, workers) as chosen:
        request = EvaluateRequest(
            datasets=tuple(map(str, named)),
            test=spec_read_by(test, size, colour, read),
            classifier=classifier,
            weights=None if weights is None else Path(weights),
            freeze=None if freeze is None else str(freeze),
            save_weights=save_weights,
            seeds=seeds,
            steps=steps,
            minutes=minutes,
            batch=batch,
            optimiser=optimiser,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            loss=loss,
            order=order,
            device=device,
            arms=tuple(arms),
            baseline=baseline,
            held_out=None
            if held_out is None
            else spec_read_by(held_out, size, colour, of_any_source(read)),
            corruptions=corruptions,
            corrupted=None if corrupted is None else Path(corrupted),
            ensemble=ensemble,
            workers=chosen.workers,
            out=None if out is None else Path(out),
            runs_on=chosen.engine,
            group=group,
        )
        return evaluating.evaluate(request, StderrProgress() if progress else Progress())
