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
from dataclasses import dataclass
from pathlib import Path

from augfactory.records import Rows
from augfactory.store import hdf5, png
from augfactory.store.atomic import sync_folder, write_file, write_many
from augfactory.store.manifest import PLAN, FileEntry, row_digests
from augfactory.store.tables import Columns, join_tables, table_bytes

STATE = ".state"


@dataclass(frozen=True)
class ShardRecord:
    """What is known of one finished shard.

    ``counts`` maps method -> class name -> rows; ``digests`` holds 32 bytes for each row.
    """

    index: int
    rows: int
    files: tuple[FileEntry, ...]
    counts: dict[str, dict[str, int]]
    digests: bytes


def building_folder(dataset: Path, recipe_id: str) -> Path:
    """Return where the dataset with this recipe is built."""
    return dataset / f".building-{recipe_id[:16]}"


def begin(building: Path, storage: str, class_names: list[str]) -> None:
    """Make the folders of a dataset under construction; those that exist are kept."""
    (building / STATE).mkdir(parents=True, exist_ok=True)
    if storage == "png":
        for name in class_names:
            (building / png.FOLDER / name).mkdir(parents=True, exist_ok=True)
    else:
        (building / "shards").mkdir(exist_ok=True)


def publish_shard(
    building: Path,
    storage: str,
    index: int,
    first: int,
    rows: Rows,
    plan: Columns,
    class_names: list[str],
) -> None:
    """Write shard ``index``, which begins at row ``first``, and then its record."""
    if storage == "png":
        contents = _write_png(building, index, first, rows, class_names)
    else:
        contents = {hdf5.shard_path(index): hdf5.shard_bytes(rows, class_names)}
        for name, data in contents.items():
            write_file(building / name, data)
    write_file(_state_file(building, index, PLAN), table_bytes(plan))
    record = {
        "index": index,
        "rows": len(rows),
        "files": [
            {"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in contents.items()
        ],
        "counts": _counts(rows, class_names),
        "digests": base64.b64encode(row_digests(rows)).decode(),
    }
    write_file(_state_file(building, index, "json"), json.dumps(record).encode())


def _write_png(
    building: Path, index: int, first: int, rows: Rows, class_names: list[str]
) -> dict[str, bytes]:
    names = [
        png.image_path(first + place, class_names[label])
        for place, label in enumerate(rows.label.tolist())
    ]
    contents = dict(zip(names, map(png.encode, rows.image), strict=True))
    write_many(building, list(contents.items()))
    schema = png.schema(class_names, rows.source_index.shape[1])
    table = table_bytes(png.metadata_columns(rows, first, class_names), schema)
    write_file(_state_file(building, index, "metadata.parquet"), table)
    return contents


def finished_shard(building: Path, index: int) -> ShardRecord | None:
    """Return the record of shard ``index`` if the shard is whole on the disk, else None."""
    try:
        values = json.loads(_state_file(building, index, "json").read_bytes())
        files = tuple(FileEntry.model_validate(entry) for entry in values["files"])
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
    )


def join_state(building: Path, storage: str, shards: int) -> list[str]:
    """Join the tables of all shards into those of the dataset; return their paths."""
    parts = [_state_file(building, index, PLAN) for index in range(shards)]
    join_tables(parts, building / PLAN)
    paths = [PLAN]
    if storage == "png":
        parts = [_state_file(building, index, "metadata.parquet") for index in range(shards)]
        join_tables(parts, building / png.METADATA)
        paths.append(png.METADATA)
    return paths


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


def _counts(rows: Rows, class_names: list[str]) -> dict[str, dict[str, int]]:
    pairs = Counter(zip(rows.method.tolist(), rows.label.tolist(), strict=True))
    counts: dict[str, dict[str, int]] = {}
    for (method, label), number in sorted(pairs.items()):
        counts.setdefault(method, {})[class_names[label]] = number
    return counts
