"""left-out.parquet: the lines of the plan of rows that a version is stored without.

The numbers in it are those of the version that has all rows. The plan of the others counts anew and
keeps these numbers in two more columns, so that of a mixed row every parent is still known.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augfactory.guarded.decoding import decoding
from augfactory.guarded.files import inside, open_inside
from augfactory.guarded.parquet import check_table, open_parquet, read_parquet
from augfactory.records import Int64Array
from augfactory.store.formats.storage_format import unreadable
from augfactory.store.manifest import PLAN, Manifest
from augfactory.store.tables import MOST_PARENTS, as_arrow, write_tables

LEFT_OUT = "left-out.parquet"
ROW_BEFORE, PARENTS_BEFORE = "row_before", "parent_row_before"
IS_LEFT_OUT = -2  # in parent_row, where the row that was mixed is left out


def write_without(origin: Path, manifest: Manifest, building: Path, rows: Int64Array) -> None:
    """Write the plan of the version in ``origin`` without ``rows``, and the table of these.

    ``manifest`` is that of ``origin``; ``rows`` int64 [n], ascending, are its own numbers.

    Raises:
        VerificationError: its plan, or the table of rows that it was itself stored without, cannot
            be read.
    """
    number = np.full(manifest.rows, IS_LEFT_OUT, dtype=np.int64)
    kept = np.delete(np.arange(manifest.rows), rows)
    number[kept] = np.arange(len(kept))
    gone: list[pa.Table] = []

    def plan() -> Iterator[pa.Table]:
        for table in _lines(origin / PLAN, np.arange(manifest.rows), manifest.rows):
            own = number[np.asarray(table["row"])]
            whole = _with_numbers_before(table)
            yield _renumbered(whole.filter(pa.array(own != IS_LEFT_OUT)), number)
            gone.append(_as_before(whole.filter(pa.array(own == IS_LEFT_OUT))))

    write_tables(plan(), building / PLAN)
    if manifest.left_out:
        before = np.array(manifest.left_out, dtype=np.int64)
        gone += _lines(origin / LEFT_OUT, before, manifest.rows + len(before))
    write_tables([pa.concat_tables(gone).sort_by("row")], building / LEFT_OUT)


def read_drawn_of_left_out(
    folder: Path, left_out: Sequence[int], columns: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Return numbers that were drawn for each row left out: float64 [n, columns].

    It is to these rows what ``read_drawn`` is to those of the version.

    Raises:
        VerificationError: the table lacks one, is of other rows, or cannot be read.
    """
    types = {"row": [pa.int64()], **{name: [pa.float64()] for name in columns}}
    try:
        with decoding():
            table = read_parquet(inside(folder, LEFT_OUT), types, len(left_out), follow=False)
            if table["row"].to_pylist() != list(left_out):
                raise ValueError("it is not the table of the rows that are left out")
            return np.stack([table[name].to_numpy() for name in columns], axis=1)
    except (OSError, ValueError) as error:
        raise unreadable(folder / LEFT_OUT, error) from error


def _lines(path: Path, rows: Int64Array, most: int) -> Iterator[pa.Table]:
    """Yield the lines of the ``rows`` of a plan, part by part; parents are rows below ``most``.

    Raises:
        VerificationError: it is another table, or cannot be read.
    """
    lists = [pa.list_(pa.int64(), parents) for parents in range(1, MOST_PARENTS + 1)]
    try:
        with (
            decoding(),
            open_inside(path.parent, path.name) as file,
            open_parquet(file) as parquet,
        ):
            check_table(parquet, len(rows), {"row": [pa.int64()], "parent_row": lists})
            start = 0
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group).combine_chunks()
                found = rows[start : start + len(table)]
                parents = np.asarray(table["parent_row"].combine_chunks().flatten())
                if (
                    not np.array_equal(np.asarray(table["row"]), found)
                    or parents.max(initial=-1) >= most
                ):
                    raise ValueError("it is not the plan of these rows")
                yield table
                start += len(table)
            if start != len(rows):
                raise ValueError("it is not the plan of these rows")
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _with_numbers_before(table: pa.Table) -> pa.Table:
    """Return lines of a plan with the numbers of the version that has all rows."""
    if ROW_BEFORE in table.column_names:
        return table
    return table.append_column(ROW_BEFORE, table["row"]).append_column(
        PARENTS_BEFORE, table["parent_row"]
    )


def _as_before(table: pa.Table) -> pa.Table:
    """Return such lines as they were in the plan of the version that has all rows."""
    before = {"row": table[ROW_BEFORE], "parent_row": table[PARENTS_BEFORE]}
    return _with_columns(table.drop_columns([ROW_BEFORE, PARENTS_BEFORE]), before)


def _renumbered(table: pa.Table, number: Int64Array) -> pa.Table:
    """Return such lines with the ``number`` [rows] that each row of the version has from now on."""
    if not len(table):
        return table
    parents = np.asarray(table["parent_row"].combine_chunks().flatten()).reshape(len(table), -1)
    moved = np.where(parents >= 0, number[np.maximum(parents, 0)], parents)
    row = number[np.asarray(table["row"])]
    return _with_columns(table, {"row": as_arrow(row), "parent_row": as_arrow(moved)})


def _with_columns(table: pa.Table, columns: dict[str, pa.Array]) -> pa.Table:
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    return table
