"""Open regular files and nothing else; keep paths that come from data inside their folder.

A FIFO would hold a reader for ever, a device could give bytes without end, and a link inside a
dataset version could lead to any file of the machine.
"""

import errno
import hashlib
import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO

# Windows lacks some of these; there the check before opening has to do.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
LARGEST_FILE = 2**32  # bytes that are read in one piece

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotRegularError(OSError):
    """What should be a file is something else."""


class UnsafePathError(ValueError):
    """A path that comes from data leads out of its folder."""


def kind_of(mode: int) -> str | None:
    """Say what ``mode``, from a stat, is in words; None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((words for test, words in _KINDS if test(mode)), "a special file")


def is_folder(path: Path) -> bool:
    """Tell whether ``path`` is a folder; False where the path itself is impossible.

    Raises:
        PermissionError: a folder on the way may not be looked into.
    """
    mode = _mode(path, follow=True)
    return mode is not None and stat.S_ISDIR(mode)


def is_there(path: Path) -> bool:
    """Tell whether anything of this name is there, a dangling link too.

    Raises:
        PermissionError: a folder on the way may not be looked into.
    """
    return _mode(path, follow=False) is not None


def open_regular(path: Path | str, *, follow: bool = True) -> BinaryIO:
    """Open a regular file for reading, never waiting for anybody.

    Args:
        path: the file.
        follow: whether ``path`` may be a link to a regular file.

    Raises:
        NotRegularError: it is a folder, a FIFO, a socket, a device, or a link that is not followed.
        OSError: it cannot be opened.
    """
    # A device may act when it is opened, so it is looked at before; and again after, for what
    # lies there may have been exchanged.
    _require_regular(os.stat(path, follow_symlinks=follow).st_mode, path)
    flags = os.O_RDONLY | _NO_WAIT | (0 if follow else _NO_LINK)
    descriptor = os.open(path, flags)
    try:
        _require_regular(os.fstat(descriptor).st_mode, path)
        return open(path, "rb", opener=lambda *_: descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def read_file(path: Path | str, most: int = LARGEST_FILE, *, follow: bool = True) -> bytes:
    """Read a whole regular file of at most ``most`` bytes.

    Raises:
        ValueError: it is larger.
        OSError: it is not a regular file, or cannot be read.
    """
    with open_regular(path, follow=follow) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise ValueError(f"it has {size:,} bytes, more than the {most:,} that it may have")
        return file.read(size)


def sha256_of(file: BinaryIO) -> tuple[int, str]:
    """Return (bytes, sha256) of a file from where it stands to its end, block by block."""
    digest, size, block = hashlib.sha256(), 0, bytearray(2**20)
    view = memoryview(block)
    while count := file.readinto(block):  # type: ignore[attr-defined]  # any buffered file has it
        digest.update(view[:count])
        size += count
    return size, digest.hexdigest()


def check_relative(path: str) -> str:
    """Return ``path`` where it can only lead to something inside a folder.

    Raises:
        UnsafePathError: it is empty, absolute, has ``.``, ``..`` or empty parts, a backslash or a
            NUL in it.
    """
    parts = path.split("/")
    if (
        any(part in ("", ".", "..") for part in parts)
        or "\\" in path
        or "\0" in path
        or PurePosixPath(path).is_absolute()
    ):
        raise UnsafePathError(f"{path!r} is not a path inside the folder")
    return path


def inside(folder: Path, path: str) -> Path:
    """Return where ``path``, which comes from data, lies in ``folder``, all links excluded.

    Raises:
        UnsafePathError: it could lead out of ``folder``.
        NotRegularError: a folder on the way is a link, or none.
        OSError: a folder on the way is not there.
    """
    at = folder
    for part in check_relative(path).split("/")[:-1]:
        at = at / part
        mode = os.lstat(at).st_mode
        if not stat.S_ISDIR(mode):
            raise NotRegularError(
                errno.ENOTDIR, f"is {kind_of(mode) or 'a file'}, not a folder", str(at)
            )
    return at / path.rpartition("/")[2]


def open_inside(folder: Path, path: str) -> BinaryIO:
    """Open the regular file ``path`` in ``folder``; a link is followed nowhere on the way.

    Raises:
        UnsafePathError: ``path`` could lead out of ``folder``.
        OSError: it is not there, is not a regular file, or cannot be opened.
    """
    return open_regular(inside(folder, path), follow=False)


def read_inside(folder: Path, path: str, most: int = LARGEST_FILE) -> bytes:
    """Read the regular file ``path`` in ``folder``; see ``open_inside`` and ``read_file``."""
    return read_file(inside(folder, path), most, follow=False)


def _mode(path: Path, *, follow: bool) -> int | None:
    try:
        return os.stat(path, follow_symlinks=follow).st_mode
    except PermissionError:
        raise
    except (OSError, ValueError):  # not there, a name too long, a NUL in it
        return None


def _require_regular(mode: int, path: Path | str) -> None:
    kind = kind_of(mode)
    if kind is not None:
        raise NotRegularError(errno.EINVAL, f"it is {kind}, not a file", str(path))
