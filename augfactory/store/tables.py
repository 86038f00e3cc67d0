"""Parquet tables from plain columns, written part by part so that memory stays small.

A table of rows carries the schema key of Hugging Face ``datasets``, which keeps class names and
float32 through ``load_dataset``.
"""

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augfactory.guarded.files import open_regular
from augfactory.records import Rows
from augfactory.store.atomic import writing

Columns = dict[str, np.ndarray[Any, Any]]


def table_bytes(columns: Columns, schema: pa.Schema | None = None) -> bytes:
    """Return ``columns`` as a Parquet file; a column of shape [n, m] becomes lists of length m."""
    arrays = [as_arrow(values) for values in columns.values()]
    table = pa.table(arrays, schema=schema) if schema else pa.table(arrays, names=list(columns))
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def join_tables(parts: Iterable[Path], path: Path) -> None:
    """Write the Parquet files ``parts``, all of one schema, after each other as one at ``path``."""
    with writing(path) as file:
        writer: pq.ParquetWriter | None = None
        for part in parts:
            with open_regular(part) as read:
                table = pq.read_table(read)
            writer = writer or pq.ParquetWriter(file, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()


def row_columns(rows: Rows) -> Columns:
    """Return every column of ``rows`` but the images, in the order of ``rows_schema``."""
    return {
        "label": rows.label,
        "soft_label": rows.soft_label,
        "method": rows.method,
        "round": rows.round,
        "view": rows.view,
        "source_index": rows.source_index,
        "weight": rows.weight,
    }


def rows_schema(
    first: pa.Field, feature: dict[str, Any], class_names: Sequence[str], parents: int
) -> pa.Schema:
    """Return the schema of column ``first``, a Hugging Face ``feature``, and ``row_columns``."""
    classes = len(class_names)

    def value(kind: str) -> dict[str, object]:
        return {"dtype": kind, "_type": "Value"}

    def sequence(kind: str, length: int) -> dict[str, object]:
        return {"feature": value(kind), "length": length, "_type": "List"}

    features = {
        first.name: feature,
        "label": {"names": list(class_names), "_type": "ClassLabel"},
        "soft_label": sequence("float32", classes),
        "method": value("string"),
        "round": value("int32"),
        "view": value("int32"),
        "source_index": sequence("int64", parents),
        "weight": sequence("float32", parents),
    }
    return pa.schema(
        [
            first,
            ("label", pa.int64()),
            ("soft_label", pa.list_(pa.float32(), classes)),
            ("method", pa.string()),
            ("round", pa.int32()),
            ("view", pa.int32()),
            ("source_index", pa.list_(pa.int64(), parents)),
            ("weight", pa.list_(pa.float32(), parents)),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


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
