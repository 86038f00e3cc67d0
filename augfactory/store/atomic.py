"""Files that are either whole or not there.

Bytes go to a temporary name in the same folder, are flushed to the disk, and are then renamed; the
folder is flushed too, so that the rename itself survives a power cut. Every byte that the store
writes passes through this file, which makes failure easy to inject in tests.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from augfactory.errors import RecipeError, ResourceError

try:
    import fcntl
except ImportError:  # Windows has no fcntl; there two writers of one dataset are not detected
    fcntl = None  # type: ignore[assignment]

FEW_FILES = 200


def write_file(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader sees all of it or the old file.

    Raises:
        ResourceError: the disk is full, or the folder may not be written.
    """
    with writing(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; at the end of the block it becomes ``path``.

    Raises:
        ResourceError: the disk is full, or the folder may not be written.
    """
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        yield temporary
        _flush_file(temporary)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise _as_resource_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_many(folder: Path, files: list[tuple[str, bytes]]) -> None:
    """Write many small files under ``folder`` and flush them together.

    The names may hold one sub-folder, which must exist. None of the files is to be relied on
    before this returns. Thousands are flushed by one flush of all disks, which is ten times as fast
    as a flush for each; a few are not worth disturbing the rest of the machine.

    Raises:
        ResourceError: the disk is full, or the folder may not be written.
    """
    path = folder
    try:
        for name, data in files:
            path = folder / name
            path.write_bytes(data)
        if len(files) > FEW_FILES:
            os.sync()
        else:
            for name, _ in files:
                path = folder / name
                _flush_file(path)
    except OSError as error:
        raise _as_resource_error(path, error) from error


def sync_folder(folder: Path) -> None:
    """Flush a folder's own entries to the disk."""
    _flush(folder, os.O_RDONLY)


def publish_folder(building: Path, final: Path) -> None:
    """Give a finished folder its public name, all at once, with its files read-only.

    Raises:
        ResourceError: the folder cannot be renamed.
    """
    try:
        for path in building.rglob("*"):
            if path.is_file():
                path.chmod(0o444)
        sync_folder(building)
        building.rename(final)
        sync_folder(final.parent)
    except OSError as error:
        raise _as_resource_error(final, error) from error


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for one writing process; the kernel lets go when that process dies.

    Raises:
        RecipeError: another process is writing there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "w")  # noqa: SIM115  held open for as long as the lock
    except OSError as error:
        raise _as_resource_error(folder, error) from error
    with lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RecipeError(
                    folder,
                    "another augfactory process is writing this dataset",
                    "Wait until it has ended, or give another --out.",
                ) from error
        yield


def _flush_file(path: Path) -> None:
    _flush(path, os.O_RDWR)


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _as_resource_error(path: Path, error: OSError) -> ResourceError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return ResourceError(
            path,
            "the disk is full",
            "Free some space and run the same command again: finished parts are kept.",
        )
    return ResourceError(
        path, f"cannot be written ({error.strerror or error})", "Check the folder and its rights."
    )
