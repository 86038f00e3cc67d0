"""Store a dataset version in another format: the same rows, not a pixel touched."""

import contextlib
import hashlib
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from augfactory.commands.expand.expand import Dataset, answer, check_disk, damage_told_as_ours
from augfactory.commands.expand.publish import publish_version, read_records
from augfactory.commands.expand.request import read_format
from augfactory.commands.opening.recorded_recipe import check_recipe, request_id
from augfactory.commands.progress import Progress
from augfactory.errors import RecipeError, VerificationError
from augfactory.guarded.files import is_there, open_inside
from augfactory.pipeline.plan import Section, count_rows, shard_ranges
from augfactory.pipeline.recipe import Recipe
from augfactory.store import shards
from augfactory.store.disk.atomic import remove, writing
from augfactory.store.disk.lock import Lock, drop_left_lock, only_writer
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import Extent, Shard
from augfactory.store.manifest import (
    MANIFEST,
    Manifest,
    content_hash,
    creation_time,
    file_entry,
    is_as_listed,
    read_manifest,
)
from augfactory.store.manifest_parts import ExportEntry, SourceEntry
from augfactory.store.places import path_at, place_from
from augfactory.store.pseudo_label_table import tables_beside
from augfactory.store.reader import Version, open_rows, read_rows
from augfactory.store.statistics import statistics_of
from augfactory.store.versions import find_version, next_version, version_folders


@dataclass(frozen=True)
class _Order:
    """A version that is to be stored in ``format`` as a version of the dataset in ``folder``."""

    origin: Path
    folder: Path
    format: str

    @cached_property
    def manifest(self) -> Manifest:
        """That of the version which is exported."""
        return read_manifest(self.origin)

    @cached_property
    def recipe(self) -> Recipe:
        """That of the origin, but for the format."""
        recipe = check_recipe(self.origin, self.manifest)
        return recipe.model_copy(update={"format": self.format})

    @cached_property
    def recipe_id(self) -> str:
        """What `expand` would call the same request with this format."""
        return request_id(self.recipe, self.manifest)

    @property
    def building(self) -> Path:
        """Where it is built: apart from what `expand` builds, for it holds no plans."""
        request = f"export {self.recipe_id} {self.manifest.content_hash}"
        return shards.building_folder(self.folder, hashlib.sha256(request.encode()).hexdigest())

    @cached_property
    def ranges(self) -> list[Section]:
        """The rows of each shard: as `expand` would cut them."""
        manifest = self.manifest
        rows = count_rows(self.recipe, len(manifest.source.rows))
        if rows != manifest.rows:
            raise VerificationError(
                self.origin / MANIFEST,
                f"its recipe makes {rows:,} rows, and it has {manifest.rows:,}",
                "Run `augfactory verify` on this version.",
            )
        return shard_ranges(self.recipe, len(manifest.source.rows), manifest.image_shape)


def export(
    text: str, to: str, out: Path | None, progress: Progress, *, lock: Lock = "flock"
) -> Dataset:
    """Store the version that ``text`` names in the format ``to``.

    ``out`` is the folder of the dataset that it becomes a version of; None is its own dataset.
    ``lock`` says how other writers are kept out; see ``store.lock``.

    Raises:
        RecipeError: there is no such format, it cannot hold these class names, or ``out`` is a
            version.
        InputDataError: there is no such version.
        VerificationError: the version is not what its manifest says.
        ResourceError: the disk is full.
    """
    storage = read_format(to, "--to")
    if out is not None and is_there(out / MANIFEST):
        raise RecipeError(
            f"--out {out}",
            "this is a version, and a version never changes",
            f"Name a dataset, such as --out {out.parent}, of which the export becomes a version.",
        )
    origin = find_version(text)
    own = origin.parent if origin.parent.name else origin.resolve().parent
    order = _Order(origin, out or own, storage)
    FORMATS[storage].check_class_names(order.manifest.class_names)
    existing = _find(order)
    if existing is None:
        with only_writer(order.folder, lock):
            existing = _find(order)  # made by another just now?
            if existing is None:
                with damage_told_as_ours(order.building):
                    return answer(_make(order, progress), existing=False)
    drop_left_lock(order.folder, lock)
    progress.say(f"{order.folder.name}@{existing.name} exists already: same content and format")
    return answer(existing, existing=True)


def _find(order: _Order) -> Path | None:
    for folder in reversed(version_folders(order.folder)):
        try:
            manifest = read_manifest(folder)
        except VerificationError:
            continue  # a damaged version keeps nobody from a new one
        if (manifest.recipe_id, manifest.content_hash) == (
            order.recipe_id,
            order.manifest.content_hash,
        ):
            return folder
    return None


def _make(order: _Order, progress: Progress) -> Path:
    _check_files(order, progress)
    version, building, ranges = (
        open_rows(order.origin, order.manifest),
        order.building,
        order.ranges,
    )
    manifest = version.manifest
    names = manifest.class_names
    if manifest.counts != shards.count_rows(version.methods, version.source.labels, names):
        raise VerificationError(
            order.origin / MANIFEST,
            "its counts are not those of the rows; nothing was exported",
            "Restore it from a copy; `augfactory verify` says whether more is wrong.",
        )
    waiting = [
        index for index in range(len(ranges)) if shards.finished_shard(building, index) is None
    ]
    missing = sum(ranges[index].stop - ranges[index].start for index in waiting)
    check_disk(order.folder, *_expected_size(order, version), missing / manifest.rows)
    shards.begin(building, order.format, manifest.class_names)
    done = manifest.rows - missing
    if done:
        progress.say(f"{done:,} of {manifest.rows:,} rows stand from an earlier run")
    with progress.bar(f"writing {order.format}", manifest.rows, "row", done) as bar:
        for index in waiting:
            start, stop = ranges[index].start, ranges[index].stop
            shard = Shard(index, len(ranges), start, tuple(manifest.class_names))
            shards.publish_shard(building, order.format, shard, read_rows(version, start, stop))
            bar.advance(stop - start)
    return _publish(order)


def _check_files(order: _Order, progress: Progress) -> None:
    """Pass on nothing that was damaged: the content hash does not cover every column."""
    files = order.manifest.files
    with progress.bar("checking files", len(files), "file") as bar:
        for entry in files:
            if not is_as_listed(order.origin, entry):
                raise VerificationError(
                    order.origin / entry.path,
                    "is not as it was published; nothing was exported",
                    "Restore it from a copy; `augfactory verify` says whether more are wrong.",
                )
            bar.advance()


def _expected_size(order: _Order, version: Version) -> tuple[int, int]:
    manifest = version.manifest
    extent = Extent(
        rows=manifest.rows,
        shards=len(order.ranges),
        image_shape=manifest.image_shape,
        classes=len(manifest.class_names),
        parents=version.source_index.shape[1],
    )
    return FORMATS[order.format].expected_size(extent)


def _publish(order: _Order) -> Path:
    building, origin = order.building, order.manifest
    records = read_records(building, len(order.ranges))
    digests = [record.digests for record in records]
    if content_hash(origin.image_shape, origin.class_names, digests) != origin.content_hash:
        remove(building)
        raise VerificationError(
            order.origin,
            "its decoded pixels and labels are not those of its content hash; nothing was exported",
            f"`augfactory verify {order.origin}` names the files that were changed.",
        )
    kept = tables_beside(labelled=origin.unlabelled is not None)
    for name in kept:
        with open_inside(order.origin, name) as table, writing(building / name) as copy:
            shutil.copyfileobj(table, copy)
    paths = [*kept, *shards.finish(building, order.format, records, origin.class_names)]
    version = next_version(order.folder)
    manifest = origin.model_copy(
        update={
            **_places(origin, order.origin, order.folder / version),
            "name": order.folder.name,
            "version": version,
            "recipe": order.recipe.model_dump(mode="json"),
            "recipe_id": order.recipe_id,
            "files": [
                *(entry for record in records for entry in record.files),
                *(file_entry(building, path) for path in paths),
            ],
            "created": creation_time(),
            "semantic_version": _next_patch(order, version),
            "statistics": statistics_of([record.sums for record in records], digests),
            "exported_from": ExportEntry(
                name=origin.name, version=origin.version, content_hash=origin.content_hash
            ),
        }
    )
    return publish_version(building, order.folder, manifest)


def _places(origin: Manifest, old: Path, new: Path) -> dict[str, Any]:
    """Return the source and the model of the version in ``old`` with their places as from ``new``.

    What has no place keeps none.
    """
    model = origin.model

    def moved(entry: SourceEntry | None) -> SourceEntry | None:
        if entry is None or entry.place is None:
            return entry
        return entry.model_copy(update={"place": place_from(new, path_at(old, entry.place))})

    if model is not None and model.get("place") is not None:
        model = {**model, "place": place_from(new, path_at(old, model["place"]))}
    return {"source": moved(origin.source), "unlabelled": moved(origin.unlabelled), "model": model}


def _next_patch(order: _Order, version: str) -> str:
    """Return the semantic version after all that hold the same data in this dataset.

    In a dataset of another name the new version begins a MAJOR of its own.
    """
    same_dataset = order.folder.resolve() == order.origin.resolve().parent
    start = order.manifest.croissant_version if same_dataset else f"{version.removeprefix('v')}.0.0"
    major_minor, _, patch = start.rpartition(".")
    taken = [int(patch)]
    for folder in version_folders(order.folder):
        with contextlib.suppress(VerificationError):
            other, _, number = read_manifest(folder).croissant_version.rpartition(".")
            taken += [int(number)] if other == major_minor else []
    return f"{major_minor}.{max(taken) + 1}"
