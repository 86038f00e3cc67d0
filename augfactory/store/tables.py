"""Parquet tables from plain columns, written part by part so that memory stays small.

A table of rows carries the schema key of Hugging Face ``datasets``, which keeps class names and
float32 through ``load_dataset``.
"""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augfactory.guarded.documents import parse_json
from augfactory.guarded.files import open_regular
from augfactory.guarded.parquet import check_table, open_parquet
from augfactory.records import Rows
from augfactory.store.disk.atomic import writing
from augfactory.store.splits import TRAIN

MOST_PARENTS = 16
LONGEST_TEXT = 1024
GROUP_ROWS = 2**14
Columns = dict[str, np.ndarray[Any, Any]]
KINDS = {
    "label": "int64",
    "soft_label": "float32",
    "method": "string",
    "round": "int32",
    "view": "int32",
    "source_index": "int64",
    "weight": "float32",
}


@dataclass(frozen=True)
class Expected:
    """What the manifest says of the rows in some files; no more than that is read from them.

    ``split`` tells which files: those of the training rows, or of the validation images. ``only``
    are the numbers of the shards to read, None for all.
    """

    rows: int
    class_names: tuple[str, ...]
    split: str = TRAIN
    only: frozenset[int] | None = None

    def wanted(self, shards: Sequence[str]) -> list[str]:
        """Return those of all ``shards``, which come in order, that are to be read."""
        if self.only is None:
            return [*shards]
        return [shards[index] for index in sorted(self.only)]


def table_bytes(columns: Columns, schema: pa.Schema | None = None) -> bytes:
    """Return ``columns`` as a Parquet file; a column of shape [n, m] becomes lists of length m."""
    arrays = [as_arrow(values) for values in columns.values()]
    table = pa.table(arrays, schema=schema) if schema else pa.table(arrays, names=list(columns))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, use_dictionary=repeating(table.schema))
    return buffer.getvalue()


def repeating(schema: pa.Schema) -> list[str]:
    """Return the columns whose values Parquet should list once: text.

    Numbers that were drawn hardly repeat, and looking for that costs more than writing them.
    """
    return [field.name for field in schema if pa.types.is_string(field.type)]


def join_tables(parts: Iterable[Path], path: Path) -> None:
    """Write the Parquet files ``parts``, all of one schema, after each other as one at ``path``."""

    def tables() -> Iterator[pa.Table]:
        for part in parts:
            with open_regular(part) as read:
                table = pq.read_table(read)
            yield table

    write_tables(tables(), path)


def write_tables(tables: Iterable[pa.Table], path: Path) -> None:
    """Write tables of one schema after each other as one Parquet file at ``path``.

    Small tables share a row group: what a group is described by, a kilobyte for each column, is in
    memory until the file is closed.
    """
    with writing(path) as file:
        writer: pq.ParquetWriter | None = None
        for table in _in_groups(tables):
            writer = writer or pq.ParquetWriter(
                file, table.schema, use_dictionary=repeating(table.schema)
            )
            writer.write_table(table)
        if writer is not None:
            writer.close()


def _in_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Join tables until they have ``GROUP_ROWS`` rows or more."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(each.num_rows for each in waiting) >= GROUP_ROWS:
            yield pa.concat_tables(waiting)
            waiting.clear()
    if waiting:
        yield pa.concat_tables(waiting)


def row_columns(rows: Rows) -> Columns:
    """Return every column of ``rows`` but the images, in the order of ``rows_schema``."""
    return {name: getattr(rows, name) for name in KINDS}


def rows_schema(
    first: pa.Field, feature: dict[str, Any], class_names: Sequence[str], parents: int
) -> pa.Schema:
    """Return the schema of column ``first``, a Hugging Face ``feature``, and ``row_columns``."""
    lengths = {"soft_label": len(class_names), "source_index": parents, "weight": parents}
    fields, features = [first], {first.name: feature}
    told: dict[str, Any]
    for name, kind in KINDS.items():
        arrow, told = pa.type_for_alias(kind), {"dtype": kind, "_type": "Value"}
        if name in lengths:
            arrow = pa.list_(arrow, lengths[name])
            told = {"feature": told, "length": lengths[name], "_type": "List"}
        fields.append(pa.field(name, arrow))
        features[name] = told
    features["label"] = {"names": list(class_names), "_type": "ClassLabel"}
    described = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(fields, metadata=described)


def read_rows_table(file: BinaryIO, expected: Expected, more: Sequence[str] = ()) -> Columns:
    """Read the metadata columns, and those called ``more``, of an open table of rows.

    Raises:
        ValueError: it is no Parquet, or is not as ``rows_schema`` has it for what is expected.
    """
    import pyarrow.compute as pc  # a tenth of a second that most commands do without

    # Text comes as a dictionary: a long one that repeats would fill any memory.
    text = pa.dictionary(pa.int32(), pa.string())
    with open_parquet(file, ["method", *more]) as parquet:
        classes = len(expected.class_names)
        types = {
            "label": [pa.int64()],
            "soft_label": [pa.list_(pa.float32(), classes)],
            "method": [text],
            "round": [pa.int32()],
            "view": [pa.int32()],
            **{name: [text] for name in more},
        }
        schema = parquet.schema_arrow
        for name, kind in (("source_index", pa.int64()), ("weight", pa.float32())):
            types[name] = [pa.list_(kind, parents) for parents in range(1, MOST_PARENTS + 1)]
        check_table(parquet, expected.rows, types)
        if schema.field("source_index").type.list_size != schema.field("weight").type.list_size:
            raise ValueError("source_index and weight are of different lengths")
        table = parquet.read(columns=list(types))
    table.validate(full=True)
    if any(table[name].null_count for name in types):
        raise ValueError("a row lacks a value")
    for name in ("method", *more):
        for chunk in table[name].chunks:
            longest = pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0
            if longest > LONGEST_TEXT:
                raise ValueError(f"its column {name!r} holds a text of {longest:,} bytes")
    columns = plain_columns(table)
    return columns | {name: np.asarray(table[name].to_numpy()) for name in more}


def read_table_names(file: BinaryIO) -> list[str]:
    """Return the class names that an open table of rows carries.

    Raises:
        ValueError, KeyError: it is no Parquet, or carries none.
    """
    with open_parquet(file) as parquet:
        return names_of_schema(parquet.schema_arrow)


def names_of_schema(schema: pa.Schema) -> list[str]:
    """Return the class names that a schema of ``rows_schema`` carries.

    Raises:
        ValueError, KeyError: it carries none.
    """
    metadata = schema.metadata or {}
    try:
        features = parse_json(metadata[b"huggingface"])["info"]["features"]
        return names_in(features["label"]["names"])
    except TypeError as error:
        raise ValueError("it does not say its class names") from error


def names_in(value: object) -> list[str]:
    """Return class names from a document.

    Raises:
        ValueError: it is not a list of texts.
    """
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("its class names are not a list of names")
    return value


def plain_columns(table: pa.Table) -> Columns:
    """Return the columns that ``row_columns`` gave, from a table of them."""
    columns = {
        name: np.asarray(table[name].to_numpy()) for name in ("label", "round", "view", "method")
    }
    columns["method"] = columns["method"].astype(np.str_)
    for name in ("soft_label", "source_index", "weight"):
        lists = table[name].combine_chunks()
        columns[name] = np.asarray(lists.flatten()).reshape(table.num_rows, -1)
    return columns


def as_arrow(values: np.ndarray[Any, Any]) -> pa.Array:
    """Return a column as Arrow: shape [n, m] becomes lists of length m."""
    if values.ndim == 1:
        return pa.array(values.tolist() if values.dtype.kind == "U" else values)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
