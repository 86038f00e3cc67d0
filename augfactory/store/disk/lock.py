"""One writer at a time in a folder.

By default the kernel holds the lock and lets go when its process dies. Some network and user-space
file systems have no such locks; there ``file`` keeps a file that says who writes, and ``none``
trusts the user.
"""

import contextlib
import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from augfactory.errors import AugfactoryError, RecipeError, ResourceError, one_of, unwritable
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import is_there
from augfactory.store.disk import system
from augfactory.store.disk.atomic import make_folders

Lock = Literal["flock", "file", "none"]
LOCK, LOCK_FILE = ".lock", ".lock-file"
MOST_TRIES = 100  # of a lock that its owner removes just then
HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


def read_lock(text: str) -> Lock:
    """Check what ``--lock`` says.

    Raises:
        RecipeError: it is none of the three.
    """
    locks: tuple[Lock, ...] = get_args(Lock)
    return one_of("--lock", "lock", text, locks)


@contextlib.contextmanager
def only_writer(folder: Path, lock: Lock = "flock") -> Iterator[None]:
    """Hold ``folder``, made where it is not there, for one writing process.

    Folders that were made for the block and are empty after it are removed again.

    Raises:
        RecipeError: another process is writing there.
        ResourceError: the folder cannot be made, or its file system cannot lock.
    """
    made = make_folders([folder])
    try:
        if lock == "none":
            yield
        elif lock == "file" or not system.HAS_FLOCK:
            with _lock_file(folder / LOCK_FILE):
                yield
        else:
            with _flock(folder / LOCK):
                yield
    finally:
        with contextlib.suppress(OSError):
            for each in reversed(made):
                system.rmdir(each)


def drop_left_lock(folder: Path, lock: Lock = "flock") -> None:
    """Remove the lock of a process that ended before it could, if there is one."""
    if is_there(folder / LOCK) or is_there(folder / LOCK_FILE):
        with contextlib.suppress(AugfactoryError), only_writer(folder, lock):
            pass


@contextlib.contextmanager
def _flock(path: Path) -> Iterator[None]:
    descriptor = _locked(path)
    try:
        yield
    finally:
        _remove(path)  # while it is held: nobody else can have locked this file
        os.close(descriptor)


def _locked(path: Path) -> int:
    """Open and lock ``path``; again where its owner removed it between the two."""
    for _ in range(MOST_TRIES):
        try:
            descriptor = system.open_lock(path)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise ResourceError(
                    path, "is a link, which is not followed", "Remove it; it is not a file of ours."
                ) from error
            raise unwritable(path, error) from error
        try:
            system.flock(descriptor)
            if _is_still(descriptor, path):
                return descriptor
        except OSError as error:
            os.close(descriptor)
            if error.errno in HELD:
                raise _held(path.parent, "") from error
            raise ResourceError(
                path,
                f"cannot be locked ({error.strerror or error}): some network and user-space file "
                "systems have no locks",
                "Add --lock file, which keeps a file there instead, or --lock none where nothing "
                "else writes to this folder.",
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise ResourceError(
        path, "is not a lock of ours: what is opened there is another file each time", "Remove it."
    )


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _lock_file(path: Path) -> Iterator[None]:
    own = json.dumps({"host": socket.gethostname(), "process": os.getpid()}).encode()
    try:
        try:
            descriptor = system.open_new(path)
        except FileExistsError:
            _refuse_unless_dead(path)
            system.unlink(path)
            descriptor = system.open_new(path)
        try:
            system.write(descriptor, own)
            system.fsync(descriptor)
        finally:
            os.close(descriptor)
    except FileExistsError as error:  # another process was quicker
        raise _held(path.parent, "") from error
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    """Remove a lock, at the second try if need be; one that stays is no reason to fail."""
    for _ in range(2):
        with contextlib.suppress(OSError):
            system.unlink(path)
            return


def _refuse_unless_dead(path: Path) -> None:
    """Raise RecipeError unless the process that left the lock file ran here and is gone."""
    try:
        owner = read_json(path, 4096, follow=False)
        host, process = str(owner["host"]), int(owner["process"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _held(path.parent, f", says {path}, which does not say which") from error
    if host == socket.gethostname() and process > 0:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        except (OSError, OverflowError):
            pass
    raise _held(path.parent, f": process {process} on {host}, says {path}")


def _held(folder: Path, who: str) -> RecipeError:
    remedy = "Wait until it has ended, or give another --out."
    if who:
        remedy += " If it no longer runs, delete that file."
    return RecipeError(folder, f"another augfactory process is writing there{who}", remedy)
