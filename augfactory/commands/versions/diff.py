"""How two dataset versions differ: rows, recipe, source, model."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.arrays.matching import numbered, pair_equal
from augfactory.commands.opening.recorded_recipe import check_recipe
from augfactory.commands.progress import Bar, Progress
from augfactory.commands.versions.differences import (
    SHORT_HASH,
    Difference,
    Differences,
    compare,
    recipe_words,
)
from augfactory.errors import VerificationError
from augfactory.guarded.tables import aligned
from augfactory.guarded.text import escaped
from augfactory.records import Int64Array
from augfactory.store.checked import check_files
from augfactory.store.manifest import Manifest, read_manifest, row_digests
from augfactory.store.reader import Version, open_rows, read_row_ranges
from augfactory.store.shards import count_rows
from augfactory.store.versions import find_version

DIGEST_WORDS = 4  # a sha256 as int64 numbers
Counts = dict[str, dict[str, int]]  # method -> class name -> rows


@dataclass(frozen=True)
class RowDiff:
    """What became of the rows of a in b.

    ``same`` rows have equal pixels and labels, wherever they stand. ``changed`` rows have other
    pixels or another label but were made by the same method from the same source images in the
    same round; they are counted as what they are in b. All others were ``removed`` or ``added``.
    """

    same: int
    changed: Counts
    removed: Counts
    added: Counts


@dataclass(frozen=True)
class Diff:
    """How version b differs from version a."""

    folders: tuple[Path, Path]
    a: Manifest
    b: Manifest
    rows: RowDiff
    manifests: Differences

    @property
    def equal_content(self) -> bool:
        """Whether all rows are equal, in order, under the same class names."""
        return self.a.content_hash == self.b.content_hash


def diff(first: str, second: str, progress: Progress) -> Diff:
    """Compare the versions that ``first`` and ``second`` name.

    Rows are read in blocks; what is kept of each is its hash and its origin.

    Raises:
        InputDataError: there is no such version.
        VerificationError: one of them cannot be read, or is not as published.
    """
    folders = find_version(first), find_version(second)
    a, b = (read_manifest(folder) for folder in folders)
    for folder, manifest in zip(folders, (a, b), strict=True):
        check_recipe(folder, manifest)
        check_files(folder, manifest)
    if a.content_hash == b.content_hash:
        rows = RowDiff(a.rows, {}, {}, {})
    else:
        versions = open_rows(folders[0], a), open_rows(folders[1], b)
        rows = _compare_rows(*versions, progress)
    return Diff(folders, a, b, rows, compare(a, b))


def _compare_rows(a: Version, b: Version, progress: Progress) -> RowDiff:
    names = sorted({*a.source.class_names, *b.source.class_names})
    with progress.bar("comparing rows", len(a.source) + len(b.source), "row") as bar:
        digests = numbered(
            np.concatenate([_digests(a, names, bar), _digests(b, names, bar)]).astype(np.int64)
        )
    origins = numbered(_origins(a, b))
    split = len(a.source)
    both = numbered(np.stack([digests, origins], axis=1))
    rest_a, rest_b = np.arange(split), np.arange(len(b.source))
    same, changed = 0, np.empty(0, dtype=np.int64)
    # First what is equal in all, so that of several equal rows those of one origin are paired.
    equal = (both, digests) if a.source.image_shape == b.source.image_shape else ()
    for numbers in (*equal, origins):
        in_a, in_b = pair_equal(numbers[:split][rest_a], numbers[split:][rest_b])
        if numbers is origins:
            changed = rest_b[in_b]
        else:
            same += len(in_a)
        rest_a, rest_b = np.delete(rest_a, in_a), np.delete(rest_b, in_b)
    return RowDiff(same, _counts(b, changed), _counts(a, rest_a), _counts(b, rest_b))


def _digests(version: Version, names: list[str], bar: Bar) -> npt.NDArray[np.int64]:
    """Return int64 [N, 4], a hash of each row's pixels and of its label shares by class name."""
    columns = [names.index(name) for name in version.source.class_names]
    digests = np.empty((len(version.source), DIGEST_WORDS), dtype=np.int64)
    for first, rows in read_row_ranges(version):
        shares = np.zeros((len(rows), len(names)), dtype=np.float32)
        shares[:, columns] = rows.soft_label
        found = np.frombuffer(row_digests(replace(rows, soft_label=shares)), dtype="<i8")
        digests[first : first + len(rows)] = found.reshape(-1, DIGEST_WORDS)
        bar.advance(len(rows))
    return digests


def _origins(a: Version, b: Version) -> Int64Array:
    """Return for each row of a, then of b: method, round, view, and the rows of its source."""
    methods = np.unique(np.concatenate([np.unique(a.methods), np.unique(b.methods)]))
    parents = max(a.source_index.shape[1], b.source_index.shape[1])
    tables = []
    for version in (a, b):
        table = np.full((len(version.source), 3 + parents), -1, dtype=np.int64)
        table[:, 0] = np.searchsorted(methods, version.methods)
        table[:, 1], table[:, 2] = version.rounds, version.views
        table[:, 3 : 3 + version.source_index.shape[1]] = _source_rows(version)
        tables.append(table)
    return np.concatenate(tables)


def _source_rows(version: Version) -> Int64Array:
    manifest, index = version.manifest, version.source_index
    rows = manifest.source.numbers
    if manifest.unlabelled is not None:
        # Apart from all labelled rows, by numbers that none of these has.
        rows = np.concatenate([rows, -2 - manifest.unlabelled.numbers])
    if index.max(initial=-1) >= len(rows):
        raise VerificationError(
            version.address,
            "a row names a source image that the manifest does not know",
            "Run `augfactory verify` on it.",
        )
    return np.where(index >= 0, rows[np.maximum(index, 0)], -1)


def _counts(version: Version, rows: Int64Array) -> Counts:
    return count_rows(
        version.methods[rows], version.source.labels[rows], version.source.class_names
    )


def as_json(found: Diff) -> dict[str, Any]:
    """Return the differences as plain values."""
    rows, manifests = found.rows, found.manifests
    sides = zip(("a", "b"), found.folders, (found.a, found.b), strict=True)
    return {
        **{
            side: {
                "name": manifest.name,
                "version": manifest.version,
                "path": str(folder),
                "rows": manifest.rows,
                "content_hash": manifest.content_hash,
            }
            for side, folder, manifest in sides
        },
        "equal_content": found.equal_content,
        "rows": {
            "same": rows.same,
            **{
                what: {"rows": _total(counts), "counts": counts}
                for what, counts in _by_fate(rows).items()
            },
        },
        "recipe": _plain(manifests.recipe),
        "methods": _plain(manifests.methods),
        "source": {
            "differences": _plain(manifests.source),
            "rows": manifests.rows_of_source and asdict(manifests.rows_of_source),
        },
        "model": _plain(manifests.model),
        "images": _plain(manifests.images),
        "validation": _plain(manifests.validation),
        "libraries": _plain(manifests.libraries),
    }


def as_text(found: Diff) -> str:
    """Return what a person wants to know of the differences."""
    a, b, rows, manifests = found.a, found.b, found.rows, found.manifests
    lines = [
        f"{side} {manifest.address}  {manifest.rows:,} rows  "
        f"content {manifest.content_hash[:SHORT_HASH]}  {recipe_words(manifest.recipe)}"
        for side, manifest in (("a", a), ("b", b))
    ]
    fates = _by_fate(rows)
    if found.equal_content:
        lines.append("content   equal: every pixel, label and their order")
    else:
        told = ", ".join(f"{_total(counts):,} {what}" for what, counts in fates.items())
        lines.append(f"content   differs: {rows.same:,} rows are the same, {told}")
        if not any(fates.values()):
            lines.append("          the same rows, in another order or under other class numbers")
    lines += _table(fates)
    for head, differences in (
        ("images", manifests.images),
        ("recipe", manifests.recipe),
        ("methods", manifests.methods),
        ("source", manifests.source),
        ("model", manifests.model),
        ("val", manifests.validation),
        ("libraries", manifests.libraries),
    ):
        lines += [f"{head:<9} {difference.as_text()}" for difference in differences]
    if manifests.rows_of_source is not None:
        of = manifests.rows_of_source
        lines.append(
            f"source    rows: {of.both:,} in both, {of.only_a:,} only in a, {of.only_b:,} only in b"
        )
    return "\n".join(map(escaped, lines))  # what breaks a line came from the data


def _by_fate(rows: RowDiff) -> dict[str, Counts]:
    return {"changed": rows.changed, "removed": rows.removed, "added": rows.added}


def _total(counts: Counts) -> int:
    return sum(number for classes in counts.values() for number in classes.values())


def _table(fates: dict[str, Counts]) -> list[str]:
    """Return a line for each method and class that differs, with a column for each fate."""
    places = sorted(
        {
            (m, name)
            for counts in fates.values()
            for m, classes in counts.items()
            for name in classes
        }
    )
    if not places:
        return []
    table = [["method", "class", *fates]]
    for method, name in places:
        numbers = [counts.get(method, {}).get(name, 0) for counts in fates.values()]
        table.append([method, name, *(f"{number:,}" for number in numbers)])
    return [f"{' ' * 10}{line}" for line in aligned(table, words=2).split("\n")]


def _plain(differences: tuple[Difference, ...]) -> list[dict[str, Any]]:
    return [difference.as_json() for difference in differences]
