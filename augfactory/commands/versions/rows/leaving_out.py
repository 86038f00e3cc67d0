"""A version that is stored without rows that somebody rejected; the others are as they were."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.commands.opening.recorded_recipe import check_recipe, check_rows
from augfactory.commands.progress import Progress
from augfactory.commands.versions.rows.rejected_draws import read_rejected
from augfactory.commands.versions.rows.rejects import read_rejects
from augfactory.errors import InputDataError, VerificationError
from augfactory.guarded.text import escaped
from augfactory.pipeline.left_out import kept_rows
from augfactory.pipeline.plan import count_rows
from augfactory.pipeline.settle import count_rejected
from augfactory.records import Int64Array
from augfactory.store import shards
from augfactory.store.beside.left_out_table import write_without
from augfactory.store.manifest import Manifest, content_hash, row_digests
from augfactory.store.reader import Version, open_rows, read_row_ranges


@dataclass(frozen=True)
class Fewer:
    """What a version is stored without.

    Attributes:
        rows: int64 [n], ascending, the rows of that version that are left out.
        kept: int64 [m], ascending, its other rows.
        left_out: all rows that are left out, by their numbers in the version that holds them all.
        content_hash: that of the kept rows.
    """

    rows: Int64Array
    kept: Int64Array
    left_out: tuple[int, ...]
    content_hash: str


def plan_leaving_out(
    origin: Path, manifest: Manifest, without: Path, progress: Progress
) -> Fewer | None:
    """Return what the list ``without`` asks of the version in ``origin``; None where it is empty.

    Raises:
        InputDataError: the list cannot be read, is of another version, or leaves a class no row.
        VerificationError: the version is not what its manifest says.
    """
    rows = read_rejects(without, manifest)
    if not len(rows):
        progress.say(f"note: {without} lists no row, so that none is left out")
        return None
    recipe = check_recipe(origin, manifest)
    check_rows(origin, manifest, recipe)
    version = open_rows(origin, manifest)
    kept = np.delete(np.arange(manifest.rows), rows)
    _check_classes(without, version, kept)
    whole = kept_rows(recipe.left_out, count_rows(recipe, len(manifest.source.rows)))
    left_out = np.union1d(np.array(recipe.left_out, dtype=np.int64), whole[rows])
    digests = _digests(version, progress)
    shape, names = manifest.image_shape, manifest.class_names
    return Fewer(
        rows,
        kept,
        tuple(left_out.tolist()),
        content_hash(shape, names, [digests[kept].tobytes()]),
    )


def _check_classes(without: Path, version: Version, kept: Int64Array) -> None:
    names, labels = version.source.class_names, version.source.labels
    before, after = (np.bincount(each, minlength=len(names)) for each in (labels, labels[kept]))
    lost = np.flatnonzero((before > 0) & (after == 0))
    if len(lost):
        named = ", ".join(escaped(names[label]) for label in lost[:5].tolist())
        raise InputDataError(
            without,
            f"all rows of {named} are in it: what is trained on the others would not know "
            f"{'it' if len(lost) == 1 else 'them'}",
            "Take some out, or expand a source without the class.",
        )


def _digests(version: Version, progress: Progress) -> np.ndarray[Any, Any]:
    """Return the digest of each row, V32 [N], once they are those of the content hash.

    Raises:
        VerificationError: they are not.
    """
    manifest, found = version.manifest, []
    with progress.bar("reading rows", manifest.rows, "row") as bar:
        for _, rows in read_row_ranges(version):
            found.append(row_digests(rows))
            bar.advance(len(rows))
    digests = b"".join(found)
    if content_hash(manifest.image_shape, manifest.class_names, [digests]) != manifest.content_hash:
        raise VerificationError(
            version.folder,
            "its decoded pixels and labels are not those of its content hash; nothing was exported",
            f"`augfactory verify {version.folder}` names the files that were changed.",
        )
    return np.frombuffer(digests, "V32")


def stored_without(
    fewer: Fewer,
    origin: Path,
    manifest: Manifest,
    building: Path,
    made: shards.Summary,
) -> dict[str, Any]:
    """Write the tables beside the rows that stay; return what a manifest says of these.

    Raises:
        VerificationError: the plan of the version in ``origin`` cannot be read.
    """
    write_without(origin, manifest, building, fewer.rows)
    return {
        "rows": len(fewer.kept),
        "counts": made.counts,
        "class_rows": None,
        "rejected": _rejected(fewer, origin, manifest),
        "left_out_from": manifest.left_out_from or manifest.entry,
    }


def _rejected(fewer: Fewer, origin: Path, manifest: Manifest) -> dict[str, dict[str, int]] | None:
    """Count the rejected draws of the decoded rows that stay."""
    if manifest.rejected is None:
        return None
    rejected = read_rejected(origin, manifest.rows)[fewer.kept]
    labels = open_rows(origin, manifest).source.labels[fewer.kept]
    return count_rejected(rejected, labels, manifest.class_names)
