"""A shard counts as done when its files are whole and its record says so."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from augfactory.errors import ResourceError
from augfactory.records import Rows
from augfactory.store import shards, tables
from augfactory.store.disk import system
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import Shard
from tests.store.conftest import make_rows

CLASSES = ["cat", "dog", "emu"]


def publish(building: Path, storage: str, index: int, first: int, rows: Rows) -> None:
    plan = {"row": np.arange(first, first + len(rows)), "source_index": rows.source_index}
    shards.publish_shard(building, storage, Shard(index, 2, first, tuple(CLASSES)), rows, plan)


@pytest.mark.parametrize("storage", FORMATS)
def test_record_tells_rows_files_and_counts(tmp_path: Path, storage: str, rows: Rows) -> None:
    shards.begin(tmp_path, storage, CLASSES)
    assert shards.finished_shard(tmp_path, 0) is None
    publish(tmp_path, storage, 0, 0, rows)

    record = shards.finished_shard(tmp_path, 0)

    assert record is not None
    assert record.rows == 10
    assert len(record.files) == (10 if storage == "png" else 1)
    assert sum(sum(classes.values()) for classes in record.counts.values()) == 10
    assert sum(record.counts["original"].values()) == 3
    assert len(record.digests) == 320


@pytest.mark.parametrize("storage", FORMATS)
def test_shard_with_a_cut_or_missing_file_is_not_done(
    tmp_path: Path, storage: str, rows: Rows
) -> None:
    shards.begin(tmp_path, storage, CLASSES)
    publish(tmp_path, storage, 0, 0, rows)
    record = shards.finished_shard(tmp_path, 0)
    assert record is not None
    path = tmp_path / record.files[-1].path
    path.write_bytes(path.read_bytes()[:-1])
    assert shards.finished_shard(tmp_path, 0) is None
    path.unlink()
    assert shards.finished_shard(tmp_path, 0) is None


@pytest.mark.parametrize("relative", [False, True])
def test_what_stands_where_a_folder_belongs_makes_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, relative: bool
) -> None:
    """A link above all: what is written must not follow it out of the dataset."""
    monkeypatch.chdir(tmp_path)
    building = Path("building") if relative else tmp_path / "building"
    (building / "images" / "train").mkdir(parents=True)
    Path("outside").mkdir()
    Path("outside/kept").write_text("theirs")
    (building / shards.STATE).symlink_to(tmp_path / "outside")
    shards.begin(building, "png", CLASSES)
    assert not (building / shards.STATE).is_symlink()
    assert (building / shards.STATE).is_dir()
    assert [path.name for path in Path("outside").iterdir()] == ["kept"]


def test_half_a_record_is_no_record(tmp_path: Path, rows: Rows) -> None:
    shards.begin(tmp_path, "hdf5", CLASSES)
    publish(tmp_path, "hdf5", 0, 0, rows)
    record = next((tmp_path / shards.STATE).glob("*.json"))
    record.write_bytes(record.read_bytes()[:50])
    assert shards.finished_shard(tmp_path, 0) is None


def test_a_record_of_before_there_were_sums_is_no_record(tmp_path: Path, rows: Rows) -> None:
    shards.begin(tmp_path, "hdf5", CLASSES)
    publish(tmp_path, "hdf5", 0, 0, rows)
    path = next((tmp_path / shards.STATE).glob("*.json"))
    record = json.loads(path.read_bytes())
    del record["sums"]
    path.write_text(json.dumps(record))
    assert shards.finished_shard(tmp_path, 0) is None


def test_tables_are_joined_in_row_order(tmp_path: Path) -> None:
    shards.begin(tmp_path, "png", CLASSES)
    publish(tmp_path, "png", 1, 10, make_rows(4, seed=1))
    publish(tmp_path, "png", 0, 0, make_rows(10))
    records = [shards.finished_shard(tmp_path, index) for index in range(2)]
    summary = shards.Summary(14, tmp_path)
    digests = [*summary.digests(record for record in records if record is not None)]
    assert [len(part) for part in digests] == [320, 128]
    shards.join_plans(tmp_path, 2)
    paths = shards.finish(tmp_path, "png", summary.finished, CLASSES, [])
    assert paths == ["train/metadata.parquet"]
    assert pq.read_table(tmp_path / "plan.parquet")["row"].to_pylist() == list(range(14))
    assert pq.read_table(tmp_path / paths[0]).num_rows == 14


def test_tables_of_many_shards_share_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What describes a group is in memory until the last: it would grow with the shards."""
    monkeypatch.setattr(tables, "GROUP_ROWS", 10)
    for number in range(7):
        part = {"row": np.arange(4 * number, 4 * number + 4)}
        (tmp_path / f"{number}.parquet").write_bytes(tables.table_bytes(part))
    joined = tmp_path / "joined.parquet"
    tables.join_tables((tmp_path / f"{number}.parquet" for number in range(7)), joined)
    file = pq.ParquetFile(joined)
    assert [file.metadata.row_group(group).num_rows for group in range(3)] == [12, 12, 4]
    assert file.read()["row"].to_pylist() == list(range(28))


@pytest.mark.parametrize("storage", FORMATS)
def test_a_shard_that_is_written_twice_is_whole_all_the_while(
    tmp_path: Path, storage: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster may run a task again while another machine is still at it."""
    shards.begin(tmp_path, storage, CLASSES)
    publish(tmp_path, storage, 0, 0, rows)
    record, write, seen = shards.finished_shard(tmp_path, 0), system.write, []

    def writing(descriptor: int, data: Any) -> int:
        done = write(descriptor, data)
        seen.append(shards.finished_shard(tmp_path, 0) == record)
        return done

    monkeypatch.setattr(system, "write", writing)
    publish(tmp_path, storage, 0, 0, rows)
    assert record is not None
    assert len(seen) > 2
    assert all(seen)
    assert not list(tmp_path.rglob(".tmp-*"))


def test_a_record_that_is_seen_late_is_waited_for(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards.begin(tmp_path, "hdf5", CLASSES)
    monkeypatch.setattr(shards, "LONGEST_WAIT", 0.02)
    with pytest.raises(ResourceError, match=r"shard 0, and it is not seen here(.|\n)*shared"):
        shards.wait_for_shard(tmp_path, 0)
    monkeypatch.setattr(shards, "LONGEST_WAIT", 40)
    timer = threading.Timer(0.05, publish, (tmp_path, "hdf5", 0, 0, rows))
    timer.start()
    shards.wait_for_shard(tmp_path, 0)
    timer.join()
    assert shards.finished_shard(tmp_path, 0) is not None
