"""What an evaluation was asked for, checked; and the runs that it comes to."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from augfactory.commands.evaluate.arms import ArmsRequest
from augfactory.commands.evaluate.inputs import Inputs
from augfactory.commands.runs.ensemble_size import check_ensemble
from augfactory.commands.runs.published import refuse_both
from augfactory.engines.processes import Engine, worker_pool
from augfactory.errors import InputDataError, RecipeError, one_of
from augfactory.evaluation.classifiers.registry import DEFAULT_CLASSIFIER, find_classifier
from augfactory.evaluation.comparison.protocol import ClassifierSpec, CorruptedTest, Run
from augfactory.evaluation.training.batch_policy import read_loss
from augfactory.evaluation.training.batches import read_order
from augfactory.evaluation.training.settings import (
    PRECISIONS,
    AskedTraining,
    TrainingSettings,
    read_drops,
    read_freeze,
    read_optimiser,
    read_precision,
)
from augfactory.guarded.files import open_regular, sha256_of
from augfactory.guarded.tensors import LARGEST_WEIGHTS
from augfactory.records import SourceSpec
from augfactory.store.disk.lock import Lock
from augfactory.vae.device import check_device, resolve_device

HORIZON = 3200  # steps that an arm's own schedule is spread over in an open-ended training
DEFAULT_SEEDS = 3
NOTHING_ASKED = AskedTraining()


@dataclass(frozen=True)
class EvaluateRequest:
    """What `augfactory evaluate` was asked for.

    ``seeds`` is how many classifiers are trained on each arm; ``steps`` None trains until all arms
    are at their plateau, ``minutes`` at most about so long. ``arms`` are those beside the baselines
    and the datasets; see ``ArmsRequest``. ``baseline`` is the arm that all are compared with; None
    is the best of the baselines. ``corrupted`` is a folder of published corrupted test images,
    ``corruptions`` a profile of those that are made. ``held_out`` None takes unused training rows.
    ``ensemble`` is how many classifiers answer together, beside each on its own; None is none.
    ``out`` None is the folder ``NAME-evaluation`` beside the first dataset; ``lock`` is how other
    writers are kept out of it, ``runs_on`` where classifiers are trained. ``group`` says which
    images belong together: no group of the originals may be in the test or among the held-out rows.
    ``quick`` says that steps and seeds are few since it is only to show that it runs.
    """

    datasets: tuple[str, ...]
    test: SourceSpec
    classifier: str = DEFAULT_CLASSIFIER
    weights: Path | None = None
    seeds: int = DEFAULT_SEEDS
    steps: int | None = None
    minutes: float | None = None
    batch: int | None = None
    precision: str = "auto"
    device: str = "auto"
    loss: str = "ce"
    order: str = "shuffled"
    optimiser: str | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    label_smoothing: float | None = None
    drops: str | None = None
    freeze: str | None = None
    save_weights: bool = False
    arms: tuple[str, ...] = ()
    baseline: str | None = None
    real_share: float = 0.5
    held_out: SourceSpec | None = None
    corruptions: str | None = None
    corrupted: Path | None = None
    ensemble: int | None = None
    workers: int = 1
    out: Path | None = None
    lock: Lock = "flock"
    runs_on: Engine = worker_pool
    group: str | None = None
    quick: bool = False


def check_request(request: EvaluateRequest) -> ArmsRequest:
    """Check the numbers and names of a request; return the arms that it wants.

    Raises:
        RecipeError: one of them is wrong.
    """
    if not request.datasets:
        raise RecipeError("evaluate", "no dataset is named", "Name at least one: NAME or NAME@vN.")
    for option, value in (
        ("--seeds", request.seeds),
        ("--steps", 1 if request.steps is None else request.steps),
        ("--batch", 1 if request.batch is None else request.batch),
        ("--workers", request.workers),
    ):
        if value < 1:
            raise RecipeError(option, f"{value} is too few", "Give 1 or more.")
    check_device(request.device)
    one_of("--precision", "precision", request.precision, PRECISIONS)
    if request.minutes is not None and not 0 < request.minutes < float("inf"):
        raise RecipeError("--minutes", f"{request.minutes:g} is not a time", "Give more than 0.")
    if request.order == "rounds" and request.steps is None:
        raise RecipeError(
            "--order rounds",
            "the rounds share out the steps, and nobody knows how many there will be",
            "Say how many with --steps.",
        )
    check_ensemble(request.ensemble, request.seeds, "--ensemble", "--seeds")
    refuse_both(request.corruptions, request.corrupted)
    check_training(request)
    if not 0 < request.real_share < 1:
        raise RecipeError(
            "--real-share",
            f"{request.real_share:g} is not a share of a batch",
            "Give a number between 0 and 1, such as 0.5.",
        )
    return ArmsRequest(
        arms=request.arms,
        real_share=request.real_share,
        order=read_order(request.order),
        loss=read_loss(request.loss),
        batch=request.batch,
    )


def check_training(request: EvaluateRequest) -> AskedTraining:
    """Check what is asked for of the training itself, and return it.

    Raises:
        RecipeError: one of the numbers or names is wrong.
    """
    for option, value, least in (
        ("--learning-rate", request.learning_rate, "above 0"),
        ("--weight-decay", request.weight_decay, "0 or more"),
    ):
        if value is not None and not (0 <= value < math.inf and (value or least == "0 or more")):
            raise RecipeError(option, f"{value:g} is no such number", f"Give a number {least}.")
    smoothing = request.label_smoothing
    if smoothing is not None and not 0 <= smoothing < 1:
        raise RecipeError(
            "--label-smoothing", f"{smoothing:g} is no share of a label", "Give 0 or more, below 1."
        )
    if request.drops is not None and request.steps is None:
        raise RecipeError(
            "--drops",
            "they come after shares of the steps, and nobody knows how many there will be",
            "Say how many with --steps.",
        )
    asked = asked_training(freeze=request.freeze, weights=request.weights)
    return replace(
        asked,
        optimiser=None if request.optimiser is None else read_optimiser(request.optimiser),
        learning_rate=request.learning_rate,
        weight_decay=request.weight_decay,
        label_smoothing=smoothing,
        drops=() if request.drops is None else read_drops(request.drops),
    )


def asked_training(*, freeze: str | None, weights: Path | None) -> AskedTraining:
    """Check what is to stay as it starts, and return it.

    Raises:
        RecipeError: nothing was learnt that could stay, or it says no layers.
    """
    if freeze is not None and weights is None:
        raise RecipeError(
            "--freeze", "keeps weights that were drawn at random", "Add --weights FILE."
        )
    return AskedTraining(freeze=False if freeze is None else read_freeze(freeze))


def classifier_spec(name: str, weights: Path | None) -> ClassifierSpec:
    """Check the classifier and the file of its weights.

    Raises:
        RecipeError: there is no such classifier.
        InputDataError: the file cannot be read.
    """
    find_classifier(name, weights)
    if weights is None:
        return ClassifierSpec(name)
    try:
        with open_regular(weights) as file:
            if os.fstat(file.fileno()).st_size > LARGEST_WEIGHTS:
                raise InputDataError(
                    weights,
                    f"has more than the {LARGEST_WEIGHTS:,} bytes that weights may have",
                    "Name a file of weights.",
                )
            _, digest = sha256_of(file)
    except OSError as error:
        raise InputDataError(
            weights,
            f"cannot be read ({error.strerror or error})",
            "Name a file of weights that exists.",
        ) from error
    return ClassifierSpec(name, weights.resolve(), digest)


def settings_for(
    classifier: ClassifierSpec,
    steps: int,
    batch: int,
    precision: str,
    device: str,
    horizon: int,
    asked: AskedTraining = NOTHING_ASKED,
) -> TrainingSettings:
    """Return the settings that the classifier is trained with: what is asked, else what suits it.

    Raises:
        RecipeError: there is no such precision or device.
    """
    known = find_classifier(classifier.name, classifier.weights)
    where = resolve_device(device).type
    rate, decay, smoothing = asked.learning_rate, asked.weight_decay, asked.label_smoothing
    return TrainingSettings(
        steps=steps,
        batch=batch,
        optimiser=asked.optimiser or known.optimiser,
        learning_rate=known.learning_rate if rate is None else rate,
        weight_decay=known.weight_decay if decay is None else decay,
        label_smoothing=known.label_smoothing if smoothing is None else smoothing,
        precision=read_precision(precision, where),
        device=where,
        freeze=asked.freeze,
        horizon=horizon,
        drops=asked.drops,
    )


def runs_of(
    request: EvaluateRequest,
    inputs: Inputs,
    classifier: ClassifierSpec,
    corrupted: CorruptedTest | None,
    steps: int,
    seeds: int,
) -> Sequence[Run]:
    """Return all runs, seed by seed, so that an early end leaves whole comparisons."""
    settings = settings_for(
        classifier,
        steps,
        inputs.batch,
        request.precision,
        request.device,
        request.steps or HORIZON,
        check_training(request),
    )
    return [
        Run(
            arm=arm,
            test=inputs.test_rows,
            classifier=classifier,
            settings=settings,
            seed=seed,
            held_out=inputs.held_out,
            corrupted=corrupted,
        )
        for seed in range(seeds)
        for arm in inputs.arms
    ]
