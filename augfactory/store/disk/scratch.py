"""Folders for what is needed for a while, which are gone afterwards, whatever happens.

A folder is made where the environment's TMPDIR says. It holds a locked file as long as its process
lives; the next process that needs a folder removes those whose process was killed.
"""

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from augfactory.errors import AugfactoryError, unwritable
from augfactory.guarded.files import is_there
from augfactory.held_signals import signals_held
from augfactory.store.disk import system
from augfactory.store.disk.atomic import remove

PREFIX = "augfactory-"
OWNER = ".owner"
DIGITS = 12


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Give a new folder of this process, removed at the end of the block.

    Raises:
        ResourceError: it cannot be made.
    """
    with owned_folder(Path(tempfile.gettempdir()), f"{PREFIX}{purpose}-") as folder:
        yield folder


@contextlib.contextmanager
def owned_folder(base: Path, prefix: str) -> Iterator[Path]:
    """Do so in ``base``; its name is ``prefix`` and twelve hexadecimal digits.

    Raises:
        ResourceError: it cannot be made.
    """
    _remove_abandoned(base, prefix)
    folder, descriptor = _owned_folder(base, prefix)
    try:
        yield folder
    finally:
        with signals_held():
            os.close(descriptor)
            for _ in range(2):  # a call that was interrupted does better the next time
                with contextlib.suppress(AugfactoryError):  # the next process tries again
                    remove(folder)
                    break


def _owned_folder(base: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder; again where another process took it for abandoned before it was locked."""
    while True:
        folder = base
        try:
            folder = base / f"{prefix}{secrets.token_hex(DIGITS // 2)}"
            system.mkdir(folder, 0o700)
            descriptor = system.open_lock(folder / OWNER)
            with contextlib.suppress(OSError):  # where there are no locks, nothing is removed later
                system.flock(descriptor)
            if is_there(folder / OWNER):
                return folder, descriptor
            os.close(descriptor)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and base.is_dir():
                continue
            if folder != base:
                with contextlib.suppress(OSError):
                    system.rmdir(folder)
            raise unwritable(folder, error) from error


def _remove_abandoned(base: Path, prefix: str) -> None:
    """Remove folders of ours whose process was killed; nothing of that is worth an error."""
    ours = re.compile(f"{re.escape(prefix)}[0-9a-f]{{{DIGITS}}}")
    with contextlib.suppress(OSError):
        for folder in base.iterdir():
            if not ours.fullmatch(folder.name) or folder.is_symlink():
                continue
            with contextlib.suppress(OSError, AugfactoryError):
                if hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid():
                    continue
                descriptor = system.open_lock(folder / OWNER)
                try:
                    system.flock(descriptor)
                    remove(folder)
                finally:
                    os.close(descriptor)
