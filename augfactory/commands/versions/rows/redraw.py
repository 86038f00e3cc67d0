"""Draw rows of a version anew that somebody rejected; no other row changes by a byte."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.commands.expand.build import Build, Dataset, make_version, read_records
from augfactory.commands.expand.expand import described
from augfactory.commands.expand.inputs import BuildInputs, build_of
from augfactory.commands.expand.rendering.job import begin_job
from augfactory.commands.expand.rendering.shard import render_shards
from augfactory.commands.opening.recorded_recipe import check_recipe, check_rows
from augfactory.commands.progress import Progress
from augfactory.commands.versions.differences import between
from augfactory.commands.versions.rows.rejected_draws import read_rejected
from augfactory.commands.versions.rows.rejects import read_rejects
from augfactory.engines import processes
from augfactory.errors import InputDataError, VerificationError
from augfactory.guarded.text import escaped
from augfactory.pipeline.plan import UNLABELLED
from augfactory.pipeline.recipes.recipe import Recipe, rendering_versions
from augfactory.pipeline.redraw import draw_of
from augfactory.pipeline.settle import UNTOLD, columns_of_rejected, draw_number
from augfactory.pipeline.shares import is_filtered
from augfactory.records import Int64Array
from augfactory.store import shards
from augfactory.store.beside.pseudo_label_table import copy_pseudo_labels
from augfactory.store.disk.atomic import remove, write_file
from augfactory.store.disk.lock import Lock
from augfactory.store.manifest import Manifest, row_digests
from augfactory.store.manifest_parts import About
from augfactory.store.reader import (
    Version,
    open_version,
    read_parent_rows,
    read_row_ranges,
)

MOST_NAMED = 5


@dataclass(frozen=True)
class Redraw:
    """What is to be drawn anew: ``rows`` int64 [n], ascending, of ``version``.

    ``recipe`` is the version's, with one more round of rejected rows.
    """

    version: Version
    rows: Int64Array
    recipe: Recipe

    @property
    def dataset(self) -> Path:
        """The folder of all versions of its dataset."""
        folder = self.version.folder
        return folder.parent if folder.parent.name else folder.resolve().parent


def plan_redraw(reject: Path, folder: Path, progress: Progress) -> Redraw:
    """Return what the list ``reject`` asks of the version in ``folder``.

    Raises:
        InputDataError: the list cannot be read, is of another version, or has no row that can be
            drawn anew; or this program would make the other rows otherwise, too.
        VerificationError: the version is not what its manifest says.
    """
    version = open_version(folder)
    manifest = version.manifest
    recipe = check_recipe(folder, manifest)
    check_rows(folder, manifest, recipe)
    if manifest.left_out_from is not None:
        of = manifest.left_out_from
        raise InputDataError(
            version.address,
            f"it is stored without rows of {escaped(of.name)}@{of.version}, and rows are drawn "
            "anew where all of them are",
            f"Reject them in that version: augfactory expand --reject FILE {escaped(of.name)}@"
            f"{of.version}; then leave rows out of the new one: augfactory export --without.",
        )
    listed = read_rejects(reject, manifest, may_be_all=True)
    changed = between(manifest.versions, rendering_versions(recipe))
    if changed:
        raise InputDataError(
            version.address,
            "this program makes rows otherwise than the one that made it, so that all of them "
            f"would change ({'; '.join(difference.as_text() for difference in changed)})",
            f"Use augfactory {manifest.libraries.get('augfactory', 'of then')}, expand again, or "
            "leave the rows out of exports: augfactory export --without.",
        )
    rows = _drawn_by_chance(reject, version, listed, progress)
    _tell_of_mixtures(version, rows, progress)
    number = draw_of(recipe.redrawn, rows) + draw_number(_filtered(version, recipe, rows))
    pairs = tuple(zip(rows.tolist(), number.tolist(), strict=True))
    return Redraw(version, rows, recipe.model_copy(update={"redrawn": (*recipe.redrawn, pairs)}))


def _drawn_by_chance(
    reject: Path, version: Version, listed: Int64Array, progress: Progress
) -> Int64Array:
    """Return those of the rows ``listed`` that are no images as they are in a source.

    Raises:
        InputDataError: there is none.
    """
    if not len(listed):
        raise InputDataError(
            reject, "lists no row", 'Mark some on the page of "augfactory preview --html".'
        )
    methods = version.methods[listed]
    as_it_was = (methods == "original") | ((methods == UNLABELLED) & (version.rounds[listed] == 0))
    kept = listed[as_it_was]
    what = (
        f"{_some(kept)} of {version.address} hold{'s' if len(kept) == 1 else ''} images as they "
        "are in the source, and there is nothing to draw"
    )
    remedy = (
        "Take the images out of the source, or leave the rows out of what you train on: "
        "augfactory export --without."
    )
    if len(kept) == len(listed):
        raise InputDataError(reject, what, remedy)
    if len(kept):
        progress.say(f"warning: {what}: they stay. {remedy}")
    drawn: Int64Array = listed[~as_it_was]
    return drawn


def _tell_of_mixtures(version: Version, rows: Int64Array, progress: Progress) -> None:
    """Say which other rows are mixed from those that are drawn anew."""
    mixed = np.flatnonzero(np.isin(read_parent_rows(version), rows).any(axis=1))
    stay = np.setdiff1d(mixed, rows)
    if len(stay):
        is_mixed, it = "are mixed from rejected rows and stay as they are", "them"
        if len(stay) == 1:
            is_mixed, it = "is mixed from rejected rows and stays as it is", "it"
        progress.say(
            f"note: {_some(stay)} {is_mixed}; put {it} on the list to have {it} drawn anew, too"
        )


def _filtered(version: Version, recipe: Recipe, rows: Int64Array) -> Int64Array:
    """Return how many draws of ``rows`` were rejected by the filter: int64 [n, reasons]."""
    if not is_filtered(recipe, len(version.manifest.source.rows)):
        return np.zeros((len(rows), len(columns_of_rejected())), dtype=np.int64)
    return read_rejected(version.folder, version.manifest.rows)[rows]


def make_redraw(
    asked: Redraw,
    inputs: BuildInputs,
    progress: Progress,
    *,
    run: processes.Run,
    lock: Lock,
    about: About | None,
) -> Dataset:
    """Make the version in which rows are drawn anew, or return the one that there is.

    ``inputs`` are what the version of the rows was made from; ``about`` replaces what that says.

    Raises:
        AugfactoryError: saying what is wrong with the data or the disk, or which others changed.
    """
    began, version = time.monotonic(), asked.version
    build = build_of(asked.dataset, asked.recipe, inputs)

    def make_rows(waiting: list[int]) -> Iterator[int]:
        begin_job(build, inputs, progress)
        _keep_told(asked, build, inputs, progress)
        return render_shards(build, waiting, run)

    def describe(made: shards.Summary, told: dict[str, Any]) -> Manifest:
        digests = b"".join(record.digests for record in read_records(build))
        _hold_others(asked, build, np.frombuffer(digests, "V32"), progress)
        manifest = version.manifest
        more = {
            "redrawn_from": (*manifest.redrawn_from, manifest.entry),
            "labelling": manifest.labelling,
            "about": manifest.about if about is None else about,
        }
        return described(build, inputs, made, {**told, **more}, began, progress)

    return make_version(build, make_rows, describe, lock, progress)


def _keep_told(asked: Redraw, build: Build, inputs: BuildInputs, progress: Progress) -> None:
    """Leave in the building folder what classifiers said of the rows that stay as they are."""
    version = asked.version
    if inputs.unlabelled is not None:
        images, classes = len(inputs.unlabelled.rows), len(build.class_names)
        copy_pseudo_labels(version.folder, build.building, images, classes)
    if is_filtered(build.recipe, build.sources):
        from augfactory.commands.expand import filtering  # torch: only where needed

        told = read_rejected(version.folder, build.rows)
        decoded = asked.rows[version.methods[asked.rows] == "vae"]
        told[decoded] = UNTOLD
        if len(decoded):
            judges = filtering.judges_of(build, inputs.source, progress)
            write_file(build.building / filtering.JUDGES, judges)
        filtering.keep_rejected(build.building, told)


def _hold_others(
    asked: Redraw, build: Build, digests: np.ndarray[Any, Any], progress: Progress
) -> None:
    """Hold every row that was not rejected to be as it was.

    Raises:
        VerificationError: naming those that changed, as where libraries are others than then.
    """
    same = np.zeros(len(digests), dtype=np.bool_)
    with progress.bar("comparing rows", len(digests), "row") as bar:
        for first, rows in read_row_ranges(asked.version):
            stop = first + len(rows)
            same[first:stop] = digests[first:stop] == np.frombuffer(row_digests(rows), "V32")
            bar.advance(len(rows))
    changed = np.setdiff1d(np.flatnonzero(~same), asked.rows)
    if len(changed):
        remove(build.building)
        raise VerificationError(
            asked.version.folder,
            f"rendered again, {_some(changed)} would change, too; nothing was published",
            "`augfactory reproduce` says what has changed since it was made. Expand again, or "
            "leave rejected rows out of exports: augfactory export --without.",
        )
    again = asked.rows[same[asked.rows]]
    if len(again):
        progress.say(
            f"note: {_some(again)} came out as before: the recipe leaves too little to chance"
        )


def _some(rows: Int64Array) -> str:
    """Return ``rows 3, 7, 12`` or, of many, the first and how many there are."""
    named = ", ".join(map(str, rows[:MOST_NAMED].tolist()))
    more = f", … ({len(rows):,} in all)" if len(rows) > MOST_NAMED else ""
    return f"row{'s' if len(rows) > 1 else ''} {named}{more}"
