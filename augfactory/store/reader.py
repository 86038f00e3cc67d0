"""Read a dataset version by row, whatever its format."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from augfactory.errors import VerificationError
from augfactory.records import Float32Array, Int64Array, ReadImages, Rows, Source
from augfactory.store.formats import FORMATS
from augfactory.store.manifest import PLAN, Manifest, read_manifest
from augfactory.store.storage_format import LIGHT_COLUMNS, Place, unreadable
from augfactory.store.tables import Columns


@dataclass(frozen=True)
class Version:
    """One dataset version: its manifest, its rows as a source, and its light columns.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        source: its rows.
        methods: str [N].
        rounds: int32 [N].
        views: int32 [N].
        source_index: int64 [N, P], positions among the manifest's source rows.
        weight: float32 [N, P].
    """

    folder: Path
    manifest: Manifest
    source: Source
    methods: npt.NDArray[np.str_]
    rounds: npt.NDArray[np.int32]
    views: npt.NDArray[np.int32]
    source_index: Int64Array
    weight: Float32Array

    @property
    def roots(self) -> Int64Array:
        """The originals that each row goes back to: int64 [N, R], -1 where unused.

        They are ``source_index``, unless the source was made itself.
        """
        return self.source_index if self.source.roots is None else self.source.roots

    @property
    def address(self) -> str:
        """What to call it: ``digits-x10@v1``."""
        return f"{self.manifest.name}@{self.manifest.version}"


def open_version(folder: Path) -> Version:
    """Open the version in ``folder``; pixels are read when asked for.

    Raises:
        VerificationError: a file is missing or cannot be read.
    """
    return open_rows(folder, read_manifest(folder))


def open_rows(folder: Path, manifest: Manifest) -> Version:
    """Open the rows in ``folder``, which ``manifest`` describes.

    Raises:
        VerificationError: a file is missing or cannot be read.
    """
    for entry in manifest.files:
        if not (folder / entry.path).is_file():
            raise VerificationError(
                folder / entry.path, "is missing", "Restore the file, or expand again."
            )
    try:
        paths = [entry.path for entry in manifest.files]
        parts = FORMATS[manifest.format].read_columns(folder, paths)
        columns = {name: np.concatenate([part[name] for part in parts]) for name in LIGHT_COLUMNS}
    except (OSError, KeyError, ValueError) as error:
        raise unreadable(folder, error) from error
    return Version(
        folder=folder,
        manifest=manifest,
        source=_source(folder, manifest, columns, [len(part["label"]) for part in parts]),
        methods=columns["method"],
        rounds=columns["round"],
        views=columns["view"],
        source_index=columns["source_index"],
        weight=columns["weight"],
    )


def _source(folder: Path, manifest: Manifest, columns: Columns, in_shards: Sequence[int]) -> Source:
    """Return the rows as a source; ``in_shards`` is the number of them in each shard."""
    soft_label: Float32Array = columns["soft_label"]
    labels: Int64Array = columns["label"]
    address = f"{manifest.name}@{manifest.version}"
    place = Place(
        folder=folder,
        image_shape=manifest.image_shape,
        shard_ends=np.cumsum(in_shards),
        class_names=tuple(manifest.class_names),
        labels_of=lambda rows: labels[rows],
    )
    return Source(
        name=address,
        split=manifest.source.split,
        class_names=tuple(manifest.class_names),
        image_shape=manifest.image_shape,
        labels=labels,
        read_images=FORMATS[manifest.format].open_images(place),
        read_soft_labels=lambda rows: soft_label[rows],
        row_name=lambda row: f"{address} row {row}",
        roots=_roots(columns["source_index"], manifest.source.roots),
    )


def _roots(source_index: Int64Array, of_source: list[list[int]] | None) -> Int64Array:
    """Return the originals that each row goes back to, through its parents: int64 [N, R]."""
    if of_source is None:
        return source_index
    table = np.full((len(of_source) + 1, max(map(len, of_source))), -1, dtype=np.int64)
    for row, roots in zip(table, of_source, strict=False):  # the last row is that of index -1
        row[: len(roots)] = roots
    return table[source_index].reshape(len(source_index), -1)


def read_stretches(version: Version, rows: int = 4096) -> Iterator[tuple[int, Rows]]:
    """Yield (first row, the next at most ``rows`` rows) over the whole version, in row order."""
    for first in range(0, len(version.source), rows):
        yield first, read_rows(version, first, min(first + rows, len(version.source)))


def read_rows(version: Version, start: int, stop: int) -> Rows:
    """Read the rows from ``start`` to ``stop`` (excluded), every column of them."""
    inside = np.arange(start, stop)
    return Rows(
        image=version.source.read_images(inside),
        soft_label=version.source.read_soft_labels(inside),
        method=version.methods[inside],
        round=version.rounds[inside],
        view=version.views[inside],
        source_index=version.source_index[inside],
        weight=version.weight[inside],
    )


def read_parents(version: Version, rows: Int64Array) -> list[Int64Array]:
    """Return for each of ``rows`` the rows of this version that were mixed into it.

    Where originals were mixed and stand in the version, these are their rows.
    """
    plan = pq.read_table(version.folder / PLAN, columns=["parent_row"])["parent_row"]
    parent_row = np.asarray(plan.combine_chunks().flatten()).reshape(len(version.methods), -1)
    original = np.flatnonzero(version.methods == "original")
    row_of = dict(zip(version.source_index[original, 0].tolist(), original.tolist(), strict=True))
    found = []
    for row in rows.tolist():
        known = parent_row[row][parent_row[row] >= 0].tolist()
        sources = version.source_index[row][version.source_index[row] >= 0].tolist()
        found.append(np.array(known or [row_of[s] for s in sources if s in row_of], dtype=np.int64))
    return found


def reader_under_construction(
    building: Path,
    storage: str,
    shard_ends: Int64Array,
    image_shape: tuple[int, int, int],
    class_names: Sequence[str],
    labels_of: Callable[[Int64Array], Int64Array],
) -> ReadImages:
    """Return a reader of rows whose shards are finished, while the dataset is being built.

    ``shard_ends`` holds the end row of each shard; ``labels_of`` tells the labels of rows.
    """
    place = Place(building, image_shape, shard_ends, tuple(class_names), labels_of)
    return FORMATS[storage].open_images(place)
