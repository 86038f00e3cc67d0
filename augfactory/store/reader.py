"""Read a dataset version by row, whatever its format."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from augfactory.errors import VerificationError
from augfactory.records import Float32Array, Int64Array, ReadImages, Rows, Source, UInt8Array
from augfactory.store import hdf5, png
from augfactory.store.manifest import PLAN, Manifest, read_manifest


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
    open_columns = {"hdf5": _open_hdf5, "png": _open_png}[manifest.format]
    try:
        columns, read_images = open_columns(folder, manifest)
    except (OSError, KeyError, ValueError) as error:
        raise VerificationError(
            folder, f"cannot be read: {error}", "Run `augfactory verify` on it."
        ) from error
    soft_label: Float32Array = columns["soft_label"]
    address = f"{manifest.name}@{manifest.version}"
    source = Source(
        name=address,
        split=manifest.source.split,
        class_names=tuple(manifest.class_names),
        image_shape=manifest.image_shape,
        labels=columns["label"],
        read_images=read_images,
        read_soft_labels=lambda rows: soft_label[rows],
        row_name=lambda row: f"{address} row {row}",
    )
    return Version(
        folder=folder,
        manifest=manifest,
        source=source,
        methods=columns["method"],
        rounds=columns["round"],
        views=columns["view"],
        source_index=columns["source_index"],
        weight=columns["weight"],
    )


def read_stretches(version: Version, rows: int = 4096) -> Iterator[tuple[int, Rows]]:
    """Yield (first row, the next at most ``rows`` rows) over the whole version, in row order."""
    for first in range(0, len(version.source), rows):
        inside = np.arange(first, min(first + rows, len(version.source)))
        yield (
            first,
            Rows(
                image=version.source.read_images(inside),
                soft_label=version.source.read_soft_labels(inside),
                method=version.methods[inside],
                round=version.rounds[inside],
                view=version.views[inside],
                source_index=version.source_index[inside],
                weight=version.weight[inside],
            ),
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
    class_of_row: Callable[[int], str],
) -> ReadImages:
    """Return a reader of rows whose shards are finished, while the dataset is being built.

    ``shard_ends`` holds the end row of each shard.
    """
    if storage == "hdf5":
        paths = [building / hdf5.shard_path(index) for index in range(len(shard_ends))]
        return lambda rows: _read_hdf5_images(paths, shard_ends, image_shape, rows)
    return lambda rows: _read_png_images(
        [building / png.image_path(row, class_of_row(row)) for row in rows.tolist()], image_shape
    )


Columns = dict[str, npt.NDArray[Any]]


def _open_hdf5(folder: Path, manifest: Manifest) -> tuple[Columns, ReadImages]:
    paths = [folder / e.path for e in manifest.files if e.path.startswith("shards/")]
    light = [name for name in hdf5.COLUMNS if name != "image"]
    parts = [hdf5.read_columns(path, light) for path in paths]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in light}
    ends = np.cumsum([len(part["label"]) for part in parts])
    return columns, lambda rows: _read_hdf5_images(paths, ends, manifest.image_shape, rows)


def _read_hdf5_images(
    paths: list[Path], ends: Int64Array, image_shape: tuple[int, int, int], rows: Int64Array
) -> UInt8Array:
    images = np.empty((len(rows), *image_shape), dtype=np.uint8)
    shard = np.searchsorted(ends, rows, side="right")
    for index in np.unique(shard).tolist():
        here = shard == index
        inside, places = np.unique(
            rows[here] - (ends[index - 1] if index else 0), return_inverse=True
        )
        with h5py.File(paths[index], "r") as file:
            first, last = int(inside[0]), int(inside[-1])
            if last - first < 4 * len(inside):  # dense enough to read the stretch in one go
                images[here] = file["image"][first : last + 1][inside - first][places]
            else:
                images[here] = file["image"][inside][places]
    return images


def _open_png(folder: Path, manifest: Manifest) -> tuple[Columns, ReadImages]:
    table = pq.read_table(folder / png.METADATA)
    columns = {
        name: np.asarray(table[name].to_numpy()) for name in ("label", "round", "view", "method")
    }
    columns["method"] = columns["method"].astype(np.str_)
    for name in ("soft_label", "source_index", "weight"):
        lists = table[name].combine_chunks()
        columns[name] = np.asarray(lists.flatten()).reshape(table.num_rows, -1)
    names = table["file_name"].to_pylist()

    def read_images(rows: Int64Array) -> UInt8Array:
        paths = [folder / png.FOLDER / names[row] for row in rows.tolist()]
        return _read_png_images(paths, manifest.image_shape)

    return columns, read_images


def _read_png_images(paths: list[Path], image_shape: tuple[int, int, int]) -> UInt8Array:
    images = np.empty((len(paths), *image_shape), dtype=np.uint8)
    for place, path in enumerate(paths):
        images[place] = png.decode(path, image_shape[2])
    return images
