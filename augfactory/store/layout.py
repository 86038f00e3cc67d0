"""What lies in the folder of a version, and nothing else does."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from augfactory.guarded.files import kind_of
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest import CHECKSUMS, MANIFEST, Manifest


@dataclass(frozen=True)
class Layout:
    """The files and folders of a version, as paths relative to it."""

    files: frozenset[str]
    folders: frozenset[str]


# Pattern of a name -> who leaves such things in the folders that they read.
LEFT_BY = {
    "*.cache": "a list of images that ultralytics keeps",
    "*_split": "a copy of the images that ultralytics cut into splits",
    ".DS_Store": "left by the Finder of macOS",
    "._*": "left by macOS",
    "Thumbs.db": "left by Windows Explorer",
    "desktop.ini": "left by Windows Explorer",
    ".ipynb_checkpoints": "left by Jupyter",
    "__pycache__": "left by Python",
    ".cache": "left by a downloader, such as huggingface_hub",
    ".nfs*": "a file that was removed on a network disk while somebody had it open",
}


@dataclass(frozen=True)
class Foreign:
    """Something in the folder of a version that does not belong to it, and its ``mode``."""

    path: str
    mode: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder; a link to one is none."""
        return stat.S_ISDIR(self.mode)

    def as_problem(self) -> str:
        """Say what it is, and who leaves such things, where that is known."""
        kind, name = kind_of(self.mode), PurePosixPath(self.path).name
        who = next((who for like, who in LEFT_BY.items() if fnmatchcase(name, like)), None)
        told = "".join(f"; {each}" for each in (kind and f"it is {kind}", who) if each)
        return f"{self.path}: is not in the manifest{told}"


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


def foreign_entries(folder: Path, layout: Layout) -> list[Foreign]:
    """Return whatever is in ``folder`` under a name that ``layout`` has not; of a tree its root.

    Raises:
        OSError: a folder cannot be looked into.
    """
    return [
        Foreign(path, mode)
        for path, mode in _entries(folder, layout)
        if path not in layout.files and path not in layout.folders
    ]


def layout_problems(folder: Path, layout: Layout) -> list[str]:
    """Say which files and folders of ``layout`` are something else in ``folder``, or not there.

    What is not part of ``layout`` at all is told by ``foreign_entries``. Missing files are not
    told: whoever reads them finds out. Links are not followed.

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
