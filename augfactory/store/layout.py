"""What lies in the folder of a version, and nothing else does."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from augfactory.guarded.files import kind_of
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest import CHECKSUMS, MANIFEST, Manifest


@dataclass(frozen=True)
class Layout:
    """The files and folders of a version, as paths relative to it."""

    files: frozenset[str]
    folders: frozenset[str]


def layout_of(manifest: Manifest) -> Layout:
    """Return what lies in the folder of the version that ``manifest`` describes."""
    files = {entry.path for entry in manifest.files} | {MANIFEST, CHECKSUMS}
    folders = {*FORMATS[manifest.format].folders(manifest.class_names)}
    for path in (*files, *folders):
        folders.update(map(str, PurePosixPath(path).parents))
    return Layout(frozenset(files), frozenset(folders - {"."}))


def extra_entries(folder: Path, layout: Layout) -> list[Path]:
    """Return whatever lies in ``folder`` and is not part of ``layout``; of a tree only its root.

    Raises:
        OSError: a folder cannot be looked into.
    """
    return [
        folder / path for path, mode in _entries(folder, layout) if not _belongs(path, mode, layout)
    ]


def layout_problems(folder: Path, layout: Layout) -> list[str]:
    """Say what lies in ``folder`` and should not, and which of its folders are not there.

    Missing files are not told: whoever reads them finds out. Links are not followed.

    Raises:
        OSError: a folder cannot be looked into.
    """
    problems, found = [], set()
    for path, mode in _entries(folder, layout):
        found.add(path)
        if _belongs(path, mode, layout):
            continue
        if path in layout.files:
            problems.append(f"{path}: is {kind_of(mode)}, not a file")
        elif path in layout.folders:
            problems.append(f"{path}: is {kind_of(mode) or 'a file'}, not a folder")
        else:
            kind = kind_of(mode)
            problems.append(f"{path}: is not in the manifest{f'; it is {kind}' if kind else ''}")
    problems += [f"{path}: this folder is missing" for path in sorted(layout.folders - found)]
    return problems


def _belongs(path: str, mode: int, layout: Layout) -> bool:
    if stat.S_ISDIR(mode):
        return path in layout.folders
    return stat.S_ISREG(mode) and path in layout.files


def _entries(folder: Path, layout: Layout, below: str = "") -> Iterator[tuple[str, int]]:
    """Yield (path, mode) of every entry, in order; only folders of ``layout`` are gone into."""
    with os.scandir(folder / below if below else folder) as entries:
        listed = sorted((entry.name, entry.stat(follow_symlinks=False)) for entry in entries)
    for name, status in listed:
        path = f"{below}/{name}" if below else name
        yield path, status.st_mode
        if stat.S_ISDIR(status.st_mode) and path in layout.folders:
            yield from _entries(folder, layout, path)
