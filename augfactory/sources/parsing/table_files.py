"""Tables from outside, as text: .csv, .tsv and .parquet, whatever wrote them."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from augfactory.errors import InputDataError
from augfactory.guarded.files import open_regular, read_file
from augfactory.guarded.parquet import open_parquet
from augfactory.guarded.text import escaped
from augfactory.sources.parsing.decoder_errors import decoder_errors

TEXT_SUFFIXES = (".csv", ".tsv")
PARQUET_SUFFIXES = (".parquet", ".pq")
LARGEST_TEXT = 2**30  # bytes
MOST_ROWS = 50_000_000
MOST_COLUMNS = 10_000
SEPARATORS = (",", ";", "\t", "|")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
SAVE_AGAIN = "Save it again as CSV with a line of column names, in UTF-8."


@dataclass(frozen=True)
class TextTable:
    """The cells of a table as text, stripped; ``lines`` tell where each row is in its file.

    ``unit`` is what a line is called in messages: "line" of a text file, "row" of others.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: Sequence[int]
    unit: str

    def __len__(self) -> int:
        return len(self.lines)

    def at(self, row: int) -> str:
        """Return where a row is: "line 12"."""
        return f"{self.unit} {self.lines[row]}"


def read_table(path: Path) -> TextTable:
    """Read a whole table.

    Raises:
        InputDataError: it is damaged, no UTF-8, has no rows, or a row has another number of cells.
    """
    packed = path.suffix.lower() in PARQUET_SUFFIXES
    table = _read_parquet(path) if packed else _read_text(path)
    if not len(table):
        raise InputDataError(path, "this table has no rows", "Give it a row for each image.")
    return table


def parquet_schema(path: Path) -> Any:  # pyarrow has no types
    """Return the ``pyarrow.Schema`` of a Parquet file.

    Raises:
        InputDataError: it is none.
    """
    with (
        decoder_errors(path, "cannot be read as Parquet", "Save or copy it again."),
        open_regular(path) as file,
        open_parquet(file) as parquet,
    ):
        return parquet.schema_arrow


def looks_like_image(name: str) -> bool:
    """Say whether a text ends as the name of an image file does."""
    return PurePath(name.lower()).suffix in IMAGE_SUFFIXES


def _read_parquet(path: Path) -> TextTable:
    columns: dict[str, list[str]] = {}
    with (
        decoder_errors(path, "cannot be read as Parquet", "Save or copy it again."),
        open_regular(path) as file,
        open_parquet(file) as parquet,
    ):
        rows = parquet.metadata.num_rows
        if rows > MOST_ROWS:
            raise InputDataError(path, f"it declares {rows:,} rows", "Split it.")
        for field in parquet.schema_arrow:
            if _is_plain(field.type):
                (values,) = parquet.read(columns=[field.name]).columns
                columns[field.name] = [_text(value) for value in values.to_pylist()]
    return TextTable(path, columns, range(rows), "row")


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer)
    more = (pa.types.is_floating, pa.types.is_boolean)
    return any(test(kind) for test in (*tests, *more))


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def _read_text(path: Path) -> TextTable:
    with decoder_errors(path, "cannot be read as a table", SAVE_AGAIN):
        text = read_file(path, LARGEST_TEXT).decode("utf-8-sig")
    if "\0" in text:
        raise InputDataError(path, "there are NUL characters in it", SAVE_AGAIN)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = _separator(path, first)
    rows, lines = [], []
    with decoder_errors(path, "cannot be read as a table", SAVE_AGAIN):
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    if not rows:
        return TextTable(path, {}, [], "line")
    names = rows[0]
    if any(map(looks_like_image, names)):  # no line of names
        names = [str(number) for number in range(1, len(names) + 1)]
    else:
        del rows[0], lines[0]
    _check_rows(path, names, rows, lines)
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return TextTable(path, columns, lines, "line")


def _separator(path: Path, first: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return max(SEPARATORS, key=first.count)


def _check_rows(
    path: Path, names: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int]
) -> None:
    if len(names) > MOST_COLUMNS:
        raise InputDataError(path, f"it has {len(names):,} columns", SAVE_AGAIN)
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise InputDataError(
            path, f"two columns are called '{escaped(twice[0])}'", "Rename or remove one of them."
        )
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(names):
            raise InputDataError(
                f"{path} line {line}",
                f"{len(row)} cells, where the first line has {len(names)}",
                "Mend the line; a cell with a separator in it needs quotes.",
            )
