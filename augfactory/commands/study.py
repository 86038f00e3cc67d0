"""Run a study: train its VAEs, make its datasets, train its classifiers, write what they say."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from augfactory.commands import evaluation_files as files
from augfactory.commands import report_pictures
from augfactory.commands.cells import run_cells
from augfactory.commands.evaluation_corrupted import corrupted_test
from augfactory.commands.evaluation_request import classifier_spec, settings_for
from augfactory.commands.progress import Progress
from augfactory.commands.study_file import Study
from augfactory.commands.study_plan import (
    Draw,
    StudyRequest,
    draw_originals,
    make_arms,
    open_material,
    train_models,
)
from augfactory.commands.study_results import Group, write_results
from augfactory.evaluation.classifiers.registry import check_image_shape
from augfactory.evaluation.comparison import summarise
from augfactory.evaluation.corruptions.registry import find_profile
from augfactory.evaluation.protocol import (
    Arm,
    Cell,
    CellResult,
)
from augfactory.report.page import Picture
from augfactory.store.lock import only_writer
from augfactory.store.reader import open_version


@dataclass(frozen=True)
class StudyResult:
    """What came of it; ``document`` is what results.json holds."""

    document: dict[str, Any]
    out: Path
    files: tuple[Path, ...]
    trained: int


def study(request: StudyRequest, progress: Progress) -> StudyResult:
    """Carry out what is missing of the study and write tables, figures and the report.

    Everything finished stands in ``out`` and is found again: models, datasets and classifiers.

    Raises:
        AugfactoryError: saying what is wrong with the study or the data.
    """
    asked, out = request.study, request.out
    files.check_folder(out)
    classifier = classifier_spec(asked.classifier, None)
    profile = find_profile(asked.corruptions) if asked.corruptions else None
    material = open_material(request, progress)
    check_image_shape(
        classifier.name, None, material.test.image_shape, len(material.test.class_names)
    )
    draws = [
        draw_originals(material, n_train, subset)
        for subset in range(asked.subsets)
        for n_train in asked.n_train
    ]
    with only_writer(out, request.lock):
        files.begin(out)
        models = train_models(request, material, draws, progress)
        missing: list[str] = []
        planned = make_arms(request, material, draws, models, missing, progress)
        corrupted = None
        if profile is not None:
            corrupted = corrupted_test(material.test_rows, profile, out, request.workers, progress)
        settings = settings_for(
            classifier, asked.steps, asked.batch, "auto", "auto", horizon=asked.steps
        )
        like = partial(
            Cell,
            test=material.test_rows,
            classifier=classifier,
            settings=settings,
            corrupted=corrupted,
        )
        groups = {
            like(arm=arm, seed=seed, subset=draw.subset, held_out=draw.held_out): draw.n_train
            for seed in range(asked.seeds)
            for draw, arms in planned
            for arm in arms
        }
        results, trained = run_cells(list(groups), out, request.workers, progress)
        document, written = write_results(
            out,
            asked,
            request.size,
            [_group(asked, n_train, groups, results) for n_train in asked.n_train],
            missing,
            results,
            test={
                "text": asked.test,
                "rows": len(material.test),
                "fingerprint": material.test_rows.fingerprint,
            },
            settings=asdict(settings),
            class_names=material.test.class_names,
            alerts=material.alerts,
            pictures=_pictures(planned, models),
        )
        return StudyResult(document, out, tuple(written), trained)


def count_cells(asked: Study) -> int:
    """Return how many classifiers the study trains."""
    return len(asked.arms) * len(asked.n_train) * asked.subsets * asked.seeds


def as_json(result: StudyResult) -> dict[str, Any]:
    """Return what ``--json`` prints: results.json and where it lies."""
    return {
        **result.document,
        "out": str(result.out),
        "files": [str(path) for path in result.files],
    }


def _group(
    asked: Study, n_train: int, groups: dict[Cell, int], results: Sequence[tuple[Cell, CellResult]]
) -> Group:
    own = [(cell, result) for cell, result in results if groups[cell] == n_train]
    order = [arm.name for arm in asked.arms]
    own.sort(key=lambda pair: order.index(pair[0].arm.name))
    return Group(n_train, summarise(own, asked.against))


def _pictures(planned: Sequence[tuple[Draw, list[Arm]]], models: dict[str, Path]) -> list[Picture]:
    """Show the datasets of the first draw, and how the VAEs learnt."""
    datasets = [Path(arm.source.text) for arm in planned[0][1] if arm.rows is None]
    return [
        *report_pictures.of_versions([open_version(path) for path in datasets]),
        *report_pictures.of_models(models.values()),
    ]
