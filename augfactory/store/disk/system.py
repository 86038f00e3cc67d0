"""The calls by which this program changes the disk, all of them, so that any can be made to fail.

``atomic.py``, ``lock.py`` and ``scratch.py`` alone use them. The tests in ``tests/faults`` put a
failing one, or one that kills the process, in the place of each; see docs/reliability.md.
"""

import os
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows has no fcntl; there a lock file has to do (lock.py)
    fcntl = None  # type: ignore[assignment]

HAS_FLOCK = fcntl is not None
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def open_new(path: Path) -> int:
    """Make the file ``path`` and open it for writing; it must not be there, not even as a link."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666)


def open_lock(path: Path) -> int:
    """Open a lock file, made where it is not there; nothing in it changes, no link is followed."""
    return os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o666)


def write(descriptor: int, data: Any) -> int:
    """Write as many bytes as go at once; return their number."""
    return os.write(descriptor, data)


def fsync(descriptor: int) -> None:
    """Flush a file or a folder to the disk."""
    os.fsync(descriptor)


def sync() -> None:
    """Flush all disks."""
    os.sync()


def replace(old: Path, new: Path) -> None:
    """Rename a file or a folder over what is there: a file, or an empty folder."""
    os.replace(old, new)


def mkdir(path: Path, mode: int = 0o777) -> None:
    """Make one folder."""
    os.mkdir(path, mode)


def rmdir(path: Path) -> None:
    """Remove an empty folder."""
    os.rmdir(path)


def unlink(path: Path) -> None:
    """Remove a file or a link."""
    os.unlink(path)


def chmod(path: Path, mode: int) -> None:
    """Set who may do what with a file."""
    os.chmod(path, mode)


def flock(descriptor: int) -> None:
    """Take the lock of an open file at once, or fail."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
