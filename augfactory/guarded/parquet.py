"""Parquet tables that nobody vouches for: rows and columns are held to what is expected first.

A small Parquet file can declare a table larger than any memory, since equal values in a row are
stored once. What is read here has the number of rows and the types that the caller knows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augfactory.guarded.files import open_regular
from augfactory.records import Int64Array

MOST_NAMES_BYTES = 2**27  # of names in a header: 32,768 of 255 letters take 8 MB, as JSON more
MOST_ENTRIES = 2**24


def open_parquet(file: BinaryIO, dictionaries: Sequence[str] = ()) -> Any:  # pyarrow has no types
    """Open a Parquet file by what ``open_regular`` gave; its header is bounded.

    The columns ``dictionaries`` come as such, each text once.

    Raises:
        ValueError: it is no Parquet (``pyarrow.ArrowInvalid``).
        OSError: it cannot be read.
    """
    return pq.ParquetFile(
        file,
        read_dictionary=list(dictionaries),
        thrift_string_size_limit=MOST_NAMES_BYTES,
        thrift_container_size_limit=MOST_ENTRIES,
    )


def check_table(parquet: Any, most_rows: int, types: Mapping[str, Sequence[pa.DataType]]) -> None:
    """Hold an open Parquet file to the rows that it may have and the types of some columns.

    Raises:
        ValueError: it declares more rows, lacks a column, or has another type there.
    """
    rows = parquet.metadata.num_rows
    if not 0 <= rows <= most_rows:
        raise ValueError(f"it declares {rows:,} rows, more than the {most_rows:,} it can have")
    schema = parquet.schema_arrow
    for name, allowed in types.items():
        if schema.names.count(name) != 1:
            raise ValueError(f"it has no column {name!r}")
        if schema.field(name).type not in allowed:
            raise ValueError(f"its column {name!r} is {schema.field(name).type}")


def read_parquet(
    path: Path,
    columns: Mapping[str, Sequence[pa.DataType]],
    most_rows: int,
    *,
    follow: bool = True,
) -> Any:
    """Return the named columns of a whole table, as ``pyarrow.Table``.

    Raises:
        ValueError: it is no Parquet, or not as ``check_table`` wants it.
        OSError: it is not a regular file, or cannot be read.
    """
    with open_regular(path, follow=follow) as file, open_parquet(file) as parquet:
        check_table(parquet, most_rows, columns)
        return parquet.read(columns=list(columns))


def read_parquet_rows(
    path: Path, columns: Mapping[str, Sequence[pa.DataType]], rows: int, chosen: Int64Array
) -> Any:
    """Return the named columns of the rows ``chosen``, which ascend, as ``pyarrow.Table``.

    One row group of the file is in memory at a time. ``rows`` are those that the table has.

    Raises:
        ValueError: it is no Parquet, has another number of rows, or not such columns.
        OSError: it is not a regular file, or cannot be read.
    """
    with open_regular(path, follow=False) as file, open_parquet(file) as parquet:
        check_table(parquet, rows, columns)
        if parquet.metadata.num_rows != rows:
            raise ValueError(f"it has {parquet.metadata.num_rows:,} rows, and not {rows:,}")
        start, found = 0, [parquet.schema_arrow.empty_table().select(list(columns))]
        for group in range(parquet.metadata.num_row_groups):
            stop = start + parquet.metadata.row_group(group).num_rows
            first, last = np.searchsorted(chosen, [start, stop])
            if first < last:
                table = parquet.read_row_group(group, columns=list(columns))
                found.append(table.take(pa.array(chosen[first:last] - start)))
            start = stop
        return pa.concat_tables(found)
