"""Shards that go from machine to machine through a place that all of them reach.

A shard lies there as it does in a building folder, its record last, so that what is half sent is
never taken for one.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from augfactory.errors import ResourceError
from augfactory.guarded.documents import parse_json
from augfactory.guarded.files import check_relative, inside
from augfactory.store.disk.atomic import make_folders, remove, write_file, write_many
from augfactory.store.disk.remote import Remote
from augfactory.store.shards import RECORD, ShardRecord, finished_shard, state_name


def send_files(place: Remote, folder: Path, paths: Iterable[str]) -> None:
    """Send files of ``folder`` to the same paths of ``place``, in this order."""
    folders: set[str] = set()
    for path in paths:
        parent = str(PurePosixPath(path).parent)
        if parent not in folders:
            place.make_folder(parent)
            folders.add(parent)
        place.put(inside(folder, path), path)


def fetch_files(place: Remote, folder: Path, paths: Iterable[str]) -> None:
    """Write files of ``place`` to the same paths of ``folder``."""
    for path in paths:
        make_folders([(folder / check_relative(path)).parent])
        write_file(inside(folder, path), place.read(path))


def send_shard(place: Remote, building: Path, index: int) -> None:
    """Send a finished shard of ``building``.

    Raises:
        ResourceError: it is not there.
    """
    record = finished_shard(building, index, rehash=False)
    if record is None:
        raise ResourceError(building, f"shard {index} vanished", "Run the same command again.")
    files = [entry.path for entry in (*record.files, *record.parts)]
    send_files(place, building, [*files, state_name(index, RECORD)])


def fetch_shard(place: Remote, building: Path, index: int) -> ShardRecord:
    """Take a shard that was sent into ``building``; one that is there already stays.

    Raises:
        ResourceError: it is not what its record says.
    """
    here = finished_shard(building, index, rehash=False)
    if here is not None:
        return here
    data = place.read(state_name(index, RECORD))
    try:
        record = ShardRecord.model_validate(parse_json(data))
        entries = (*record.files, *record.parts)
        files = [(entry.path, place.read(entry.path)) for entry in entries]
        for entry, (_, content) in zip(entries, files, strict=True):
            if hashlib.sha256(content).hexdigest() != entry.sha256:
                raise ValueError(f"{entry.path} is not what was sent")
        make_folders({(building / check_relative(path)).parent: None for path, _ in files})
    except ValueError as error:
        raise ResourceError(
            place.address,
            f"shard {index} is damaged there ({error})",
            "Remove what lies there, and run the same command again.",
        ) from error
    write_many(building, files)
    write_file(building / state_name(index, RECORD), data)
    return record


def drop_shard(building: Path, index: int) -> None:
    """Remove a finished shard from ``building``, its record first."""
    record = finished_shard(building, index, rehash=False)
    remove(building / state_name(index, RECORD))
    for entry in () if record is None else (*record.files, *record.parts):
        remove(inside(building, entry.path))
