"""Images inside Arrow and Parquet files, as Hugging Face ``datasets`` writes them.

A column of images is ``struct<bytes, path>`` or plain binary. Arrow files are mapped into memory
and read row by row. The images of Parquet files are held in memory where they take at most 1 GiB;
of larger ones a few row groups.
"""

import mmap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from augfactory.errors import InputDataError
from augfactory.guarded.documents import parse_json
from augfactory.guarded.files import open_regular
from augfactory.guarded.parquet import open_parquet
from augfactory.records import MOST_HELD
from augfactory.sources.parsing.decoder_errors import decoder_errors

COPY_AGAIN = "The file is damaged or incomplete; copy or save it again."
BATCH_ROWS = 64
GROUPS_HELD = 4
HUB_FOLDERS = ("data", "default", "train", "test", "val", "valid", "validation")


@dataclass(frozen=True)
class ArrowFile:
    """One file: its schema, its rows, and what reads it.

    Attributes:
        path: the file.
        schema: its ``pyarrow.Schema``.
        rows: how many it has.
        texts: column -> the text of each row, "" where there is none.
        images: column -> a function from a row to the bytes of its image, None where there are
            none.
    """

    path: Path
    schema: Any
    rows: int
    texts: Callable[[str], list[str]]
    images: Callable[[str], Callable[[int], bytes | None]]


def open_file(path: Path) -> ArrowFile:
    """Open an Arrow stream or a Parquet file.

    Raises:
        InputDataError: it is damaged.
    """
    with decoder_errors(path, "cannot be read as Arrow or Parquet", COPY_AGAIN):
        return _parquet(path) if path.suffix.lower() == ".parquet" else _arrow(path)


def features_of(schema: Any) -> dict[str, Any]:
    """Return what Hugging Face's key in a schema tells of each column; empty where it is none."""
    text = (schema.metadata or {}).get(b"huggingface")
    if text is None:
        return {}
    try:
        features = parse_json(text)["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def is_image_type(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds the bytes of files."""
    if pa.types.is_struct(kind):
        names = [kind.field(place).name for place in range(kind.num_fields)]
        return "bytes" in names and is_image_type(kind.field("bytes").type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _arrow(path: Path) -> ArrowFile:
    # Mapped by way of an open file, so that pyarrow does not take the path for an address.
    with open_regular(path) as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    with pa.ipc.open_stream(pa.BufferReader(pa.py_buffer(mapped))) as stream:
        schema, batches = stream.schema, list(stream)
    for batch in batches:
        batch.validate(full=True)
    if sum(batch.nbytes for batch in batches) > len(mapped) + MOST_HELD:
        raise ValueError("it is compressed, and far larger than its file")
    ends = np.cumsum([batch.num_rows for batch in batches], dtype=np.int64)

    def texts(column: str) -> list[str]:
        return [_text(value) for batch in batches for value in batch.column(column).to_pylist()]

    def images(column: str) -> Callable[[int], bytes | None]:
        parts = [_bytes_in(batch.column(column)) for batch in batches]
        return lambda row: _in_parts(parts, ends, row)

    return ArrowFile(path, schema, int(ends[-1]) if len(ends) else 0, texts, images)


def _parquet(path: Path) -> ArrowFile:
    with open_regular(path) as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    file = open_parquet(pa.BufferReader(pa.py_buffer(mapped)))
    groups = [file.metadata.row_group(place) for place in range(file.metadata.num_row_groups)]

    def texts(column: str) -> list[str]:
        return [_text(value) for value in file.read(columns=[column])[column].to_pylist()]

    def images(column: str) -> Callable[[int], bytes | None]:
        if sum(group.total_byte_size for group in groups) <= MOST_HELD:
            return _held(file, column)
        ends = np.cumsum([group.num_rows for group in groups], dtype=np.int64)

        @lru_cache(maxsize=GROUPS_HELD)
        def part(place: int) -> Any:
            table = file.read_row_group(place, columns=[column])
            return _bytes_in(table[column].combine_chunks())

        def read(row: int) -> bytes | None:
            place = int(np.searchsorted(ends, row, side="right"))
            value = part(place)[row - (int(ends[place - 1]) if place else 0)].as_py()
            return value if value is None else bytes(value)

        return read

    return ArrowFile(path, file.schema_arrow, file.metadata.num_rows, texts, images)


def _held(file: Any, column: str) -> Callable[[int], bytes | None]:
    """Return what reads rows from memory, into which the column is read the first time."""

    @lru_cache(maxsize=1)
    def whole() -> tuple[list[Any], Any]:
        parts, held = [], 0
        for batch in file.iter_batches(BATCH_ROWS, columns=[column]):
            parts.append(_bytes_in(batch.column(column)))
            held += batch.nbytes
            if held > 2 * MOST_HELD:
                raise ValueError("its images take far more room than it declares")
        return parts, np.cumsum([len(part) for part in parts], dtype=np.int64)

    return lambda row: _in_parts(*whole(), row)


def _in_parts(parts: Sequence[Any], ends: Any, row: int) -> bytes | None:
    place = int(np.searchsorted(ends, row, side="right"))
    value = parts[place][row - (int(ends[place - 1]) if place else 0)].as_py()
    return value if value is None else bytes(value)


def _bytes_in(array: Any) -> Any:
    return array.field("bytes") if pa.types.is_struct(array.type) else array


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def parquet_files_in(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder, and of those below it that the Hub knows, sorted.

    Class folders are not looked into: there may be many.

    Raises:
        InputDataError: it cannot be listed.
    """
    folders = [folder, *(folder / name for name in HUB_FOLDERS)]
    folders += [folder / "default" / name for name in HUB_FOLDERS]
    with decoder_errors(folder, "cannot be listed", "Check the folder."):
        found = [path for each in folders if each.is_dir() for path in each.glob("*.parquet")]
    return sorted(path for path in found if not path.name.startswith("."))


def refuse_no_image(path: Path, row: int) -> InputDataError:
    """Return the error for a row whose image is not in the file."""
    return InputDataError(
        f"{path} row {row}", "its image is not in the file, at most the path of one",
        "Write the images into it: dataset.map with decoded images, or push or save it anew with "
        "embedded files (datasets.table.embed_table_storage).",
    )  # fmt: skip
