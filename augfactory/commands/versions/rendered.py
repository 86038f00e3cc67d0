"""Hold a version that was rendered again to what was published."""

from dataclasses import dataclass

import numpy as np

from augfactory.commands.expand.build import Build
from augfactory.commands.progress import Progress
from augfactory.commands.versions.shard_rows import rows_in_words, rows_of_files
from augfactory.errors import VerificationError
from augfactory.records import UInt8Array
from augfactory.store.manifest import Manifest, content_hash, row_digests
from augfactory.store.reader import Version, read_row_ranges
from augfactory.store.tables import Columns

DIGEST_BYTES = 32


@dataclass(frozen=True)
class Rendered:
    """Every row rendered again: its digest, uint8 [N, 32], its other columns, and all counts."""

    digests: UInt8Array
    columns: Columns
    counts: dict[str, dict[str, int]]
    rejected: dict[str, dict[str, int]] | None


def hold_to(
    version: Version,
    build: Build,
    rendered: Rendered,
    warnings: tuple[str, ...],
    progress: Progress,
) -> None:
    """Hold what was rendered to the content hash, to the manifest and to the rows on the disk.

    ``warnings`` tell what has changed since the version was made, for the message.

    Raises:
        VerificationError: it is not the same, naming the rows.
    """
    folder, manifest, digests = version.folder, version.manifest, rendered.digests
    shape, names = build.image_shape, build.class_names
    as_published = content_hash(shape, names, [digests.tobytes()]) == manifest.content_hash
    differing, first_differing = 0, 0
    with progress.bar("comparing rows", manifest.rows, "row") as bar:
        for first, rows in read_row_ranges(version):
            stored = digests_array(row_digests(rows))
            again = digests[first : first + len(rows)]
            if len(again) == len(stored):
                unequal = np.flatnonzero((stored != again).any(axis=1))
                if len(unequal) and not differing:
                    first_differing = first + int(unequal[0])
                differing += len(unequal)
            bar.advance(len(rows))
    if as_published and not differing and len(version.source) == len(digests):
        _compare_the_rest(version, build, rendered)
        return
    what = _difference(manifest, differing, first_differing, len(digests))
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


def _compare_the_rest(version: Version, build: Build, rendered: Rendered) -> None:
    """Hold to what was rendered whatever the content hash does not cover."""
    manifest = version.manifest
    stored = {
        "label": version.source.labels,
        "method": version.methods,
        "round": version.rounds,
        "view": version.views,
        "source_index": version.source_index,
        "weight": version.weight,
    }
    wrong = [
        f"the column {name}"
        for name, values in stored.items()
        if not np.array_equal(values, rendered.columns[name])
    ]
    for name, told, found in (
        ("class_names", manifest.class_names, build.class_names),
        ("counts", manifest.counts, rendered.counts),
        ("rejected", manifest.rejected, rendered.rejected),
        ("image_shape", manifest.image_shape, build.image_shape),
    ):
        if told != found:
            wrong.append(f"{name} in its manifest")
    if wrong:
        raise VerificationError(
            version.folder,
            f"rendered again, pixels and label shares are the same, but not {' and '.join(wrong)}",
            "Somebody changed it after it was published. Restore it from a copy, or expand again.",
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


def digests_array(digests: bytes) -> UInt8Array:
    """Return the output of ``row_digests`` as uint8 [N, 32]."""
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, DIGEST_BYTES)
