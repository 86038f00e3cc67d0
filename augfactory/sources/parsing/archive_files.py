"""Zip and tar files that nobody vouches for: their members listed, checked, and read one by one.

Nothing is unpacked to disk. A member of a zip or of a plain tar is read when it is asked for; a
compressed tar has no way to one member alone, so that its images are held in memory.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from augfactory.errors import InputDataError
from augfactory.guarded.files import UnsafePathError, check_relative, open_regular
from augfactory.guarded.text import escaped
from augfactory.records import MOST_HELD
from augfactory.sources.parsing.decoder_errors import decoder_errors

ZIP_SUFFIXES = (".zip",)
UNPACKERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys((".tar.gz", ".tgz"), gzip.open),
    **dict.fromkeys((".tar.bz2", ".tbz2"), bz2.open),
    **dict.fromkeys((".tar.xz", ".txz"), lzma.open),
}
TAR_SUFFIXES = (".tar", *UNPACKERS)
ZIP_HEADER = struct.Struct("<4s5H3I2H")  # of a member; the last two are lengths of name and extra
LARGEST_MEMBER = 2**28  # bytes
MOST_MEMBERS = 10_000_000
COPY_AGAIN = "The archive is damaged or incomplete; copy or pack it again."
UNSAFE = "No such archive is read: pack the images again, or unpack what you trust and name that."


@dataclass(frozen=True)
class Member:
    """A file in an archive, of ``size`` bytes.

    ``start`` is where it begins there; of a member of a zip, its header, and ``packed`` are the
    method and the bytes that it takes. ``data`` holds it where it is in memory.
    """

    archive: Path
    name: str
    size: int
    start: int = 0
    packed: tuple[int, int] | None = None
    data: memoryview | None = None

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            OSError, ValueError, zlib.error: it cannot be read whole.
        """
        if self.data is not None:
            return bytes(self.data)
        with open_regular(self.archive) as file:
            file.seek(self.start)
            if self.packed is None:
                found = file.read(self.size)
            else:
                found = self._unzipped(file, *self.packed)
        if len(found) != self.size:
            raise ValueError(f"{len(found):,} bytes instead of {self.size:,}")
        return found

    def _unzipped(self, file: BinaryIO, method: int, size: int) -> bytes:
        header = file.read(ZIP_HEADER.size)
        magic, *_, name_bytes, extra_bytes = ZIP_HEADER.unpack(header)
        if magic != b"PK\3\4":
            raise ValueError("it does not begin where the archive says")
        file.seek(name_bytes + extra_bytes, os.SEEK_CUR)
        data = file.read(size)
        if method == zipfile.ZIP_STORED:
            return data
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, self.size + 1)

    def open(self) -> BinaryIO:
        """Return its bytes as an open file; see ``read``."""
        return io.BytesIO(self.read())


def is_archive(path: Path) -> bool:
    """Say whether the name of ``path`` is that of a zip or tar file."""
    return path.name.lower().endswith((*ZIP_SUFFIXES, *TAR_SUFFIXES))


def members_of(path: Path) -> list[Member]:
    """Return all visible files of an archive, in its order.

    Raises:
        InputDataError: it is damaged, or has a member that could lead anywhere else: a link, a
            device, a path out of the archive; or one name twice, one that is encrypted or huge.
    """
    read = _zip_members if path.name.lower().endswith(ZIP_SUFFIXES) else _tar_members
    found: dict[str, Member] = {}
    with (
        decoder_errors(path, "cannot be read as an archive", COPY_AGAIN),
        open_regular(path) as file,
    ):
        for member in read(path, file):
            if len(found) >= MOST_MEMBERS:
                raise _unsafe(path, f"it has more than {MOST_MEMBERS:,} members")
            if member.name in found:
                raise _unsafe(path, f"two members are called {escaped(member.name)}")
            found[member.name] = member
    return [
        member
        for member in found.values()
        if not any(part.startswith((".", "__MACOSX")) for part in member.name.split("/"))
    ]


def _zip_members(path: Path, file: BinaryIO) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir():
                continue
            _check_name(path, name)
            if kind not in (0, stat.S_IFREG):
                raise _unsafe(path, f"{escaped(name)} is a link or a special file")
            if info.flag_bits & 1:
                raise _unsafe(path, f"{escaped(name)} is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _unsafe(path, f"{escaped(name)} is compressed in a rare way")
            _check_length(path, name, info.file_size)
            _check_length(path, name, info.compress_size)
            packed = (info.compress_type, info.compress_size)
            yield Member(path, name, info.file_size, info.header_offset, packed)


def _tar_members(path: Path, file: BinaryIO) -> Iterator[Member]:
    unpack = next((UNPACKERS[end] for end in UNPACKERS if path.name.lower().endswith(end)), None)
    whole = None
    if unpack is not None:
        with unpack(file) as stream:
            whole = stream.read(MOST_HELD + 1)
        if len(whole) > MOST_HELD:
            raise InputDataError(
                path, f"unpacked it has more than {MOST_HELD:,} bytes, and it is held in memory",
                "Unpack it and name the folder, or pack it as .zip or as plain .tar.",
            )  # fmt: skip
    source = file if whole is None else io.BytesIO(whole)
    with tarfile.open(fileobj=source, mode="r:") as archive:
        for info in archive:
            archive.members = []  # type: ignore[attr-defined]  # it would keep them all
            if info.isdir():
                continue
            name, start = info.name.removeprefix("./"), info.offset_data
            _check_name(path, name)
            if not info.isreg() or info.issparse():
                raise _unsafe(path, f"{escaped(name)} is a link or a special file")
            _check_length(path, name, info.size)
            held = None if whole is None else memoryview(whole)[start : start + info.size]
            yield Member(path, name, info.size, start, data=held)


def _check_name(path: Path, name: str) -> None:
    try:
        check_relative(name)
    except UnsafePathError as error:
        raise _unsafe(path, f"a member is called {escaped(name)}, which leads out of it") from error


def _check_length(path: Path, name: str, size: int) -> None:
    if not 0 <= size <= LARGEST_MEMBER:
        raise _unsafe(path, f"{escaped(name)} has {size:,} bytes, more than {LARGEST_MEMBER:,}")


def _unsafe(path: Path, what: str) -> InputDataError:
    return InputDataError(path, what, UNSAFE)


def names_of(members: Iterable[Member]) -> list[str]:
    """Return the names of members, in order."""
    return [member.name for member in members]
