"""Render a version again from what its manifest says, and compare."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from augfactory.commands.differences import between
from augfactory.commands.expand import make_shards
from augfactory.commands.orders import Order
from augfactory.commands.progress import Progress
from augfactory.commands.reproduce_ingredients import address, gather_again
from augfactory.commands.shard_rows import rows_in_words, rows_of_files
from augfactory.engines import processes
from augfactory.errors import (
    InputDataError,
    RecipeError,
    ResourceError,
    VerificationError,
)
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipe import Recipe, method_of, rendering_versions
from augfactory.records import UInt8Array
from augfactory.store import shards
from augfactory.store.manifest import (
    Manifest,
    content_hash,
    library_versions,
    read_manifest,
    row_digests,
)
from augfactory.store.reader import open_rows, read_stretches
from augfactory.store.versions import find_version
from augfactory.vae.samplers.registry import SAMPLERS

DIGEST_BYTES = 32


@dataclass(frozen=True)
class Reproduced:
    """A version that was rendered again, bit by bit the same.

    ``warnings`` tell which methods and libraries are no longer those that made it.
    """

    name: str
    version: str
    path: Path
    rows: int
    content_hash: str
    warnings: tuple[str, ...]
    seconds: float


def reproduce(
    text: str,
    progress: Progress,
    *,
    source: str | None = None,
    model: Path | None = None,
    workers: int = 1,
) -> Reproduced:
    """Render the version that ``text`` names again, and compare it with its manifest and files.

    ``source`` and ``model`` say where its source and its model lie now. What is rendered goes to a
    temporary folder, which is gone at the end, whatever the end is.

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
    if model is not None and manifest.model is None:
        raise RecipeError(
            "--model", f"{address(manifest)} was made without a model", "Leave --model out."
        )
    ingredients = gather_again(folder, manifest, recipe, source, model, progress)
    with tempfile.TemporaryDirectory(prefix="augfactory-reproduce-") as temporary:
        # Pixels are the same in every format; this one needs few files.
        order = Order(
            Path(temporary) / manifest.name,
            recipe.model_copy(update={"format": "hdf5"}),
            ingredients,
        )
        rendered = _render(order, workers, progress)
    _compare(folder, manifest, order, rendered, warnings, progress)
    return Reproduced(
        manifest.name,
        manifest.version,
        folder,
        manifest.rows,
        manifest.content_hash,
        warnings,
        round(time.monotonic() - began, 3),
    )


def _read_recipe(manifest: Manifest) -> Recipe:
    try:
        recipe = Recipe.model_validate(manifest.recipe)
        for stage in recipe.mix:
            method_of(stage)
        if recipe.geometry is not None:
            METHODS["geometry"].parameters.model_validate(recipe.geometry.parameters)
        if recipe.vae is not None:
            SAMPLERS[recipe.vae.sampler].params.model_validate(recipe.vae.parameters)
    except (ValidationError, KeyError) as error:
        made_with = manifest.libraries.get("augfactory", "another one")
        raise InputDataError(
            address(manifest),
            f"its recipe is not one that this program can render: {str(error).splitlines()[0]}",
            f"Use the augfactory that made it: {made_with}.",
        ) from error
    return recipe


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


def _render(order: Order, workers: int, progress: Progress) -> UInt8Array:
    """Return the digests of all rows, uint8 [N, 32]."""
    try:
        with processes.crew(workers) as run:
            make_shards(order, run, progress)
    except ResourceError as error:
        raise ResourceError(
            error.where,
            error.what,
            "Free some of it: the environment's TMPDIR says where it is rendered, "
            "and fewer --workers take less memory.",
        ) from error
    return _as_array(b"".join(_digests(order)))


def _digests(order: Order) -> Iterator[bytes]:
    for index in range(len(order.ranges)):
        record = shards.finished_shard(order.building, index)
        if record is None:
            raise ResourceError(
                order.building,
                "a shard vanished while it was rendered",
                "Leave this folder alone while it is written, and run the same command again.",
            )
        yield record.digests


def _compare(
    folder: Path,
    manifest: Manifest,
    order: Order,
    rendered: UInt8Array,
    warnings: tuple[str, ...],
    progress: Progress,
) -> None:
    """Hold what was rendered to the content hash and to the rows on the disk."""
    shape, names = order.ingredients.source.image_shape, order.class_names
    as_published = content_hash(shape, names, [rendered.tobytes()]) == manifest.content_hash
    version = open_rows(folder, manifest)
    differing, first_differing = 0, 0
    with progress.bar("comparing rows", manifest.rows, "row") as bar:
        for first, rows in read_stretches(version):
            stored = _as_array(row_digests(rows))
            again = rendered[first : first + len(rows)]
            if len(again) == len(stored):
                unequal = np.flatnonzero((stored != again).any(axis=1))
                if len(unequal) and not differing:
                    first_differing = first + int(unequal[0])
                differing += len(unequal)
            bar.advance(len(rows))
    if as_published and not differing and len(version.source) == len(rendered):
        return
    what = _difference(manifest, differing, first_differing, len(rendered))
    if as_published:
        raise VerificationError(
            folder,
            f"it can be rendered as it was published, but its files hold something else: {what}",
            "Run `augfactory verify` on it, restore the files, or expand again.",
        )
    cause = "; ".join(warnings) or "versions of methods and libraries are those recorded"
    raise VerificationError(
        folder,
        f"rendered again, it is not the same: {what}",
        f"Run `augfactory verify` on it. Its versions and these: {cause}.",
    )


def _difference(manifest: Manifest, differing: int, first: int, rendered: int) -> str:
    if rendered != manifest.rows:
        return f"{rendered:,} rows, not {manifest.rows:,}"
    if not differing:
        return "every row is, but not their content hash in the manifest"
    inside = [
        f" in {path} ({rows_in_words(rows)})"
        for path, rows in rows_of_files(manifest).items()
        if rows[0] <= first <= rows[1]
    ]
    where = inside[0] if inside else ""
    return f"{differing:,} of {rendered:,} rows differ, the first is row {first}{where}"


def _as_array(digests: bytes) -> UInt8Array:
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, DIGEST_BYTES)
