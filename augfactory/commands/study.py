"""Run a study: train its VAEs, make its datasets, train its classifiers, write what they say."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from augfactory.commands import evaluation_files as files
from augfactory.commands import report_pictures
from augfactory.commands.cells import run_cells
from augfactory.commands.evaluate import classifier_spec, settings_for
from augfactory.commands.evaluation_arms import online_stages
from augfactory.commands.evaluation_checks import Alert, near_duplicates
from augfactory.commands.evaluation_corrupted import corrupted_test
from augfactory.commands.evaluation_inputs import check_fit, refuse_shared, unused_rows
from augfactory.commands.expand import expand_all
from augfactory.commands.expand_request import ExpandRequest
from augfactory.commands.opening import open_any, refuse_test_split
from augfactory.commands.progress import Progress
from augfactory.commands.study_file import Study, StudyArm
from augfactory.commands.study_results import Group, write_results
from augfactory.commands.training_sets import open_training
from augfactory.commands.vae_train import VaeTrainRequest, vae_train
from augfactory.engines import processes
from augfactory.errors import RecipeError
from augfactory.evaluation.batches import images_with_views
from augfactory.evaluation.classifiers.registry import check_image_shape
from augfactory.evaluation.comparison import summarise
from augfactory.evaluation.corruptions.registry import find_profile
from augfactory.evaluation.protocol import (
    Arm,
    Cell,
    CellResult,
    CorruptedTest,
    LabelledRows,
    training_part,
)
from augfactory.evaluation.training import Diet
from augfactory.records import Int64Array, Source, SourceSpec
from augfactory.report.page import Picture
from augfactory.sources.fingerprint import fingerprint
from augfactory.sources.subset import stratified_rows
from augfactory.store.manifest import read_manifest
from augfactory.store.reader import open_version
from augfactory.vae.checkpoint import load_model
from augfactory.vae.training import checkpoint_name

MODELS, DATA = "models", "data"


@dataclass(frozen=True)
class StudyRequest:
    """What `augfactory study` was asked for: ``size`` is which of its three it is."""

    study: Study
    size: str
    out: Path
    workers: int = 1
    download: bool = False


@dataclass(frozen=True)
class StudyResult:
    """What came of it; ``document`` is what results.json holds."""

    document: dict[str, Any]
    out: Path
    files: tuple[Path, ...]
    trained: int


@dataclass(frozen=True)
class _Draw:
    """One draw of originals: its rows of the source, and labelled rows that are not among them."""

    n_train: int
    subset: int
    rows: Int64Array
    fingerprint: str
    held_out: LabelledRows | None

    @property
    def name(self) -> str:
        return f"n{self.n_train}-s{self.subset}"


@dataclass(frozen=True)
class _Material:
    """What the whole study works on."""

    spec: SourceSpec
    source: Source
    test_rows: LabelledRows
    test: Source
    alerts: tuple[Alert, ...]


def study(request: StudyRequest, progress: Progress) -> StudyResult:
    """Carry out what is missing of the study and write tables, figures and the report.

    Everything finished stands in ``out`` and is found again: models, datasets and classifiers.

    Raises:
        AugfactoryError: saying what is wrong with the study or the data.
    """
    asked, out = request.study, request.out
    classifier = classifier_spec(asked.classifier, None)
    profile = find_profile(asked.corruptions) if asked.corruptions else None
    material = _material(request, progress)
    check_image_shape(
        classifier.name, None, material.test.image_shape, len(material.test.class_names)
    )
    draws = [
        _draw(material, n_train, subset)
        for subset in range(asked.subsets)
        for n_train in asked.n_train
    ]
    files.make_folders(out)
    models = _models(request, material, draws, progress)
    missing: list[str] = []
    planned = _arms(request, material, draws, models, missing, progress)
    corrupted: CorruptedTest | None = None
    if profile is not None:
        corrupted = corrupted_test(material.test_rows, profile, out, request.workers, progress)
    settings = settings_for(classifier, asked.steps, asked.batch)
    groups: dict[Cell, int] = {
        Cell(
            arm=arm,
            test=material.test_rows,
            classifier=classifier,
            settings=settings,
            seed=seed,
            subset=draw.subset,
            held_out=draw.held_out,
            corrupted=corrupted,
        ): draw.n_train
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


def _material(request: StudyRequest, progress: Progress) -> _Material:
    asked = request.study
    size = _size(asked.size)
    spec = SourceSpec(asked.source, size, asked.colour, request.download)
    source = open_any(spec)
    refuse_test_split(source, "a training set made")
    test_spec = SourceSpec(asked.test, size, asked.colour, request.download)
    test = open_any(test_spec)
    check_fit(source, test)
    with progress.bar(
        "looking for test images among the originals", len(source) + len(test), "image"
    ) as bar:
        refuse_shared([source], test, bar.advance)
    alerts = tuple(near_duplicates(source, test))
    rows = None
    if asked.test_rows is not None and asked.test_rows < len(test):
        chosen = stratified_rows(test.labels, asked.test_rows, seed=0)
        rows, test = tuple(chosen.tolist()), test.restricted_to(chosen)
    test_rows = LabelledRows(test_spec, fingerprint(test), rows)
    return _Material(spec, source, test_rows, test, alerts)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise RecipeError("size", f"{text!r} is no size", 'Write "HEIGHTxWIDTH", such as "32x32".')
    return int(match[1]), int(match[2])


def _draw(material: _Material, n_train: int, subset: int) -> _Draw:
    rows = stratified_rows(material.source.labels, n_train, subset)
    own = fingerprint(material.source.restricted_to(rows))
    held_out, _ = unused_rows(material.source, material.spec, rows)
    return _Draw(n_train, subset, rows, own, held_out)


def _models(
    request: StudyRequest, material: _Material, draws: Sequence[_Draw], progress: Progress
) -> dict[str, Path]:
    """Train one VAE on each draw, where an arm needs it."""
    asked = request.study
    if not any(arm.vae for arm in asked.arms):
        return {}
    folders = {draw.name: request.out / MODELS / draw.name for draw in draws}
    requests = [
        VaeTrainRequest(
            material.spec,
            folders[draw.name],
            n_train=draw.n_train,
            seed=draw.subset,
            save_at_loss=asked.losses,
            **asked.vae.model_dump(),
        )
        for draw in draws
    ]
    with progress.bar("training VAEs", len(requests), "VAE") as bar:
        for _ in processes.run(partial(vae_train, progress=Progress()), requests, request.workers):
            bar.advance()
    return folders


def _arms(
    request: StudyRequest,
    material: _Material,
    draws: Sequence[_Draw],
    models: dict[str, Path],
    missing: list[str],
    progress: Progress,
) -> list[tuple[_Draw, list[Arm]]]:
    """Make every dataset; return the arms of each draw, and say in ``missing`` what is lacking."""
    asked = request.study
    wanted: list[tuple[_Draw, StudyArm, ExpandRequest]] = []
    for draw in draws:
        for arm in asked.arms:
            if arm.recipe is None:
                continue
            order = _expand_request(request, material, draw, arm, models)
            if order is None:
                missing.append(f"{arm.name}, {draw.n_train} originals, draw {draw.subset}")
            else:
                wanted.append((draw, arm, order))
    datasets = expand_all([order for _, _, order in wanted], request.workers, progress)
    made = {
        (draw.name, arm.name): dataset.path
        for (draw, arm, _), dataset in zip(wanted, datasets, strict=True)
    }
    recipes = [
        read_manifest(path).recipe for (draw, _), path in made.items() if draw == draws[0].name
    ]
    return [
        (
            draw,
            [
                _arm(material, draw, arm, made.get((draw.name, arm.name)), recipes)
                for arm in asked.arms
                if arm.recipe is None or (draw.name, arm.name) in made
            ],
        )
        for draw in draws
    ]


def _expand_request(
    request: StudyRequest,
    material: _Material,
    draw: _Draw,
    arm: StudyArm,
    models: dict[str, Path],
) -> ExpandRequest | None:
    """Return what makes the arm's dataset, None where its VAE never reached the loss."""
    recipe = arm.recipe
    assert recipe is not None and recipe.factor is not None  # noqa: PT018
    spec, n_train, checkpoint = material.spec, draw.n_train, None
    if arm.vae:
        spec, n_train = SourceSpec(str(models[draw.name])), 0
        if not isinstance(arm.vae, bool):
            checkpoint = checkpoint_name(arm.vae)
            if checkpoint not in load_model(models[draw.name]).config.result.reached:
                return None
    sampler = dict(recipe.vae or {})
    geometry = recipe.geometry
    return ExpandRequest(
        source=spec,
        out=request.out / DATA / f"{_slug(arm.name)}-{draw.name}",
        factors=(recipe.factor,),
        checkpoint=checkpoint,
        n_train=n_train or None,
        originals=recipe.originals if recipe.originals is not None else True,
        seed=draw.subset,
        geometry=None if geometry is False else geometry if isinstance(geometry, dict) else {},
        sampler=str(sampler.pop("sampler", "same-class")),
        sampler_parameters=sampler,
        mix=recipe.mix,
        workers=request.workers,
    )


def _arm(
    material: _Material,
    draw: _Draw,
    arm: StudyArm,
    dataset: Path | None,
    recipes: Sequence[dict[str, Any]],
) -> Arm:
    diet = Diet(order=arm.order, real_share=arm.real_share, loss=arm.loss)
    if dataset is None:
        if arm.name != "originals":
            stages = online_stages(arm.name, recipes, material.source.image_shape)
            diet = Diet(online=stages)
        return Arm(
            name=arm.name,
            factor=1 if arm.name == "originals" else None,
            source=material.spec,
            size=draw.n_train,
            fingerprint=draw.fingerprint,
            rows=tuple(draw.rows.tolist()),
            diet=diet,
        )
    manifest = read_manifest(dataset)
    spec = SourceSpec(str(dataset))
    training = training_part(open_training(spec), arm.part)
    if arm.loss == "jsd" and not len(images_with_views(training)[0]):
        raise RecipeError(
            f"arm {arm.name!r}: loss",
            "jsd needs two views of each image",
            'Add [[arms.mix]] with method = "augmix" and copies = 2 or more.',
        )
    return Arm(
        name=arm.name,
        factor=manifest.recipe["factor"],
        source=spec,
        size=len(training.source),
        fingerprint=manifest.content_hash,
        part=arm.part,
        diet=diet,
    )


def _pictures(planned: Sequence[tuple[_Draw, list[Arm]]], models: dict[str, Path]) -> list[Picture]:
    """Show the datasets of the first draw, and how the VAEs learnt."""
    datasets = [Path(arm.source.text) for arm in planned[0][1] if arm.rows is None]
    return [
        *report_pictures.of_versions([open_version(path) for path in datasets]),
        *report_pictures.of_models(models.values()),
    ]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-") or "arm"
