"""Read a dataset version shard by shard, in memory that does not grow with its rows."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from augfactory.errors import VerificationError
from augfactory.guarded.decoding import decoding
from augfactory.guarded.files import inside
from augfactory.guarded.parquet import read_parquet_rows
from augfactory.guarded.text import escaped
from augfactory.records import Int64Array, Rows
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import Place, unreadable
from augfactory.store.manifest import PLAN, Manifest
from augfactory.store.splits import TRAIN
from augfactory.store.tables import Columns, Expected

METHOD = re.compile(r"[a-z0-9][a-z0-9_-]{0,15}")
BYTES_AT_ONCE, MOST_AT_ONCE = 2**25, 4096


def read_parts(
    folder: Path, manifest: Manifest, split: str = TRAIN, only: frozenset[int] | None = None
) -> Iterator[Columns]:
    """Yield METADATA_COLUMNS of one shard after the other, each held to ``manifest``.

    ``only`` are the numbers of the shards to read, in place of all.

    Raises:
        VerificationError: a file is missing, cannot be read, or holds other columns than it should.
        RecipeError: what reads its format is not installed.
    """
    storage = FORMATS[manifest.format]
    storage.check_installed()
    paths = [entry.path for entry in manifest.files]
    expected = Expected(manifest.rows, tuple(manifest.class_names), split, only)
    parts, rows, parents = storage.read_columns(folder, paths, expected), 0, None
    while True:
        try:
            with decoding():
                part = next(parts, None)
                rows += len(part["label"]) if part is not None else 0
                if rows > manifest.rows or (part is None and not only and rows < manifest.rows):
                    raise ValueError(f"it has {rows:,} rows, and not {manifest.rows:,}")
                if part is not None:
                    parents = parents or part["source_index"].shape[-1]
                    _check(part, manifest, parents)
        except FileNotFoundError as error:
            raise VerificationError(
                str(error.filename), "is missing", "Restore the file, or expand again."
            ) from error
        except (OSError, ValueError) as error:
            raise unreadable(folder, error) from error
        if part is None:
            return
        yield part


def _check(columns: Columns, manifest: Manifest, parents: int) -> None:
    """Raise ValueError unless every column is what ``records.Rows`` says, for this manifest.

    The methods are stored anew, without the room that the longest name could take.
    """
    rows, classes = len(columns["label"]), len(manifest.class_names)
    shapes = {
        "soft_label": ("f4", (rows, classes)),
        "label": ("i8", (rows,)),
        "round": ("i4", (rows,)),
        "view": ("i4", (rows,)),
        "source_index": ("i8", (rows, parents)),
        "weight": ("f4", (rows, parents)),
    }
    for name, (kind, shape) in shapes.items():
        found = columns[name]
        if (found.dtype, found.shape) != (np.dtype(kind), shape):
            raise ValueError(f"{name} is {found.dtype} {list(found.shape)}, not {list(shape)}")
    if columns["method"].shape != (rows,):
        raise ValueError(f"there are {len(columns['method']):,} methods for {rows:,} rows")
    for name, least, end in (
        ("label", 0, classes),
        ("source_index", -1, count_sources(manifest)),
    ):
        if rows and (columns[name].min() < least or columns[name].max() >= end):
            raise ValueError(f"{name} goes from {columns[name].min()} to {columns[name].max()}")
    for name in ("soft_label", "weight"):
        if not np.isfinite(columns[name]).all():
            raise ValueError(f"{name} holds a value that is not a number")
    methods, which = np.unique(columns["method"], return_inverse=True)
    for method in methods.tolist():
        if not METHOD.fullmatch(method):
            raise ValueError(f"{escaped(method)!r} is not a name of a method")
    columns["method"] = np.array(methods.tolist(), dtype=np.str_)[which]


def count_sources(manifest: Manifest) -> int:
    """Return how many images ``source_index`` may point to."""
    more = 0 if manifest.unlabelled is None else len(manifest.unlabelled.rows)
    return len(manifest.source.rows) + more


def rows_at_once(image_shape: tuple[int, int, int], classes: int, most: int = MOST_AT_ONCE) -> int:
    """Return how many rows take some 32 MiB, at most ``most``."""
    return max(1, min(most, BYTES_AT_ONCE // (int(np.prod(image_shape)) + 4 * classes)))


def read_in_order(
    folder: Path, manifest: Manifest, shard_rows: list[int]
) -> Iterator[tuple[int, Rows, Int64Array]]:
    """Yield (first row, rows from there on, their stored labels) over the training rows.

    ``shard_rows`` are the rows of each shard, as ``read_parts`` gives them. As many rows come at
    once as ``rows_at_once`` says.

    Raises:
        VerificationError: a file cannot be read, or is another than it was.
    """
    at_once = rows_at_once(manifest.image_shape, len(manifest.class_names))
    start, labels = 0, np.empty(0, dtype=np.int64)
    place = Place(
        folder=folder,
        image_shape=manifest.image_shape,
        shard_ends=np.cumsum(shard_rows),
        class_names=tuple(manifest.class_names),
        labels_of=lambda rows: labels[rows - start],
    )
    read_images = FORMATS[manifest.format].open_images(place)
    for part in read_parts(folder, manifest):
        labels = part["label"]
        for first in range(0, len(labels), at_once):
            own = slice(first, min(first + at_once, len(labels)))
            yield (
                start + first,
                Rows(
                    image=read_images(np.arange(start + own.start, start + own.stop)),
                    **{name: part[name][own] for name in part if name != "label"},
                ),
                labels[own],
            )
        start += len(labels)


def read_parents_of(folder: Path, manifest: Manifest, rows: Int64Array, parents: int) -> Int64Array:
    """Return the rows that each of ``rows`` [n] is mixed from: int64 [n, P], -1 where unused.

    The rows ascend, ``parents`` is P. Memory is that of a part of the plan.

    Raises:
        VerificationError: the plan cannot be read, or is that of other rows.
    """
    path, kinds = folder / PLAN, {"parent_row": [pa.list_(pa.int64(), parents)]}
    try:
        with decoding():
            table = read_parquet_rows(inside(folder, PLAN), kinds, manifest.rows, rows)
            flat = table["parent_row"].combine_chunks().flatten()
            found: Int64Array = np.asarray(flat).reshape(-1, parents)
            if found.max(initial=-1) >= manifest.rows:
                raise ValueError("it is not the plan of these rows")
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return found
