"""What an evaluation was asked for, checked; and the runs that it comes to."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
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
from augfactory.evaluation.training.settings import PRECISIONS, TrainingSettings, read_precision
from augfactory.guarded.files import open_regular, sha256_of
from augfactory.guarded.tensors import LARGEST_WEIGHTS
from augfactory.records import SourceSpec
from augfactory.store.disk.lock import Lock
from augfactory.vae.device import check_device, resolve_device

HORIZON = 3200  # steps that an arm's own schedule is spread over in an open-ended training
DEFAULT_SEEDS = 3


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
    """

    datasets: tuple[str, ...]
    test: SourceSpec
    classifier: str = DEFAULT_CLASSIFIER
    weights: Path | None = None
    seeds: int = DEFAULT_SEEDS
    steps: int | None = None
    minutes: float | None = None
    batch: int = TrainingSettings.batch
    precision: str = "auto"
    device: str = "auto"
    loss: str = "ce"
    order: str = "shuffled"
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
        ("--batch", request.batch),
        ("--workers", request.workers),
    ):
        if value < 1:
            raise RecipeError(option, f"{value} is too few", "Give 1 or more.")
    check_device(request.device)
    one_of("--precision", "precision", request.precision, PRECISIONS)
    if request.minutes is not None and not 0 < request.minutes < float("inf"):
        raise RecipeError("--minutes", f"{request.minutes:g} is not a time", "Give 1 or more.")
    if request.order == "rounds" and request.steps is None:
        raise RecipeError(
            "--order rounds",
            "the rounds share out the steps, and nobody knows how many there will be",
            "Say how many with --steps.",
        )
    check_ensemble(request.ensemble, request.seeds, "--ensemble", "--seeds")
    refuse_both(request.corruptions, request.corrupted)
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
    )


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
    classifier: ClassifierSpec, steps: int, batch: int, precision: str, device: str, horizon: int
) -> TrainingSettings:
    """Return the settings that the classifier is trained with.

    Raises:
        RecipeError: there is no such precision or device.
    """
    known = find_classifier(classifier.name, classifier.weights)
    where = resolve_device(device).type
    return TrainingSettings(
        steps=steps,
        batch=batch,
        optimiser=known.optimiser,
        learning_rate=known.learning_rate,
        weight_decay=known.weight_decay,
        label_smoothing=known.label_smoothing,
        precision=read_precision(precision, where),
        device=where,
        horizon=horizon,
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
        request.batch,
        request.precision,
        request.device,
        request.steps or HORIZON,
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
