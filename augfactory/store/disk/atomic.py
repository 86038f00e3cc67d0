"""Files that are either whole or not there.

Bytes go to a temporary name in the same folder, are flushed to the disk, and are then renamed; the
folder is flushed too, so that the rename itself survives a power cut. All that this program keeps,
and what it removes of that, passes through this file, which makes failure easy to inject in tests.
Scratch folders and locks, which are gone when a command ends, do not.
"""

import contextlib
import io
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from augfactory.errors import unwritable
from augfactory.store.disk import system

FEW = 200  # files or folders; more are flushed by one flush of all disks
TEMPORARY = ".tmp-"


def write_file(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader sees all of it or the old file.

    Raises:
        ResourceError: the disk is full, or the folder may not be written.
    """
    with writing(path) as file:
        file.write(data)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to; at the end of the block it becomes ``path``.

    Raises:
        ResourceError: the disk is full, or the folder may not be written.
    """
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}")
    try:
        descriptor = system.open_new(temporary)
        try:
            with io.BufferedWriter(_Written(descriptor), 2**20) as file:
                yield file
            system.fsync(descriptor)
        finally:
            os.close(descriptor)
        system.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_many(folder: Path, files: list[tuple[str, bytes]]) -> None:
    """Write many small files under ``folder`` and flush them together.

    The names may hold sub-folders, which must exist. None of the files is to be relied on before
    this returns. Thousands are flushed by one flush of all disks, which is ten times as fast as a
    flush for each; a few are not worth disturbing the rest of the machine.

    Raises:
        ResourceError: the disk is full, or the folder may not be written.
    """
    path = folder
    at_once = len(files) > FEW
    try:
        for name, data in files:
            path = folder / name
            _write_new(path, data, flush=not at_once)
        if at_once:
            system.sync()
        else:
            for path in {(folder / name).parent: None for name, _ in files}:
                sync_folder(path)
    except OSError as error:
        raise unwritable(path, error) from error


def make_folders(folders: Iterable[Path]) -> list[Path]:
    """Make folders with those above them; return those that were not there, outermost first.

    Raises:
        ResourceError: one cannot be made.
    """
    made: dict[Path, None] = {}
    path = Path()
    try:
        for path in folders:
            for folder in (*reversed(path.parents), path):
                if folder in made or folder.is_dir():
                    continue
                try:
                    system.mkdir(folder)
                except FileExistsError:
                    if not folder.is_dir():  # else another process has just made it
                        raise
                else:
                    made[folder] = None
        if len(made) > FEW:
            system.sync()
        else:
            for path in {folder.parent: None for folder in made}:
                sync_folder(path)
    except OSError as error:
        raise unwritable(path, error) from error
    return list(made)


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it, if it is there.

    Links are removed, not followed.

    Raises:
        ResourceError: it cannot be removed.
    """
    try:
        _remove(path)
    except OSError as error:
        raise unwritable(path, error) from error


def remove_empty(folder: Path) -> None:
    """Remove a folder if it is there and empty; one that is not, or may not be removed, stays."""
    with contextlib.suppress(OSError):
        system.rmdir(folder)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written in ``folder``, if that is there.

    Raises:
        ResourceError: it cannot be removed.
    """
    try:
        with os.scandir(folder) as entries:
            found = [Path(each.path) for each in entries if each.name.startswith(TEMPORARY)]
    except FileNotFoundError:
        return
    except OSError as error:
        raise unwritable(folder, error) from error
    for path in found:
        remove(path)


def sync_folder(folder: Path) -> None:
    """Flush a folder's own entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        system.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_folder(building: Path, final: Path) -> None:
    """Give a finished folder its public name, all at once, with its files read-only.

    Raises:
        ResourceError: the folder cannot be renamed.
    """
    try:
        folders = [building]
        for path in building.rglob("*"):
            if path.is_dir():
                folders.append(path)
            else:
                system.chmod(path, 0o444)
        if len(folders) > FEW:
            system.sync()
        else:
            for folder in folders:
                sync_folder(folder)
        system.replace(building, final)
        sync_folder(final.parent)
    except OSError as error:
        raise unwritable(final, error) from error


class _Written(io.RawIOBase):
    """What a buffered writer writes to: an open file, by way of ``system``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return system.write(self._descriptor, data)


def _write_new(path: Path, data: bytes, *, flush: bool) -> None:
    """Write a file in the place of whatever an interrupted run left there.

    What is there is replaced at once: another machine may have written the same and relies on it.
    """
    try:
        _write_bytes(system.open_new(path), data, flush=flush)
        return
    except FileExistsError:
        if path.is_dir() and not path.is_symlink():
            _remove(path)
    beside = path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}")
    try:
        _write_bytes(system.open_new(beside), data, flush=flush)
        system.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _write_bytes(descriptor: int, data: bytes, *, flush: bool) -> None:
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[system.write(descriptor, rest) :]
        if flush:
            system.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    try:
        is_folder = path.is_dir() and not path.is_symlink()
        if not is_folder:
            system.unlink(path)
            return
        with os.scandir(path) as entries:
            inside = [Path(entry.path) for entry in entries]
        for each in inside:
            _remove(each)
        system.rmdir(path)
    except FileNotFoundError:
        return
