"""A simulated disk that forgets at a power cut whatever was not flushed.

It is told every call that changes a disk. A file keeps the bytes that it had at its last flush, a
folder the names that it had at its last flush. That is the least that POSIX promises; real file
systems keep more, in any order. So there is a second way to lose power: all names are kept, and
the bytes of files that were not flushed are gone, as some file systems do it.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Loss = Literal["names and bytes", "bytes"]


@dataclass
class File:
    """Bytes as they are, and as they survive."""

    data: bytearray = field(default_factory=bytearray)
    kept: bytes = b""


@dataclass
class Folder:
    """Names as they are, and as they survive."""

    names: dict[str, "File | Folder"] = field(default_factory=dict)
    kept: dict[str, "File | Folder"] = field(default_factory=dict)


@dataclass
class Disk:
    """What lies under ``root``, which is there from the beginning, and the open descriptors.

    What is done in the folder for temporary files is carried out and forgotten: nothing there has
    to survive.
    """

    root: Path
    top: Folder = field(default_factory=Folder)
    opened: dict[int, File] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)  # folders that nobody told of

    def called(
        self, _number: int, name: str, real: Callable[..., Any], given: tuple[Any, ...]
    ) -> Any:
        """Carry out a call and note what it changed."""
        if given and self._is_temporary(given[0]):
            return real(*given)
        if name == "fsync":
            self._flush(given[0])
        answer = real(*given)
        if name in ("open_new", "open_lock"):
            folder, own = self._at(given[0])
            file = folder.names.setdefault(own, File())
            assert isinstance(file, File)
            self.opened[answer] = file
        elif name == "write":
            self.opened[given[0]].data += bytes(given[1])[:answer]
        elif name == "sync":
            _flush_all(self.top)
        elif name == "replace":
            (before, old), (after, new) = self._at(given[0]), self._at(given[1])
            after.names[new] = before.names.pop(old)
        elif name == "mkdir":
            folder, own = self._at(given[0])
            folder.names[own] = Folder()
        elif name in ("unlink", "rmdir"):
            folder, own = self._at(given[0])
            del folder.names[own]
        return answer

    def _is_temporary(self, what: Any) -> bool:
        if isinstance(what, int):
            what = os.readlink(f"/proc/self/fd/{what}")
        path = Path(what).absolute()
        return path.is_relative_to(tempfile.gettempdir()) and not path.is_relative_to(self.root)

    def after_a_power_cut(self, place: Path, loss: Loss) -> None:
        """Write under ``place`` what is left."""
        _write(self.top, place, loss)

    def differences(self) -> list[str]:
        """Name what lies on the real disk otherwise than by the calls that were told."""
        return [*self.strangers, *_differences(self.top, self.root)]

    def _flush(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_dir():
            folder = self._folder(path)
            if folder is not None:
                folder.kept = dict(folder.names)
        else:
            file = self.opened[descriptor]
            file.kept = bytes(file.data)

    def _at(self, path: Path) -> tuple[Folder, str]:
        folder = self._folder(Path(path).absolute().parent)
        assert folder is not None, f"{path}: lies outside {self.root}"
        return folder, Path(path).name

    def _folder(self, path: Path) -> Folder | None:
        if not path.is_relative_to(self.root):
            return None
        folder = self.top
        for part in path.relative_to(self.root).parts:
            if part not in folder.names:
                self.strangers.append(str(path))
                folder.names[part] = Folder()
            below = folder.names[part]
            assert isinstance(below, Folder)
            folder = below
        return folder


def _flush_all(folder: Folder) -> None:
    folder.kept = dict(folder.names)
    for each in folder.names.values():
        if isinstance(each, Folder):
            _flush_all(each)
        else:
            each.kept = bytes(each.data)


def _write(folder: Folder, place: Path, loss: Loss) -> None:
    place.mkdir(exist_ok=True)
    for name, each in (folder.names if loss == "bytes" else folder.kept).items():
        if isinstance(each, Folder):
            _write(each, place / name, loss)
        else:
            (place / name).write_bytes(each.kept)


def _differences(folder: Folder, place: Path) -> list[str]:
    there = {path.name: path for path in place.iterdir()}
    found = [f"{place / name}" for name in folder.names.keys() ^ there.keys()]
    for name in folder.names.keys() & there.keys():
        each, path = folder.names[name], there[name]
        if isinstance(each, Folder):
            found += _differences(each, path)
        elif bytes(each.data) != path.read_bytes():
            found.append(str(path))
    return sorted(found)
