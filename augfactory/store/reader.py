"""Read a dataset version by row, whatever its format."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augfactory.guarded.decoding import decoding
from augfactory.guarded.files import inside
from augfactory.guarded.parquet import read_parquet
from augfactory.records import Float32Array, Int64Array, ReadImages, Rows, Source
from augfactory.store.by_shard import MOST_AT_ONCE, count_sources, read_parts, rows_at_once
from augfactory.store.checked import check_files
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import METADATA_COLUMNS, Place, unreadable
from augfactory.store.manifest import PLAN, Manifest, read_manifest
from augfactory.store.splits import TRAIN
from augfactory.store.tables import Columns
from augfactory.store.validation import of_split


@dataclass(frozen=True)
class Version:
    """One dataset version: its manifest, its rows as a source, and its metadata columns.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        source: its rows.
        methods: str [N].
        rounds: int32 [N].
        views: int32 [N].
        source_index: int64 [N, P], positions among the manifest's source rows, and behind these
            among the rows of its unlabelled images.
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
        return self.manifest.address


def open_version(folder: Path, *, verify: bool = True, split: str = TRAIN) -> Version:
    """Open the version in ``folder``; pixels are read when asked for.

    ``split`` "val" opens its validation images instead: a version whose manifest tells of these.

    Every data file is held to the sha256 of the manifest when the version is opened for the first
    time, and again when its size or times changed; ``verify=False`` leaves that out.

    Raises:
        VerificationError: a file is missing, cannot be read, or is not as the manifest says.
        InputDataError: there are no validation images.
    """
    manifest = read_manifest(folder)
    if verify:
        check_files(folder, manifest)
    return open_rows(folder, of_split(manifest, split), split)


def open_rows(folder: Path, manifest: Manifest, split: str = TRAIN) -> Version:
    """Open the rows in ``folder``, which ``manifest`` describes, whatever their hashes.

    Raises:
        VerificationError: a file is missing, cannot be read, or holds other columns than it should.
        RecipeError: what reads its format is not installed.
    """
    parts = [*read_parts(folder, manifest, split)]
    in_shards = [len(part["label"]) for part in parts]
    # Column by column: two copies of all of them would take twice the memory.
    columns = {
        name: np.concatenate([part.pop(name) for part in parts]) for name in METADATA_COLUMNS
    }
    labels: Int64Array = columns["label"]
    place = Place(
        folder=folder,
        image_shape=manifest.image_shape,
        shard_ends=np.cumsum(in_shards),
        class_names=tuple(manifest.class_names),
        labels_of=lambda rows: labels[rows],
        split=split,
    )
    return _version(folder, manifest, columns, split, FORMATS[manifest.format].open_images(place))


def _version(
    folder: Path, manifest: Manifest, columns: Columns, split: str, read_images: ReadImages
) -> Version:
    return Version(
        folder=folder,
        manifest=manifest,
        source=_source(manifest, columns, split, read_images),
        methods=columns["method"],
        rounds=columns["round"],
        views=columns["view"],
        source_index=columns["source_index"],
        weight=columns["weight"],
    )


def open_chosen(
    folder: Path, manifest: Manifest, rows: Int64Array, shard_rows: Sequence[int]
) -> Version:
    """Open some of the training rows alone, as if there were no others.

    ``rows`` int64 [n] ascend; position i of what is returned is row ``rows[i]`` of the version.
    ``shard_rows`` are the rows of each shard. Memory is that of these rows and of a shard.

    Raises:
        VerificationError: a file is missing, cannot be read, or holds other columns than it should.
    """
    ends = np.cumsum(shard_rows)
    shard_of = np.searchsorted(ends, rows, side="right")
    only = np.unique(shard_of).tolist()
    found: list[Columns] = []
    for index, part in zip(only, read_parts(folder, manifest, only=frozenset(only)), strict=True):
        own = rows[shard_of == index] - (ends[index] - shard_rows[index])
        found.append({name: part[name][own] for name in METADATA_COLUMNS})
    columns = {name: np.concatenate([part[name] for part in found]) for name in METADATA_COLUMNS}
    place = Place(
        folder=folder,
        image_shape=manifest.image_shape,
        shard_ends=ends,
        class_names=tuple(manifest.class_names),
        labels_of=lambda asked: columns["label"][np.searchsorted(rows, asked)],
    )
    read_images = FORMATS[manifest.format].open_images(place)
    return _version(
        folder, manifest, columns, TRAIN, lambda positions: read_images(rows[positions])
    )


def _source(manifest: Manifest, columns: Columns, split: str, read_images: ReadImages) -> Source:
    soft_label: Float32Array = columns["soft_label"]
    address = manifest.address
    return Source(
        name=address if split == TRAIN else f"{address}:{split}",
        split=manifest.source.split if split == TRAIN else split,
        class_names=tuple(manifest.class_names),
        image_shape=manifest.image_shape,
        labels=columns["label"],
        read_images=read_images,
        read_soft_labels=lambda rows: soft_label[rows],
        row_name=lambda row: f"{address} row {row}",
        roots=_roots(columns["source_index"], manifest),
    )


def _roots(source_index: Int64Array, manifest: Manifest) -> Int64Array:
    """Return the originals that each row goes back to, through its parents: int64 [N, R].

    An unlabelled image goes back to itself, under a number that no original has.
    """
    of_source = manifest.source.roots
    if of_source is None:
        return source_index
    table = np.full((count_sources(manifest) + 1, max(map(len, of_source))), -1, dtype=np.int64)
    for row, roots in zip(table, of_source, strict=False):  # the last row is that of index -1
        row[: len(roots)] = roots
    table[len(of_source) : -1, 0] = table.max() + 1 + np.arange(len(table) - 1 - len(of_source))
    return table[source_index].reshape(len(source_index), -1)


def read_row_ranges(version: Version, rows: int = MOST_AT_ONCE) -> Iterator[tuple[int, Rows]]:
    """Yield (first row, the rows from there on) over the whole version, in row order.

    As many rows come at once as take some 32 MiB, at most ``rows``.
    """
    rows = rows_at_once(version.source.image_shape, len(version.source.class_names), rows)
    for first in range(0, len(version.source), rows):
        yield first, read_rows(version, first, min(first + rows, len(version.source)))


def read_rows(version: Version, start: int, stop: int) -> Rows:
    """Read the rows from ``start`` to ``stop`` (excluded), every column of them."""
    return read_chosen(version, np.arange(start, stop))


def read_chosen(version: Version, rows: Int64Array) -> Rows:
    """Read ``rows`` [n], every column of them."""
    return Rows(
        image=version.source.read_images(rows),
        soft_label=version.source.read_soft_labels(rows),
        method=version.methods[rows],
        round=version.rounds[rows],
        view=version.views[rows],
        source_index=version.source_index[rows],
        weight=version.weight[rows],
    )


def read_parents(version: Version, rows: Int64Array) -> list[Int64Array]:
    """Return for each of ``rows`` the rows of this version that were mixed into it.

    Where originals were mixed and stand in the version, these are their rows.
    """
    parent_row = read_parent_rows(version)
    original = np.flatnonzero(version.methods == "original")
    row_of = dict(zip(version.source_index[original, 0].tolist(), original.tolist(), strict=True))
    found = []
    for row in rows.tolist():
        known = parent_row[row][parent_row[row] >= 0].tolist()
        sources = version.source_index[row][parent_row[row] == -1]
        sources = sources[sources >= 0].tolist()
        found.append(np.array(known or [row_of[s] for s in sources if s in row_of], dtype=np.int64))
    return found


def read_parent_rows(version: Version) -> Int64Array:
    """Return the rows of this version that each row is mixed from: int64 [N, P], -1 where unused.

    Raises:
        VerificationError: the plan cannot be read, or is that of other rows.
    """
    parents = version.source_index.shape[1]
    with _plan(
        version.folder, len(version.methods), {"parent_row": [pa.list_(pa.int64(), parents)]}
    ) as plan:
        flat = plan["parent_row"].combine_chunks().flatten()
        parent_row: Int64Array = np.asarray(flat).reshape(-1, parents)
        if parent_row.max() >= len(version.methods):
            raise ValueError("it is not the plan of these rows")
    return parent_row


def read_drawn(version: Version, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return columns of numbers that were drawn for each row, float64 [rows, columns].

    NaN stands where nothing of the kind was drawn for a row.

    Raises:
        VerificationError: the plan lacks one, or cannot be read.
    """
    return read_plan(version.folder, len(version.methods), columns)


def read_plan(folder: Path, rows: int, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return columns of numbers from the plan of ``rows`` rows; see ``read_drawn``.

    Raises:
        VerificationError: the plan lacks one, or cannot be read.
    """
    with _plan(folder, rows, {name: [pa.float64()] for name in columns}) as plan:
        return np.stack([plan[name].to_numpy() for name in columns], axis=1)


@contextlib.contextmanager
def _plan(
    folder: Path, rows: int, columns: Mapping[str, Sequence[pa.DataType]]
) -> Iterator[pa.Table]:
    """Read columns of the plan; what is wrong with it in the block is told as unreadable, too."""
    try:
        with decoding():
            table = read_parquet(inside(folder, PLAN), columns, rows, follow=False)
            if len(table) != rows:
                raise ValueError("it is not the plan of these rows")
            yield table
    except (OSError, ValueError) as error:
        raise unreadable(folder / PLAN, error) from error


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
    place = Place(building, image_shape, shard_ends, tuple(class_names), labels_of, let_go=True)
    return FORMATS[storage].open_images(place)
