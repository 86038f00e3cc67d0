"""Render a version again from what its manifest says, and compare."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augfactory.commands.expand.build import Build, damage_told_as_ours, make_shards, read_records
from augfactory.commands.expand.inputs import BuildInputs, build_of
from augfactory.commands.expand.rendering.job import begin_job
from augfactory.commands.expand.rendering.shard import render_shards
from augfactory.commands.opening.recorded_recipe import check_rows, recipe_of
from augfactory.commands.progress import Progress
from augfactory.commands.versions.differences import between
from augfactory.commands.versions.found_again import gather_again, refuse_model
from augfactory.commands.versions.rendered import Rendered, digests_array, hold_to
from augfactory.commands.versions.rows.rejected_draws import (
    read_rejected,
    read_rejected_of_left_out,
)
from augfactory.commands.versions.verifying.validation_problems import check_again
from augfactory.engines import processes
from augfactory.errors import InputDataError, ResourceError
from augfactory.pipeline.left_out import kept_rows
from augfactory.pipeline.recipes.recipe import Recipe, rendering_versions
from augfactory.pipeline.settle import count_rejected
from augfactory.pipeline.shares import is_filtered
from augfactory.store import shards
from augfactory.store.beside.pseudo_label_table import copy_pseudo_labels
from augfactory.store.disk.scratch import scratch_folder
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import METADATA_COLUMNS
from augfactory.store.manifest import Manifest, library_versions, read_manifest
from augfactory.store.reader import Version, open_rows
from augfactory.store.tables import Expected
from augfactory.store.versions import find_version


@dataclass(frozen=True)
class Reproduced:
    """A version that was rendered again, bit by bit the same.

    ``validation`` is how many validation images were compared with their source. ``warnings`` tell
    which methods and libraries are no longer those that made it.
    """

    name: str
    version: str
    path: Path
    rows: int
    content_hash: str
    warnings: tuple[str, ...]
    seconds: float
    validation: int = 0


def reproduce(
    text: str,
    progress: Progress,
    *,
    source: str | None = None,
    model: Path | None = None,
    workers: int = 1,
    validation: str | None = None,
) -> Reproduced:
    """Render the version that ``text`` names again, and compare it with its manifest and files.

    ``source``, ``model`` and ``validation`` say where its source, its model and the user's own
    validation images lie now. What is rendered goes to a temporary folder, which is gone at the
    end, whatever the end is. Its validation images are read again and compared first.

    Raises:
        InputDataError: there is no such version, or its source or model changed or is gone.
        VerificationError: what was rendered is not what was published, naming the rows.
        ResourceError: the disk or the memory is too small.
    """
    began = time.monotonic()
    folder = find_version(text)
    manifest = read_manifest(folder)
    recipe = _read_recipe(manifest)
    warnings = _warnings(manifest, recipe)
    for warning in warnings:
        progress.say(f"warning: {warning}")
    refuse_model(manifest, model)
    check_rows(folder, manifest, recipe)
    version = open_rows(folder, manifest)
    held = check_again(version, source, validation, progress)
    inputs = gather_again(folder, manifest, recipe, source, model, progress)
    with scratch_folder("reproduce") as scratch:
        # Pixels are the same in every format; this one needs few files. The name is ours: one
        # from a manifest could lead anywhere.
        in_hdf5 = recipe.model_copy(update={"format": "hdf5", "left_out": ()})
        build = build_of(scratch / "reproduction", in_hdf5, inputs)
        rendered = _render(build, inputs, version, workers, progress)
    if recipe.left_out:
        rendered = _without_left_out(rendered, recipe, version)
    hold_to(version, build, rendered, warnings, progress)
    return Reproduced(
        manifest.name,
        manifest.version,
        folder,
        manifest.rows,
        manifest.content_hash,
        warnings,
        round(time.monotonic() - began, 3),
        held,
    )


def _read_recipe(manifest: Manifest) -> Recipe:
    try:
        return recipe_of(manifest)
    except ValueError as error:
        made_with = manifest.libraries.get("augfactory", "another one")
        raise InputDataError(
            manifest.address,
            f"its recipe is not one that this program can render: {error}",
            f"Use the augfactory that made it: {made_with}.",
        ) from error


def _warnings(manifest: Manifest, recipe: Recipe) -> tuple[str, ...]:
    methods = between(manifest.versions, rendering_versions(recipe))
    libraries = between(
        manifest.libraries,
        {name: v for name, v in library_versions().items() if name in manifest.libraries},
    )
    return (
        *(f"method version differs: {difference.as_text()}" for difference in methods),
        *(f"library differs: {difference.as_text()}" for difference in libraries),
    )


def _render(
    build: Build, inputs: BuildInputs, version: Version, workers: int, progress: Progress
) -> Rendered:
    def make_rows(waiting: list[int]) -> Iterator[int]:
        begin_job(build, inputs, progress)
        if build.recipe.pseudo_label is not None and inputs.unlabelled is not None:
            # As they were given: classifiers trained again may round others.
            images, classes = len(inputs.unlabelled.rows), len(build.class_names)
            copy_pseudo_labels(version.folder, build.building, images, classes)
        if is_filtered(build.recipe, build.sources):
            _take_rejected(version, build.building)
        return render_shards(build, waiting, run)

    try:
        with processes.worker_pool(workers) as run, damage_told_as_ours(build.building):
            make_shards(build, make_rows, progress)
            summary = shards.Summary(build.rows, build.building)
            digests = b"".join(summary.digests(read_records(build)))
    except ResourceError as error:
        raise ResourceError(
            error.where,
            error.what,
            "Free some of it: the environment's TMPDIR says where it is rendered, "
            "and fewer --workers take less memory.",
        ) from error
    paths = [entry.path for entry in summary.files]
    expected = Expected(build.rows, tuple(build.class_names))
    parts = [*FORMATS["hdf5"].read_columns(build.building, paths, expected)]
    return Rendered(
        digests_array(digests),
        {name: np.concatenate([part[name] for part in parts]) for name in METADATA_COLUMNS},
        summary.counts,
        summary.rejected,
    )


def _take_rejected(version: Version, building: Path) -> None:
    """Draw decoded rows as often as they were drawn: judges trained again may round others."""
    from augfactory.commands.expand.filtering import keep_rejected  # torch: only where needed

    rejected = read_rejected(version.folder, version.manifest.rows)
    left_out = version.manifest.left_out
    if left_out:
        whole = np.empty((len(rejected) + len(left_out), rejected.shape[1]), dtype=np.int64)
        whole[kept_rows(left_out, len(whole))] = rejected
        whole[left_out] = read_rejected_of_left_out(version.folder, left_out)
        rejected = whole
    keep_rejected(building, rejected)


def _without_left_out(rendered: Rendered, recipe: Recipe, version: Version) -> Rendered:
    """Return those of the rendered rows that the version is stored with."""
    kept = kept_rows(recipe.left_out, len(rendered.digests))
    columns = {name: values[kept] for name, values in rendered.columns.items()}
    names, labels = version.manifest.class_names, columns["label"]
    rejected = None
    if rendered.rejected is not None:
        rejected = count_rejected(
            read_rejected(version.folder, version.manifest.rows), labels, names
        )
    return Rendered(
        rendered.digests[kept],
        columns,
        shards.count_rows(columns["method"], labels, names),
        rejected,
    )
