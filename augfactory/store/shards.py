"""A dataset under construction: shards that are published one by one, and their records.

The folder ``.building-<recipe id>`` beside the versions holds everything until it is whole. A shard
counts as done when its record is there; the record is written after the shard's files are on the
disk, and holds their hashes, so that a run that was killed continues where it stopped, and with
nothing that was damaged meanwhile.
"""

import base64
import contextlib
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from augfactory.errors import ResourceError
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import inside, is_there
from augfactory.records import Int64Array, Rows
from augfactory.store.disk.atomic import make_folders, remove, sync_folder, write_file, write_many
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import FinishedShard, Shard
from augfactory.store.layout import extra_entries, layout_of
from augfactory.store.manifest import PLAN, Manifest, file_entry, row_digests
from augfactory.store.manifest_parts import FileEntry
from augfactory.store.statistics import Counts, Statistics, Sums, Tally, Totals, sums_of
from augfactory.store.tables import Columns, join_tables, table_bytes

STATE = ".state"
ROWS = "rows.parquet"
RECORD = "json"
DIGEST_BYTES = 32
LONGEST_WAIT = 40.0  # seconds; all waits together are twice as long


class ShardRecord(BaseModel):
    """What is known of one finished shard; it lies beside the shard as JSON.

    Attributes:
        index: which shard.
        rows: how many it holds.
        files: its files.
        parts: what else was left for ``finish`` and ``join_plans``, in the folder of the state.
        counts: method -> class name -> rows.
        row_digests: 32 bytes for each row, in base64.
        sums: what the rows add up to.
        rejected: reason -> class name -> draws, where decoded images were filtered.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    rows: int
    files: tuple[FileEntry, ...]
    parts: tuple[FileEntry, ...]
    counts: Counts
    row_digests: str
    sums: Sums
    rejected: Counts | None = None

    @cached_property
    def digests(self) -> bytes:
        """32 bytes for each row."""
        return base64.b64decode(self.row_digests)


class Summary:
    """What the records of all shards add up to; no record is kept, and nothing of a row.

    Attributes:
        finished: each shard, as formats are told of it.
        files: the files of all.
    """

    def __init__(self, rows: int, building: Path) -> None:
        """Expect ``rows`` rows in ``building``."""
        self.finished: list[FinishedShard] = []
        self.files: list[FileEntry] = []
        self._building = building
        self._counts = Tally()
        self._rejected: Tally | None = None
        self._totals = Totals(rows, building / STATE)

    def digests(self, records: Iterable[ShardRecord]) -> Iterator[bytes]:
        """Take the records of all shards, in order; yield the digests of each."""
        for record in records:
            paths = tuple(entry.path for entry in record.files)
            table = self._building / state_name(record.index, ROWS)
            self.finished.append(FinishedShard(record.rows, paths, table))
            self.files += record.files
            self._counts.add(record.counts)
            if record.rejected is not None:
                self._rejected = self._rejected or Tally()
                self._rejected.add(record.rejected)
            digests = record.digests
            self._totals.add(record.sums, digests)
            yield digests

    @property
    def counts(self) -> Counts:
        """Method -> class name -> rows."""
        return self._counts.in_order()

    @property
    def rejected(self) -> Counts | None:
        """What was rejected: reason -> class name -> draws; None without a filter."""
        return None if self._rejected is None else self._rejected.in_order()

    def statistics(self) -> Statistics:
        """Return the figures of all rows."""
        return self._totals.statistics()


def building_folder(dataset: Path, recipe_id: str) -> Path:
    """Return where the dataset with this recipe is built."""
    return dataset / f".building-{recipe_id[:16]}"


def begin(building: Path, storage: str, class_names: list[str]) -> None:
    """Make the folders of a dataset under construction; those that exist are kept.

    What stands where a folder belongs and is none makes way: everything in ``building`` is ours.

    Raises:
        ResourceError: they cannot be made.
    """
    folders = [
        building / STATE,
        *(building / name for name in FORMATS[storage].folders(class_names)),
    ]
    for folder in folders:
        inner = folder.relative_to(building)
        for each in (*reversed(inner.parents), inner):
            path = building / each
            if is_there(path) and (path.is_symlink() or not path.is_dir()):
                remove(path)
    make_folders(folders)


def publish_shard(
    building: Path,
    storage: str,
    shard: Shard,
    rows: Rows,
    plan: Columns | None = None,
    rejected: Counts | None = None,
) -> None:
    """Write a shard, its part of the plan if it has one, and then its record.

    ``rejected`` is that of ``ShardRecord``.
    """
    encoded = FORMATS[storage].encode(shard, rows)
    _write(building, encoded.files)
    parts = {}
    if encoded.table is not None:
        parts[state_name(shard.index, ROWS)] = encoded.table
    if plan is not None:
        parts[state_name(shard.index, PLAN)] = table_bytes(plan)
    _write(building, parts)
    record = ShardRecord(
        index=shard.index,
        rows=len(rows),
        files=_entries(encoded.files),
        parts=_entries(parts),
        counts=count_rows(rows.method, rows.label, shard.class_names),
        row_digests=base64.b64encode(row_digests(rows)).decode(),
        sums=sums_of(rows),
        rejected=rejected,
    )
    _write(building, {state_name(shard.index, RECORD): record.model_dump_json().encode()})


def has_record(building: Path, index: int) -> bool:
    """Tell whether something was left of shard ``index``, whole or not."""
    return os.path.lexists(building / state_name(index, RECORD))


def finished_shard(building: Path, index: int, *, rehash: bool = True) -> ShardRecord | None:
    """Return the record of shard ``index`` if the shard is whole on the disk, else None.

    Every byte is held to the record's sha256; ``rehash=False``, for shards that this very run has
    written or has held to it, compares sizes alone. Whatever is damaged counts as not there, so
    that it is made again.
    """
    try:
        values = read_json(building / state_name(index, RECORD), follow=False)
        record = ShardRecord.model_validate(values)
        whole = record.index == index and len(record.digests) == DIGEST_BYTES * record.rows
        whole = whole and all(
            file_entry(building, entry.path) == entry
            if rehash
            else inside(building, entry.path).lstat().st_size == entry.size
            for entry in (*record.files, *record.parts)
        )
    except (OSError, ValueError):
        return None
    return record if whole else None


def wait_for_shard(building: Path, index: int) -> None:
    """Wait until the record of a shard that was published is seen here.

    A network disk may still remember for a minute that it was not there.

    Raises:
        ResourceError: it does not come.
    """
    record, seconds = building / state_name(index, RECORD), 0.01
    while not is_there(record):
        if seconds > LONGEST_WAIT:
            raise ResourceError(
                building,
                f"a worker published shard {index}, and it is not seen here",
                "Leave this folder alone while it is written. With several machines it must be "
                "shared by all, under the same path.",
            )
        time.sleep(seconds)
        with contextlib.suppress(OSError):
            os.listdir(record.parent)  # has a network disk look again
        seconds *= 2


def join_plans(building: Path, shards: int) -> None:
    """Join the plans of all shards into that of the dataset."""
    parts = [building / state_name(index, PLAN) for index in range(shards)]
    join_tables(parts, building / PLAN)


def finish(
    building: Path,
    storage: str,
    finished: list[FinishedShard],
    class_names: list[str],
    validation: list[FinishedShard],
) -> list[str]:
    """Write what the format keeps beside its shards; return the paths of it."""
    return FORMATS[storage].finish(building, class_names, finished, validation)


def drop_all_but(building: Path, manifest: Manifest) -> None:
    """Remove the state, leftovers and whatever else is not part of the dataset from its folder.

    Raises:
        ResourceError: something cannot be removed.
    """
    for path in extra_entries(building, layout_of(manifest)):
        remove(path)
    sync_folder(building)


def count_rows(
    methods: npt.NDArray[np.str_], labels: Int64Array, class_names: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Count rows: method -> class name -> rows."""
    counts: dict[str, dict[str, int]] = {}
    for method in sorted({*methods.tolist()}):
        numbers = np.bincount(labels[methods == method])
        counts[method] = {
            class_names[label]: int(numbers[label]) for label in np.flatnonzero(numbers).tolist()
        }
    return counts


def _write(building: Path, files: dict[str, bytes]) -> None:
    """Write files; many of them together, which is faster."""
    if len(files) > 2:
        write_many(building, list(files.items()))
        return
    for name, data in files.items():
        if (building / name).is_dir():  # it is ours, and belongs to no state that we leave
            remove(building / name)
        write_file(building / name, data)


def _entries(files: dict[str, bytes]) -> tuple[FileEntry, ...]:
    return tuple(
        FileEntry(path=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for name, data in files.items()
    )


def state_name(index: int, ending: str) -> str:
    """Return where what belongs to shard ``index`` lies in a building folder."""
    return f"{STATE}/{index:05d}.{ending}"
