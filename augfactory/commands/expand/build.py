"""One way to build a dataset version: lock, resume, make the missing shards, publish."""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from augfactory.commands.expand.rendering.libraries import drop_what_others_rendered
from augfactory.commands.expand.validation import Validation, entry_of, write_held
from augfactory.commands.opening.sheet import sheet
from augfactory.commands.progress import Progress
from augfactory.errors import ResourceError, VerificationError
from augfactory.pipeline import plan as planning
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.store import shards
from augfactory.store.beside.pseudo_label_table import tables_beside
from augfactory.store.checked import check_files
from augfactory.store.disk.atomic import publish_folder, write_file
from augfactory.store.disk.lock import Lock, drop_left_lock, only_writer
from augfactory.store.disk.room import check_disk
from augfactory.store.documents.card import card
from augfactory.store.documents.croissant import croissant
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import DatasetSize
from augfactory.store.manifest import (
    CHECKSUMS,
    MANIFEST,
    Manifest,
    checksums_bytes,
    content_hash,
    creation_time,
    file_entry,
    manifest_bytes,
    read_manifest,
)
from augfactory.store.versions import find_recipe, next_version

# Numbers of shards -> how many rows each has, once it is made. Called even where none is missing:
# it leaves in the building folder what else belongs to the version.
MakeRows = Callable[[list[int]], Iterable[int]]
# What all shards add up to, and values of a manifest -> the manifest, its files not yet listed.
Describe = Callable[[shards.Summary, dict[str, Any]], Manifest]


@dataclass(frozen=True)
class Build:
    """A dataset version that is to be made, and what follows from that alone.

    Attributes:
        folder: holds all versions of the dataset.
        recipe: what it consists of, and in which format.
        recipe_id: equal for equal requests.
        sources: how many source images it is made from.
        image_shape: (height, width, channels).
        class_names: in label order.
        content_hash: that of the version whose rows it copies; None where its rows are rendered.
        validation: the images of its split val; None where it has none.
    """

    folder: Path
    recipe: Recipe
    recipe_id: str
    sources: int
    image_shape: tuple[int, int, int]
    class_names: list[str]
    content_hash: str | None = None
    validation: Validation | None = None

    @property
    def building(self) -> Path:
        """Where it is built; a copy apart from what is rendered, for it holds no plans."""
        request = self.recipe_id
        if self.content_hash is not None:
            copied = f"export {self.recipe_id} {self.content_hash}"
            request = hashlib.sha256(copied.encode()).hexdigest()
        return shards.building_folder(self.folder, request)

    @property
    def rows(self) -> int:
        """How many rows it will have."""
        return planning.count_stored(self.recipe, self.sources)

    @cached_property
    def ranges(self) -> list[planning.Section]:
        """The rows of each shard."""
        return planning.stored_ranges(self.recipe, self.sources, self.image_shape)

    def expected_size(self) -> tuple[int, int]:
        """Return (bytes, files) of the data, an upper bound where pixels are compressed.

        Validation images are among it.
        """
        size = DatasetSize(
            rows=self.rows,
            shards=len(self.ranges),
            image_shape=self.image_shape,
            classes=len(self.class_names),
            parents=planning.parents(self.recipe),
        )
        storage = FORMATS[self.recipe.format]
        data, files = storage.expected_size(size)
        if self.validation is not None:
            images = len(self.validation.source)
            parts = -(-images // planning.rows_of_a_shard(self.image_shape))
            more = storage.expected_size(replace(size, rows=images, shards=parts))
            data, files = data + more[0], files + more[1]
        return data, files


@dataclass(frozen=True)
class Dataset:
    """One dataset version that a build was answered with."""

    name: str
    version: str
    path: Path
    rows: int
    content_hash: str
    existing: bool


def make_version(
    build: Build, make_rows: MakeRows, describe: Describe, lock: Lock, progress: Progress
) -> Dataset:
    """Return the version that exists already; else make it, on from where a killed run stopped.

    Raises:
        RecipeError: another process is writing there.
        ResourceError: the disk or the memory is full.
        VerificationError: the version that exists is not as published.
        AugfactoryError: whatever ``make_rows`` and ``describe`` raise.
    """
    existing = find_recipe(build.folder, build.recipe_id, build.content_hash)
    if existing is None:
        with only_writer(build.folder, lock):
            # Made by another just now?
            existing = find_recipe(build.folder, build.recipe_id, build.content_hash)
            if existing is None:
                with damage_told_as_ours(build.building):
                    make_shards(build, make_rows, progress)
                    return _answer(publish(build, describe), existing=False)
    drop_left_lock(build.folder, lock)
    check_files(existing, read_manifest(existing))
    same = "same recipe, source, seed"
    if build.content_hash is not None:
        same = "same content and format"
    progress.say(f"{build.folder.name}@{existing.name} exists already: {same}")
    return _answer(existing, existing=True)


def make_shards(build: Build, make_rows: MakeRows, progress: Progress) -> None:
    """Make every shard that is not finished yet, in the building folder.

    Raises:
        ResourceError: the disk is full.
        AugfactoryError: whatever ``make_rows`` raises.
    """
    name, ranges = build.folder.name, build.ranges
    drop_what_others_rendered(build.building, name, progress)
    waiting = _waiting(build, progress)
    missing = sum(ranges[index].stop - ranges[index].start for index in waiting)
    remedy = "Free some space, lower --factor, or name another disk with --out."
    check_disk(build.folder, *build.expected_size(), missing / build.rows, remedy)
    made = make_rows(waiting)
    done = build.rows - missing
    if done:
        progress.say(f"{name}: {done:,} of {build.rows:,} rows are kept from an earlier run")
    text = f"making {name}" if build.content_hash is None else f"writing {build.recipe.format}"
    with progress.bar(text, build.rows, "row", done) as bar:
        for rows in made:
            bar.advance(rows)


def _waiting(build: Build, progress: Progress) -> list[int]:
    """Return the shards that are still to be made; every byte of the others is read."""
    everyone = range(len(build.ranges))
    left = {index for index in everyone if shards.has_record(build.building, index)}
    if not left:
        return [*everyone]
    damaged = set()
    with progress.bar("checking what an earlier run left", len(left), "shard") as bar:
        for index in sorted(left):
            if shards.finished_shard(build.building, index) is None:
                damaged.add(index)
            bar.advance()
    return [index for index in everyone if index in damaged or index not in left]


def read_records(build: Build) -> Iterator[shards.ShardRecord]:
    """Yield the records of all shards, in order; whoever keeps them all keeps 32 bytes a row.

    Raises:
        ResourceError: one is not there.
    """
    for index in range(len(build.ranges)):
        # What an earlier run left was held to its hashes before this one made the rest.
        record = shards.finished_shard(build.building, index, rehash=False)
        if record is None:
            raise ResourceError(
                build.building,
                "a shard vanished while the dataset was built",
                "Leave this folder alone while it is written, and run the same command again.",
            )
        yield record


def publish(build: Build, describe: Describe) -> Path:
    """Add documents, hashes and at last the manifest; give the folder its public name."""
    building, names = build.building, build.class_names
    summary = shards.Summary(build.rows, building)
    hashed = content_hash(build.image_shape, names, summary.digests(read_records(build)))
    held = write_held(building, build.recipe, build.validation)
    manifest = describe(
        summary,
        {
            "name": build.folder.name,
            "version": next_version(build.folder),
            "recipe": build.recipe.model_dump(mode="json"),
            "recipe_id": build.recipe_id,
            "content_hash": hashed,
            "files": [],
            "created": creation_time(),
            "statistics": summary.statistics(),
            **(
                {}
                if build.validation is None or held is None
                else {"validation": entry_of(build.validation, held)}
            ),
        },
    )
    manifest = _adding(
        building,
        manifest.model_copy(update={"files": summary.files}),
        *tables_beside(manifest),
        *(held.paths if held else ()),
        *shards.finish(
            building, build.recipe.format, summary.finished, names, held.shards if held else []
        ),
    )
    write_file(building / "preview.png", sheet(building, manifest))
    write_file(building / "README.md", card(manifest).encode())
    manifest = _adding(building, manifest, "preview.png", "README.md")
    write_file(building / "croissant.json", croissant(manifest).encode())
    manifest = _adding(building, manifest, "croissant.json")
    shards.drop_all_but(building, manifest)
    data = manifest_bytes(manifest)
    write_file(building / CHECKSUMS, checksums_bytes(manifest.files, data))
    write_file(building / MANIFEST, data)
    final = build.folder / manifest.version
    publish_folder(building, final)
    return final


def _adding(building: Path, manifest: Manifest, *paths: str) -> Manifest:
    more = [file_entry(building, path) for path in paths]
    return manifest.model_copy(update={"files": [*manifest.files, *more]})


@contextlib.contextmanager
def damage_told_as_ours(building: Path) -> Iterator[None]:
    """Tell what vanished from a dataset under construction as such: nothing is published yet.

    Raises:
        ResourceError: a file in ``building`` was missing or damaged.
    """
    try:
        yield
    except VerificationError as error:
        if not error.where.startswith((str(building), str(building.resolve()))):
            raise  # it is that of a source
        raise ResourceError(
            error.where,
            f"{error.what}, while the dataset was being made",
            "Leave this folder alone while it is written, and run the same command again.",
        ) from error


def _answer(folder: Path, *, existing: bool) -> Dataset:
    manifest = read_manifest(folder)
    return Dataset(
        manifest.name, manifest.version, folder, manifest.rows, manifest.content_hash, existing
    )
