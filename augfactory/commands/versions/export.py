"""Store a dataset version in another format: all rows or some, not a pixel touched."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from augfactory.commands.expand.build import Build, Dataset, make_version
from augfactory.commands.expand.validation import Validation
from augfactory.commands.opening.recorded_recipe import check_recipe, check_rows, request_id
from augfactory.commands.progress import Progress
from augfactory.commands.versions.rows.leaving_out import (
    Fewer,
    plan_leaving_out,
    stored_without,
)
from augfactory.errors import RecipeError, VerificationError
from augfactory.guarded.files import is_there, open_inside
from augfactory.source_rows import SourceRows
from augfactory.store import shards
from augfactory.store.beside.pseudo_label_table import tables_beside
from augfactory.store.disk.atomic import remove, writing
from augfactory.store.disk.lock import Lock
from augfactory.store.formats.registry import FORMATS, read_format
from augfactory.store.formats.storage_format import Shard
from augfactory.store.manifest import MANIFEST, Manifest, is_as_listed, read_manifest
from augfactory.store.places import path_at, place_from, portable, remember
from augfactory.store.reader import Version, open_rows, read_chosen, read_rows
from augfactory.store.splits import VAL
from augfactory.store.versions import find_version, version_folders


def export(
    text: str,
    to: str | None,
    out: Path | None,
    progress: Progress,
    *,
    without: Path | None = None,
    lock: Lock = "flock",
) -> Dataset:
    """Store the version that ``text`` names in the format ``to``; None is its own.

    ``out`` is the folder of the dataset that it becomes a version of; None is its own dataset.
    ``without`` lists rows to leave out; see ``read_rejects``.
    ``lock`` says how other writers are kept out; see ``store.lock``.

    Raises:
        RecipeError: there is no such format, it cannot hold these class names, or ``out`` is a
            version.
        InputDataError: there is no such version, or the list is not one of its rows.
        VerificationError: the version is not what its manifest says.
        ResourceError: the disk is full.
    """
    if to is not None:
        to = read_format(to, "--to")
    if out is not None and is_there(out / MANIFEST):
        raise RecipeError(
            f"--out {out}",
            "this is a version, and a version never changes",
            f"Name a dataset, such as --out {out.parent}, of which the export becomes a version.",
        )
    origin = find_version(text)
    own = origin.parent if origin.parent.name else origin.resolve().parent
    manifest = read_manifest(origin)
    storage = to or manifest.format
    FORMATS[storage].check_installed()
    FORMATS[storage].check_class_names(manifest.class_names)
    fewer = None
    if without is not None:
        fewer = plan_leaving_out(origin, manifest, without, progress)
    build = _build(origin, manifest, out or own, storage, fewer)

    def make_rows(waiting: list[int]) -> Iterator[int]:
        check_files(origin, manifest, progress)
        version = open_rows(origin, manifest)
        counts = shards.count_rows(version.methods, version.source.labels, manifest.class_names)
        if manifest.counts != counts:
            raise VerificationError(
                origin / MANIFEST,
                "its counts are not those of the rows; nothing was exported",
                "Restore it from a copy; `augfactory verify` says whether more is wrong.",
            )
        shards.begin(build.building, storage, build.class_names)
        return _copied(build, version, waiting, fewer)

    def describe(made: shards.Summary, told: dict[str, Any]) -> Manifest:
        _check_content(origin, manifest, told, build)
        for name in tables_beside(manifest):
            with open_inside(origin, name) as table, writing(build.building / name) as copy:
                shutil.copyfileobj(table, copy)
        own = {
            **told,
            **_places(manifest, origin, build.folder / told["version"]),
            "semantic_version": _next_patch(build.folder, origin, manifest, told["version"]),
            "exported_from": manifest.entry,
        }
        if fewer is not None:
            own |= stored_without(fewer, origin, manifest, build.building, made)
            own["semantic_version"] = f"{told['version'].removeprefix('v')}.0.0"
        return manifest.model_copy(update=own)

    return make_version(build, make_rows, describe, lock, progress)


def _check_content(origin: Path, manifest: Manifest, told: dict[str, Any], build: Build) -> None:
    """Refuse, and remove, a copy that holds other pixels or labels than the version tells of.

    Raises:
        VerificationError: the version in ``origin`` was changed.
    """
    wrong = None
    held, published = told.get("validation"), manifest.validation
    if told["content_hash"] != build.content_hash:
        wrong = "its decoded pixels and labels are not those of its content hash"
    elif held and published and held.content_hash != published.content_hash:
        wrong = "its validation images are not those of their content hash"
    if wrong is not None:
        remove(build.building)
        raise VerificationError(
            origin,
            f"{wrong}; nothing was exported",
            f"`augfactory verify {origin}` names the files that were changed.",
        )


def _build(
    origin: Path, manifest: Manifest, folder: Path, storage: str, fewer: Fewer | None
) -> Build:
    """Return the build that stores the version in ``origin`` as one of the dataset in ``folder``.

    Raises:
        VerificationError: the recipe is none that this program knows, or makes other rows.
    """
    recipe = check_recipe(origin, manifest).model_copy(update={"format": storage})
    check_rows(origin, manifest, recipe)
    content = manifest.content_hash
    if fewer is not None:
        recipe = recipe.model_copy(update={"left_out": fewer.left_out})
        content = fewer.content_hash
    return Build(
        folder=folder,
        recipe=recipe,
        recipe_id=request_id(recipe, manifest),
        sources=len(manifest.source.rows),
        image_shape=manifest.image_shape,
        class_names=manifest.class_names,
        content_hash=content,
        validation=validation_of(origin, manifest),
    )


def validation_of(origin: Path, manifest: Manifest) -> Validation | None:
    """Return the validation images that the version in ``origin`` holds; None where there are none.

    Raises:
        VerificationError: they cannot be read.
    """
    entry = manifest.validation
    if entry is None:
        return None
    told = entry.model_dump(exclude={"source", "content_hash", "counts"}, exclude_none=True)
    source = open_rows(origin, manifest.of_validation(), VAL).source
    return Validation(entry.source, source, told)


def _copied(
    build: Build, version: Version, waiting: list[int], fewer: Fewer | None
) -> Iterator[int]:
    """Copy the rows of shards; yield how many each has."""
    names, storage = tuple(build.class_names), build.recipe.format
    for index in waiting:
        start, stop = build.ranges[index].start, build.ranges[index].stop
        shard = Shard(index, len(build.ranges), start, names)
        if fewer is None:
            rows = read_rows(version, start, stop)
        else:
            rows = read_chosen(version, fewer.kept[start:stop])
        shards.publish_shard(build.building, storage, shard, rows)
        yield stop - start


def check_files(origin: Path, manifest: Manifest, progress: Progress) -> None:
    """Pass on nothing that was damaged: the content hash does not cover every column."""
    with progress.bar("checking files", len(manifest.files), "file") as bar:
        for entry in manifest.files:
            if not is_as_listed(origin, entry):
                raise VerificationError(
                    origin / entry.path,
                    "is not as it was published; nothing was exported",
                    "Restore it from a copy; `augfactory verify` says whether more are wrong.",
                )
            bar.advance()


def _places(origin: Manifest, old: Path, new: Path) -> dict[str, Any]:
    """Return the source and the model of the version in ``old`` with their places as from ``new``.

    What has no place keeps none.
    """
    model = origin.model

    def moved(entry: SourceRows | None) -> SourceRows | None:
        if entry is None or entry.place is None:
            return entry
        there = path_at(old, entry.place)
        place = place_from(new, there)
        if place is None:
            remember(entry.fingerprint, there)
        return entry.model_copy(update={"place": place, "text": portable(entry.text)})

    for learnt in ("trained_on", "unlabelled"):
        if model is not None and model.get(learnt) is not None:
            rows = moved(SourceRows.model_validate(model[learnt]))
            model = {
                **model,
                learnt: rows and rows.model_dump(mode="json", include={*model[learnt]}),
            }
    if model is not None and model.get("place") is not None:
        there = path_at(old, model["place"])
        model = {**model, "place": place_from(new, there)}
        if model["place"] is None:
            remember(str(model.get("sha256")), there)
    held = origin.validation
    if held is not None:
        held = held.model_copy(update={"source": moved(held.source)})
    return {
        "source": moved(origin.source),
        "unlabelled": moved(origin.unlabelled),
        "model": model,
        "validation": held,
    }


def _next_patch(folder: Path, origin: Path, manifest: Manifest, version: str) -> str:
    """Return the semantic version after all that hold the same data in this dataset.

    In a dataset of another name the new version begins a MAJOR of its own.
    """
    same_dataset = folder.resolve() == origin.resolve().parent
    start = manifest.croissant_version if same_dataset else f"{version.removeprefix('v')}.0.0"
    major_minor, _, patch = start.rpartition(".")
    taken = [int(patch)]
    for each in version_folders(folder):
        with contextlib.suppress(VerificationError):
            other, _, number = read_manifest(each).croissant_version.rpartition(".")
            taken += [int(number)] if other == major_minor else []
    return f"{major_minor}.{max(taken) + 1}"
