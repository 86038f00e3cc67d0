"""A dataset under construction: shards that are published one by one, and their records.

The folder ``.building-<recipe id>`` beside the versions holds everything until it is whole. A shard
counts as done when its record is there; the record is written after the shard's files are on the
disk, and names their sizes, so that a run that was killed goes on where it stood.
"""

import base64
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from augfactory.records import Rows
from augfactory.store.atomic import sync_folder, write_file, write_many
from augfactory.store.formats import FORMATS
from augfactory.store.manifest import PLAN, FileEntry, row_digests
from augfactory.store.statistics import Sums, sums_of
from augfactory.store.storage_format import FinishedShard, Shard
from augfactory.store.tables import Columns, join_tables, table_bytes

STATE = ".state"
ROWS = "rows.parquet"


@dataclass(frozen=True)
class ShardRecord:
    """What is known of one finished shard.

    ``counts`` maps method -> class name -> rows; ``digests`` holds 32 bytes for each row; ``sums``
    is what the rows add up to.
    """

    index: int
    rows: int
    files: tuple[FileEntry, ...]
    counts: dict[str, dict[str, int]]
    digests: bytes
    sums: Sums


def building_folder(dataset: Path, recipe_id: str) -> Path:
    """Return where the dataset with this recipe is built."""
    return dataset / f".building-{recipe_id[:16]}"


def begin(building: Path, storage: str, class_names: list[str]) -> None:
    """Make the folders of a dataset under construction; those that exist are kept."""
    (building / STATE).mkdir(parents=True, exist_ok=True)
    for name in FORMATS[storage].folders(class_names):
        (building / name).mkdir(parents=True, exist_ok=True)


def publish_shard(
    building: Path,
    storage: str,
    shard: Shard,
    rows: Rows,
    plan: Columns | None = None,
) -> None:
    """Write a shard, its part of the plan if it has one, and then its record."""
    encoded = FORMATS[storage].encode(shard, rows)
    contents = encoded.files
    if len(contents) == 1:
        for name, data in contents.items():
            write_file(building / name, data)
    else:
        write_many(building, list(contents.items()))
    if encoded.table is not None:
        write_file(_state_file(building, shard.index, ROWS), encoded.table)
    if plan is not None:
        write_file(_state_file(building, shard.index, PLAN), table_bytes(plan))
    record = {
        "index": shard.index,
        "rows": len(rows),
        "files": [
            {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in contents.items()
        ],
        "counts": _counts(rows, shard.class_names),
        "digests": base64.b64encode(row_digests(rows)).decode(),
        "sums": asdict(sums_of(rows)),
    }
    write_file(_state_file(building, shard.index, "json"), json.dumps(record).encode())


def finished_shard(building: Path, index: int) -> ShardRecord | None:
    """Return the record of shard ``index`` if the shard is whole on the disk, else None."""
    try:
        values = json.loads(_state_file(building, index, "json").read_bytes())
        files = tuple(FileEntry.model_validate(entry) for entry in values["files"])
        sums = Sums.from_json(values["sums"])
        whole = all((building / entry.path).stat().st_size == entry.size for entry in files)
    except (FileNotFoundError, ValueError, KeyError):
        return None
    if not whole:
        return None
    return ShardRecord(
        values["index"],
        values["rows"],
        files,
        values["counts"],
        base64.b64decode(values["digests"]),
        sums,
    )


def join_plans(building: Path, shards: int) -> None:
    """Join the plans of all shards into that of the dataset."""
    join_tables([_state_file(building, index, PLAN) for index in range(shards)], building / PLAN)


def finish(
    building: Path, storage: str, records: list[ShardRecord], class_names: list[str]
) -> list[str]:
    """Write what the format keeps beside its shards; return the paths of it."""
    finished = [
        FinishedShard(
            record.rows,
            tuple(entry.path for entry in record.files),
            _state_file(building, record.index, ROWS),
        )
        for record in records
    ]
    return FORMATS[storage].finish(building, class_names, finished)


def drop_state(building: Path) -> None:
    """Remove what only a dataset under construction needs."""
    shutil.rmtree(building / STATE)
    for path in building.rglob(".tmp-*"):
        path.unlink()
    sync_folder(building)


def add_counts(records: list[ShardRecord]) -> dict[str, dict[str, int]]:
    """Sum the counts of all shards: method -> class name -> rows."""
    total: dict[str, Counter[str]] = {}
    for record in records:
        for method, classes in record.counts.items():
            total.setdefault(method, Counter()).update(classes)
    return {method: dict(sorted(classes.items())) for method, classes in sorted(total.items())}


def _state_file(building: Path, index: int, ending: str) -> Path:
    return building / STATE / f"{index:05d}.{ending}"


def _counts(rows: Rows, class_names: Sequence[str]) -> dict[str, dict[str, int]]:
    pairs = Counter(zip(rows.method.tolist(), rows.label.tolist(), strict=True))
    counts: dict[str, dict[str, int]] = {}
    for (method, label), number in sorted(pairs.items()):
        counts.setdefault(method, {})[class_names[label]] = number
    return counts
