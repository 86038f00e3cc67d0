"""Train classifiers on datasets and on their originals alone, and say what the datasets gain."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from augfactory.commands import evaluation_files as files
from augfactory.commands.evaluation_inputs import ORIGINALS, Inputs, gather
from augfactory.commands.opening import open_any
from augfactory.commands.progress import Progress
from augfactory.engines import processes
from augfactory.errors import RecipeError, unknown_name
from augfactory.evaluation.classifiers.registry import classifier_builder
from augfactory.evaluation.protocol import (
    ArmSummary,
    Cell,
    cell_key,
    run_cell,
    summarise,
)
from augfactory.evaluation.training import TrainingSettings
from augfactory.records import SourceSpec

LOSSES = ("ce", "jsd")


@dataclass(frozen=True)
class EvaluateRequest:
    """What `augfactory evaluate` was asked for.

    ``seeds`` is how many classifiers are trained on each arm. ``out`` None is the folder
    ``NAME-evaluation`` beside the first dataset.
    """

    datasets: tuple[str, ...]
    test: SourceSpec
    classifier: str = "vgg"
    seeds: int = 3
    steps: int = TrainingSettings.steps
    batch: int = TrainingSettings.batch
    loss: str = "ce"
    corruptions: str | None = None
    workers: int = 1
    out: Path | None = None


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
    goes on where a killed one stood.

    Raises:
        AugfactoryError: saying what is wrong with the request or the data.
    """
    _check(request)
    inputs = gather(request.datasets, request.test, progress)
    out = request.out or _default_folder(inputs)
    files.make_folders(out)
    cells = _cells(request, inputs)
    kept = {cell_key(cell): files.load_cell(out, cell) for cell in cells}
    done = {key: result for key, result in kept.items() if result is not None}
    waiting = list({cell_key(cell): cell for cell in cells if cell_key(cell) not in done}.values())
    if done:
        progress.say(f"{len(done)} of {len(kept)} classifiers stand in {out} from an earlier run")
    with progress.bar("training classifiers", len(kept), "classifier", len(done)) as bar:
        train = partial(run_cell, open_source=open_any)
        for index, result in processes.run(train, waiting, request.workers):
            files.save_cell(out, waiting[index], result)
            done[cell_key(waiting[index])] = result
            bar.advance(1, accuracy=result.accuracy)
    results = [(cell, done[cell_key(cell)]) for cell in cells]
    arms = summarise(results)
    document = files.results_document(inputs, cells, arms, ORIGINALS)
    written = files.write_results(out, document, results, arms)
    return EvaluateResult(arms, ORIGINALS, document, out, written, len(waiting))


def as_json(result: EvaluateResult) -> dict[str, Any]:
    """Return what ``--json`` prints: results.json and where it lies."""
    return {
        **result.document,
        "out": str(result.out),
        "files": [str(path) for path in result.files],
    }


def _check(request: EvaluateRequest) -> None:
    if not request.datasets:
        raise RecipeError("evaluate", "no dataset is named", "Name at least one: NAME or NAME@vN.")
    if request.loss not in LOSSES:
        raise unknown_name("--loss", "loss", request.loss, list(LOSSES))
    if request.loss == "jsd":
        raise RecipeError(
            "--loss jsd",
            "it needs datasets with two views of each image, which cannot be made yet",
            "Use --loss ce, cross entropy with soft labels.",
        )
    if request.corruptions is not None:
        raise RecipeError(
            "--corruptions",
            "corrupted test images cannot be made yet",
            "Leave the option out; they come with a later release.",
        )
    classifier_builder(request.classifier)
    for option, value in (
        ("--seeds", request.seeds),
        ("--steps", request.steps),
        ("--batch", request.batch),
        ("--workers", request.workers),
    ):
        if value < 1:
            raise RecipeError(option, f"{value} is too few", "Give 1 or more.")


def _default_folder(inputs: Inputs) -> Path:
    dataset = inputs.versions[0].folder.parent
    return dataset.with_name(f"{dataset.name}-evaluation")


def _cells(request: EvaluateRequest, inputs: Inputs) -> Sequence[Cell]:
    """Return all cells, seed by seed, so that an early end leaves whole comparisons."""
    settings = TrainingSettings(steps=request.steps, batch=request.batch)
    return [
        Cell(
            arm=arm,
            test=inputs.test_spec,
            test_fingerprint=inputs.test_fingerprint,
            classifier=request.classifier,
            settings=settings,
            seed=seed,
        )
        for seed in range(request.seeds)
        for arm in inputs.arms
    ]
