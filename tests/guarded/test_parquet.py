"""A table is held to its rows and types before a row of it is read."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augfactory.guarded.parquet import read_parquet

COLUMNS = {"a": [pa.int64()], "b": [pa.string(), pa.large_string()]}


def write(path: Path, rows: int, text: str = "x") -> Path:
    pq.write_table(
        pa.table({"a": pa.array(range(rows)), "b": [text] * rows, "c": [0] * rows}), path
    )
    return path


def test_the_wanted_columns_come_back(tmp_path: Path) -> None:
    table = read_parquet(write(tmp_path / "a", 5), COLUMNS, 5)
    assert table.column_names == ["a", "b"]
    assert table["a"].to_pylist() == [0, 1, 2, 3, 4]


def test_a_file_of_a_few_kilobytes_that_declares_a_million_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    pq.write_table(pa.table({"a": pa.array([0] * 1_000_000), "b": ["x"] * 1_000_000}), path)
    assert path.stat().st_size < 20_000
    with pytest.raises(ValueError, match="1,000,000 rows, more than the 99"):
        read_parquet(path, COLUMNS, 99)


@pytest.mark.parametrize("columns", [{"z": [pa.int64()]}, {"a": [pa.int32()]}])
def test_other_columns_than_expected_are_refused(
    tmp_path: Path, columns: dict[str, list[pa.DataType]]
) -> None:
    with pytest.raises(ValueError, match=r"its column 'a' is int64|no column 'z'"):
        read_parquet(write(tmp_path / "a", 5), columns, 5)


@pytest.mark.parametrize("name", ["run:1", "s3:x", "with space é"])
def test_a_name_is_a_path_and_no_address(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a", 5).rename(name)
    assert read_parquet(Path(name), COLUMNS, 5).num_rows == 5


def test_junk_is_a_value_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"PAR1" + b"\xff" * 100 + b"PAR1")
    with pytest.raises((ValueError, OSError)):
        read_parquet(tmp_path / "a", COLUMNS, 5)
