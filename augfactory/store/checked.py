"""Hold the files of a version to its manifest when it is opened, and remember that they passed.

Hashing takes a second for each gigabyte. So what passed is remembered in the user's own cache
folder, by size and times of each file, and is hashed again when one of them differs. Where nothing
can be remembered there, it is remembered for this process.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from augfactory.errors import AugfactoryError, VerificationError
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import inside, open_regular, sha256_of
from augfactory.store.disk.atomic import make_folders, write_file
from augfactory.store.manifest import Manifest
from augfactory.store.manifest_parts import FileEntry

DOCUMENTS = ("README.md", "preview.png", "croissant.json")  # no data: people may add to a card
Passed = dict[str, list[int | str]]
_passed_here: dict[str, Passed] = {}


def check_files(folder: Path, manifest: Manifest) -> None:
    """Hold every data file of the version in ``folder`` to size and sha256 of its manifest.

    Raises:
        VerificationError: one differs, is missing, is not a regular file, or cannot be read.
    """
    memory = _memory_of(folder)
    before = _recall(memory)
    passed: Passed = {}
    for entry in manifest.files:
        if entry.path not in DOCUMENTS:
            passed[entry.path] = _check(folder, entry, before.get(entry.path))
    if passed != before:
        _remember(memory, passed)


def _check(folder: Path, entry: FileEntry, before: Sequence[int | str] | None) -> list[int | str]:
    """Return what to remember of the file, which is as the manifest says."""
    path = folder / entry.path
    remedy = (
        "`augfactory verify` tells what else differs. Restore the file, or delete the version and "
        "expand again."
    )
    try:
        with open_regular(inside(folder, entry.path), follow=False) as file:
            status = os.fstat(file.fileno())
            known: list[int | str] = [
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_ino,
                entry.sha256,
            ]
            if status.st_size != entry.size:
                what = f"has {status.st_size:,} bytes, and its manifest says {entry.size:,}"
                raise VerificationError(path, what, remedy)
            if before == known or sha256_of(file)[1] == entry.sha256:
                return known
    except FileNotFoundError as error:
        raise VerificationError(path, "is missing", remedy) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise VerificationError(path, f"cannot be read: {reason}", remedy) from error
    what = "its content was changed: its sha256 is not that of the manifest"
    raise VerificationError(path, what, remedy)


def _memory_of(folder: Path) -> Path | None:
    """Return where it is remembered what passed of the version in ``folder``."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if not os.path.isabs(base):
        return None
    key = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()
    return Path(base) / "augfactory" / "checked" / f"{key}.json"


def _recall(memory: Path | None) -> Passed:
    here = _passed_here.get(str(memory), {})
    if here or memory is None:
        return here
    with contextlib.suppress(OSError, ValueError):
        found = read_json(memory, follow=False)
        if isinstance(found, dict):
            return found
    return {}


def _remember(memory: Path | None, passed: Passed) -> None:
    _passed_here[str(memory)] = passed
    if memory is not None:
        with contextlib.suppress(AugfactoryError):  # a home that may not be written is no fault
            make_folders([memory.parent])
            write_file(memory, json.dumps(passed).encode())
