"""Make datasets from source images: plan, render shard by shard, publish as versions."""

import contextlib
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from augfactory.commands.expand.build import Build, Dataset, make_version
from augfactory.commands.expand.estimate import Estimate, check_place, estimates_text
from augfactory.commands.expand.folds import plan_folds
from augfactory.commands.expand.inputs import BuildInputs, manifest_entries
from augfactory.commands.expand.rendering.job import (
    LABELLING,
    begin_job,
    begin_job_that_travels,
)
from augfactory.commands.expand.rendering.shard import render_shards
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.opening.opening import handed_on, spec_of
from augfactory.commands.opening.recorded_recipe import class_rows_of
from augfactory.commands.progress import Progress
from augfactory.engines import processes
from augfactory.engines.processes import default_workers
from augfactory.errors import AugfactoryError
from augfactory.pipeline.recipes.recipe import rendering_versions
from augfactory.pipeline.shares import is_filtered
from augfactory.sources.opening import open_source, split_suffix
from augfactory.store import shards
from augfactory.store.beside.pseudo_label_table import PSEUDO_LABELS
from augfactory.store.disk.atomic import write_file
from augfactory.store.manifest import SCHEMA_VERSION, Manifest, library_versions, read_manifest
from augfactory.store.manifest_parts import LabellingEntry


def expand(request: ExpandRequest, progress: Progress) -> list[Dataset]:
    """Make every dataset of the request that does not exist yet.

    Raises:
        AugfactoryError: saying what is wrong with the request, the data or the disk.
    """
    return [*expand_all([request], request.workers, progress, request.runs_on)]


def expand_all(
    requests: Sequence[ExpandRequest],
    workers: int,
    progress: Progress,
    engine: processes.Engine = processes.worker_pool,
) -> Iterator[Dataset]:
    """Carry out requests one by one, with one pool of ``workers`` for all; see ``expand``."""
    for request in requests:
        check_place(request)  # what is wrong with it is told before anything is made
    with engine(workers) as run:
        for request in requests:
            for each, inputs, builds in plan_folds(request, progress):
                learned: dict[str, bytes] = {}
                for build in builds:
                    yield _rendered(build, inputs, run, progress, each, learned)


def _rendered(
    build: Build,
    inputs: BuildInputs,
    run: processes.Run,
    progress: Progress,
    request: ExpandRequest,
    learned: dict[str, bytes],
) -> Dataset:
    """Make a dataset by rendering; ``learned`` keeps what classifiers learned for the next one."""
    began = time.monotonic()

    def keep(name: str, learn: Callable[[], bytes]) -> None:
        if name not in learned:
            learned[name] = learn()
        write_file(build.building / name, learned[name])

    def make_rows(waiting: list[int]) -> Iterable[int]:
        through, files = request.through, list[str]()
        if through is None:
            begin_job(build, inputs, progress)
        else:
            files = begin_job_that_travels(build, inputs, progress)
        if inputs.unlabelled is not None:
            from augfactory.commands.expand import pseudo_labelling  # torch: only where needed

            rows = inputs.unlabelled.numbers
            teach = run if through is None else _here
            keep(PSEUDO_LABELS, partial(pseudo_labelling.label, build, rows, teach, progress))
            keep(LABELLING, partial(pseudo_labelling.told_of_labels, build))
        if is_filtered(build.recipe, build.sources):
            from augfactory.commands.expand import filtering  # torch: only where needed

            judges = partial(filtering.judges_of, build, inputs.source, progress)
            keep(filtering.JUDGES, judges)
        if through is not None:
            from augfactory.commands.expand.rendering.elsewhere import render_elsewhere

            return render_elsewhere(build, waiting, run, files, through, progress)
        return render_shards(build, waiting, run)

    def describe(made: shards.Summary, told: dict[str, Any]) -> Manifest:
        told = {**told, "about": request.about}
        if LABELLING in learned:
            told["labelling"] = LabellingEntry.model_validate_json(learned[LABELLING])
        return described(build, inputs, made, told, began, progress)

    made = make_version(build, make_rows, describe, request.lock, progress)
    if made.existing and request.about not in (None, read_manifest(made.path).about):
        progress.say(
            "note: its card stays as it was: --licence, --description and --author are of new "
            "versions"
        )
    return made


def _here(function: Any, tasks: Any, at_most: int | None = None) -> Iterator[tuple[int, Any]]:
    """Run tasks on processes of this machine: others do not see the folder that they read."""
    del at_most
    return processes.run(function, tasks, default_workers())


def described(
    build: Build,
    inputs: BuildInputs,
    made: shards.Summary,
    told: dict[str, Any],
    began: float,
    progress: Progress,
) -> Manifest:
    """Return the manifest of a version that was rendered; ``began`` is when, a monotonic time."""
    progress.say(f"{build.folder.name}: publishing")
    seconds = time.monotonic() - began
    shards.join_plans(build.building, len(made.finished))
    _tell_repeats(build, told["statistics"].repeats, progress)
    final, held = build.folder / told["version"], told.get("validation")
    if held is not None:
        update = {"source": handed_on(held.source, final)}
        told = {**told, "validation": held.model_copy(update=update)}
    return Manifest(
        schema_version=SCHEMA_VERSION,
        rows=build.rows,
        class_names=build.class_names,
        image_shape=build.image_shape,
        versions=rendering_versions(build.recipe),
        counts=made.counts,
        libraries=library_versions(),
        seconds=round(seconds, 3),
        semantic_version=f"{told['version'].removeprefix('v')}.0.0",
        rejected=made.rejected,
        class_rows=class_rows_of(build.recipe),
        **manifest_entries(inputs, final),
        **told,
    )


def _tell_repeats(build: Build, repeats: int, progress: Progress) -> None:
    if repeats:
        told = f"note: {repeats:,} of {build.rows:,} rows equal an earlier one, pixels and label"
        if build.recipe.mix and not build.recipe.distinct:
            told += "; with distinct = true in a recipe mixtures that equal one of their images "
            told += "are drawn again"
        progress.say(told)


def as_json(answers: Sequence[Dataset | Estimate]) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "datasets": [
            {
                name: str(value) if isinstance(value, Path) else value
                for name, value in vars(answer).items()
            }
            for answer in answers
        ]
    }


def as_text(answers: Sequence[Dataset | Estimate], *, comparable: bool = True) -> str:
    """Return what is printed: a line for each dataset, and what says whether they help.

    ``comparable`` tells that all were made from the same images, as folds are not.
    """
    estimates = [answer for answer in answers if isinstance(answer, Estimate)]
    if estimates:
        return estimates_text(estimates)
    lines, made = [], []
    for dataset in answers:
        assert isinstance(dataset, Dataset)
        state = "exists already" if dataset.existing else f"{dataset.rows:,} rows"
        lines.append(f"{dataset.name}@{dataset.version}  {dataset.path}  {state}")
        folder = str(dataset.path.parent)
        if dataset.version != "v1" and not dataset.existing:
            lines.append(f"Earlier versions are kept: {shlex.join(['augfactory', 'log', folder])}")
        made.append(folder)
    if comparable and answers:
        test = _test_of(answers[0].path)
        words = ["augfactory", "evaluate", *made, "--test", test, "--minutes", "20"]
        lines.append(f"Next: {shlex.join(words)}")
    return "\n".join(lines)


def _test_of(path: Path) -> str:
    """Return what to test on that belongs to the version at ``path``, else a word to replace."""
    manifest = read_manifest(path)
    if manifest.validation is not None:
        return f"{path.parent}:val"
    spec = spec_of(manifest.source, path)
    if manifest.source.split == "train":
        test = f"{split_suffix(spec.text)[0]}:test"
        with contextlib.suppress(AugfactoryError):
            open_source(replace(spec, text=test))
            return test
    return "YOUR_TEST_IMAGES"
