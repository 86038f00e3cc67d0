"""Parquet tables from plain columns, written part by part so that memory stays small."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augfactory.store.atomic import writing

Columns = dict[str, np.ndarray[Any, Any]]


def table_bytes(columns: Columns, schema: pa.Schema | None = None) -> bytes:
    """Return ``columns`` as a Parquet file; a column of shape [n, m] becomes lists of length m."""
    arrays = [_as_arrow(values) for values in columns.values()]
    table = pa.table(arrays, schema=schema) if schema else pa.table(arrays, names=list(columns))
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def join_tables(parts: Iterable[Path], path: Path) -> None:
    """Write the Parquet files ``parts``, all of one schema, after each other as one at ``path``."""
    with writing(path) as temporary:
        writer: pq.ParquetWriter | None = None
        for part in parts:
            table = pq.read_table(part)
            writer = writer or pq.ParquetWriter(temporary, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()


def _as_arrow(values: np.ndarray[Any, Any]) -> pa.Array:
    if values.ndim == 1:
        return pa.array(values.tolist() if values.dtype.kind == "U" else values)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
