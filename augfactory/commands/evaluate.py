"""Train classifiers on datasets and on their originals alone, and say what the datasets gain."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from augfactory.commands import evaluation_checks as checks
from augfactory.commands import evaluation_files as files
from augfactory.commands.cells import run_cells
from augfactory.commands.evaluation_arms import (
    DEFAULT_ARMS,
    ONLINE_GEOMETRY,
    ORIGINALS,
    ArmsRequest,
)
from augfactory.commands.evaluation_corrupted import corrupted_test
from augfactory.commands.evaluation_inputs import Inputs, gather
from augfactory.commands.evaluation_report import write_report
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError, RecipeError, unknown_name
from augfactory.evaluation.batches import read_order
from augfactory.evaluation.classifiers.registry import check_image_shape, find_classifier
from augfactory.evaluation.comparison import ArmSummary, summarise
from augfactory.evaluation.corruptions.registry import find_profile
from augfactory.evaluation.losses import read_loss
from augfactory.evaluation.protocol import Cell, ClassifierSpec, CorruptedTest
from augfactory.evaluation.training import TrainingSettings
from augfactory.guarded.files import open_regular, sha256_of
from augfactory.guarded.tensors import LARGEST_WEIGHTS
from augfactory.records import SourceSpec
from augfactory.store.atomic import write_file
from augfactory.store.lock import Lock, only_writer
from augfactory.store.manifest import library_versions

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class EvaluateRequest:
    """What `augfactory evaluate` was asked for.

    ``seeds`` is how many classifiers are trained on each arm. ``arms`` are those beside the
    originals and the datasets; see ``ArmsRequest``. ``baseline`` is the arm that all are compared
    with. ``held_out`` None takes unused training rows.
    ``out`` None is the folder ``NAME-evaluation`` beside the first dataset; ``lock`` is how other
    writers are kept out of it.
    """

    datasets: tuple[str, ...]
    test: SourceSpec
    classifier: str = "vgg"
    weights: Path | None = None
    seeds: int = 3
    steps: int = TrainingSettings.steps
    batch: int = TrainingSettings.batch
    loss: str = "ce"
    order: str = "shuffled"
    arms: tuple[str, ...] = DEFAULT_ARMS
    baseline: str = ORIGINALS
    real_share: float = 0.5
    held_out: SourceSpec | None = None
    corruptions: str | None = None
    workers: int = 1
    out: Path | None = None
    lock: Lock = "flock"


@dataclass(frozen=True)
class EvaluateResult:
    """What came of it: ``arms`` with the originals first, and the files that were written.

    ``document`` is what results.json holds; ``trained`` counts the classifiers trained now, the
    others were kept from an earlier run of the same evaluation.
    """

    arms: tuple[ArmSummary, ...]
    baseline: str
    document: dict[str, Any]
    out: Path
    files: tuple[Path, ...]
    trained: int


def evaluate(request: EvaluateRequest, progress: Progress) -> EvaluateResult:
    """Train and test every arm with every seed, and write the results.

    All arms get the same number of optimiser steps, the same batch size and the same initial
    weights for the same seed. Finished classifiers are kept in ``out``, so that the same command
    goes on where a killed one stood. One evaluation at a time may write to a folder.

    Raises:
        AugfactoryError: saying what is wrong with the request or the data.
    """
    wanted = _check(request)
    classifier = classifier_spec(request.classifier, request.weights)
    profile = find_profile(request.corruptions) if request.corruptions else None
    inputs = gather(request.datasets, request.test, request.held_out, wanted, progress)
    check_image_shape(
        classifier.name, classifier.weights, inputs.test.image_shape, len(inputs.test.class_names)
    )
    names = [arm.name for arm in inputs.arms]
    if request.baseline not in names:
        raise unknown_name("--baseline", "arm", request.baseline, names)
    out = request.out or _default_folder(inputs)
    files.check_folder(out)
    with only_writer(out, request.lock):
        files.begin(out)
        alerts = checks.before_training(inputs, request.seeds, profile)
        for alert in alerts:
            progress.say(f"{alert.level}: {alert.text}")
        corrupted = None
        if profile is not None:
            corrupted = corrupted_test(inputs.test_rows, profile, out, request.workers, progress)
        cells = _cells(request, inputs, classifier, corrupted)
        asked = files.request_id(cells, request.baseline)
        if (note := files.other_results(out, asked)) is not None:
            progress.say(note)
        results, trained = run_cells(cells, out, request.workers, progress)
        arms = summarise(results, (request.baseline, ORIGINALS, ONLINE_GEOMETRY))
        alerts += checks.after_training(arms)
        document = {**_document(request, inputs, cells[0], arms, alerts), "request_id": asked}
        write_file(out / files.RESULTS, files.json_bytes(document))
        write_file(out / "results.csv", files.cells_csv(results))
        written = [
            out / files.RESULTS,
            out / "results.csv",
            *write_report(out, document, arms, inputs),
        ]
        return EvaluateResult(arms, request.baseline, document, out, tuple(written), trained)


def as_json(result: EvaluateResult) -> dict[str, Any]:
    """Return what ``--json`` prints: results.json and where it lies."""
    return {
        **result.document,
        "out": str(result.out),
        "files": [str(path) for path in result.files],
    }


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


def settings_for(classifier: ClassifierSpec, steps: int, batch: int) -> TrainingSettings:
    """Return the settings that the classifier is trained with."""
    known = find_classifier(classifier.name, classifier.weights)
    return TrainingSettings(steps, batch, known.learning_rate, known.weight_decay)


def _check(request: EvaluateRequest) -> ArmsRequest:
    if not request.datasets:
        raise RecipeError("evaluate", "no dataset is named", "Name at least one: NAME or NAME@vN.")
    for option, value in (
        ("--seeds", request.seeds),
        ("--steps", request.steps),
        ("--batch", request.batch),
        ("--workers", request.workers),
    ):
        if value < 1:
            raise RecipeError(option, f"{value} is too few", "Give 1 or more.")
    if not 0 < request.real_share < 1:
        raise RecipeError(
            "--real-share",
            f"{request.real_share:g} is no share of a batch",
            "Give a number between 0 and 1, such as 0.5.",
        )
    return ArmsRequest(
        arms=request.arms,
        real_share=request.real_share,
        order=read_order(request.order),
        loss=read_loss(request.loss),
    )


def _default_folder(inputs: Inputs) -> Path:
    dataset = inputs.versions[0].folder.parent
    return dataset.with_name(f"{dataset.name}-evaluation")


def _cells(
    request: EvaluateRequest,
    inputs: Inputs,
    classifier: ClassifierSpec,
    corrupted: CorruptedTest | None,
) -> Sequence[Cell]:
    """Return all cells, seed by seed, so that an early end leaves whole comparisons."""
    settings = settings_for(classifier, request.steps, request.batch)
    return [
        Cell(
            arm=arm,
            test=inputs.test_rows,
            classifier=classifier,
            settings=settings,
            seed=seed,
            held_out=inputs.held_out,
            corrupted=corrupted,
        )
        for seed in range(request.seeds)
        for arm in inputs.arms
    ]


def _document(
    request: EvaluateRequest,
    inputs: Inputs,
    cell: Cell,
    arms: Sequence[ArmSummary],
    alerts: Sequence[checks.Alert],
) -> dict[str, Any]:
    """Return what results.json holds; times apart, the same whenever it is run."""
    shown = [files.arm_document(arm, request.baseline, request.corruptions) for arm in arms]
    said = [arm["sentence"] for arm in shown if arm["sentence"]]
    test, held_out = inputs.test_rows, inputs.held_out_source
    return {
        "schema_version": SCHEMA_VERSION,
        "sentence": said[-1] if said else "",
        "sentences": said,
        "alerts": [asdict(alert) for alert in alerts],
        "arms": shown,
        "baseline": request.baseline,
        "classifier": request.classifier,
        "settings": {**asdict(cell.settings), "loss": request.loss, "order": request.order},
        "class_names": list(inputs.test.class_names),
        "test": {
            "text": test.source.text,
            "size": test.source.size,
            "colour": test.source.colour,
            "rows": len(inputs.test),
            "fingerprint": test.fingerprint,
        },
        "held_out": held_out and {"text": held_out.name, "rows": len(held_out)},
        "datasets": [
            {
                "name": version.manifest.name,
                "version": version.manifest.version,
                "rows": version.manifest.rows,
                "content_hash": version.manifest.content_hash,
                "path": str(version.folder),
                "recipe": version.manifest.recipe,
                "recipe_id": version.manifest.recipe_id,
                "counts": version.manifest.counts,
            }
            for version in inputs.versions
        ],
        "libraries": library_versions(),
    }
