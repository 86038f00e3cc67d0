"""Lance files that nobody vouches for: held to their size before pylance, which aborts, sees them.

The end of a Lance file tells where its tables are: for each column, and for each further buffer,
the place of its description. pylance takes memory for what it declares, and ends the process
where there is none.

A process that is forked from one that used pylance must not use it. Its table of waiting threads
(that of the Rust package parking_lot) still names those of the parent, which are not in the child;
whoever walks it crashes or waits for ever, in none of the children or in half, by chance.
"""

import contextlib
import functools
import os
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from augfactory.errors import ResourceError
from augfactory.guarded.files import open_regular

# Columns' descriptions, table of columns, table of buffers; how many buffers and columns; version.
END = struct.Struct("<QQQIIHH4s")
ENTRY = struct.Struct("<QQ")  # the first byte and the length of a description
MAGIC = b"LANC"
VERSION = (0, 3)  # as files of the format 2.0 say it
MOST_COLUMNS = 64
MOST_BUFFERS = 3  # of a column of text
NUMBER = re.compile(r": (\d+)")


def whole_file(path: Path) -> int:
    """Return the bytes of a regular file whose end is that of a Lance file, format 2.0.

    Raises:
        ValueError: it is another.
        OSError: it is no regular file.
    """
    with open_regular(path, follow=False) as file:
        size = os.fstat(file.fileno()).st_size
        if size < END.size:
            raise ValueError("it is too short for a Lance file")
        file.seek(size - END.size)
        *places, buffers, columns, major, minor, magic = END.unpack(file.read(END.size))
        if magic != MAGIC or (major, minor) != VERSION:
            raise ValueError("it does not end as a Lance file of the format 2.0 does")
        if max(buffers, columns) > MOST_COLUMNS or max(places) > size:
            raise ValueError(f"it declares {columns:,} columns and {buffers:,} buffers")
        for count, place in ((columns, places[1]), (buffers, places[2])):
            _check_entries(file, count, place, size)
    return size


def _check_entries(file: BinaryIO, count: int, place: int, size: int) -> None:
    file.seek(place)
    table = file.read(count * ENTRY.size)
    if len(table) < count * ENTRY.size:
        raise ValueError("a table of its columns is cut")
    for first, length in ENTRY.iter_unpack(table):
        if first + length > size:
            raise ValueError("a description of a column is not inside it")


@functools.cache
def _first_user() -> int:
    """Return the number of the process that used pylance first: this one, or one it came from."""
    return os.getpid()


def lance_file() -> Any:
    """Return the module ``lance.file``, for a process that may use it.

    Raises:
        ResourceError: this process was forked by one that had used it.
    """
    if _first_user() != os.getpid():
        raise ResourceError(
            "format lance",
            "this process was forked by one that had used pylance, which crashes or hangs then",
            'Start processes by "spawn" or "forkserver", or use Lance in them alone.',
        )
    with warnings.catch_warnings():
        from lance import file
    # The package warns of every later fork. Of what is forked nothing here comes back to it.
    warnings.filterwarnings("ignore", "lance is not fork-safe")
    return file


@contextlib.contextmanager
def panics_caught() -> Iterator[None]:
    """Turn a panic of pylance, which is no ``Exception``, into a ValueError."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"pylance gave up: {str(error)[:200]}") from error


def open_lance(path: Path, columns: Sequence[str] | None = None) -> Any:
    """Return a ``LanceFileReader`` of ``columns``, all of them at None.

    Raises:
        ValueError, OSError: as ``whole_file``, or pylance cannot read it.
        ResourceError: as ``lance_file``.
    """
    file = lance_file()
    whole_file(path)
    with panics_caught():
        return file.LanceFileReader(
            str(path.absolute()), columns=None if columns is None else [*columns]
        )


def check_pages(about: Any, widths: dict[str, int | None], size: int) -> None:
    """Hold the data of all columns to be plain, in one piece each, inside a file of ``size`` bytes.

    ``about`` is the metadata of the file; ``widths`` are the bytes of a value, None where values
    are of different lengths.

    Raises:
        ValueError: a column is stored in another way.
    """
    for name, column in zip(widths, about.columns, strict=True):
        buffers = [buffer for page in column.pages for buffer in page.buffers]
        if len(column.pages) != 1 or len(buffers) > MOST_BUFFERS:
            raise ValueError(f"its column {name!r} is in {len(column.pages):,} pages")
        wanted = widths[name] and widths[name] * about.num_rows
        if wanted is not None and [buffer.size for buffer in buffers] != [wanted]:
            raise ValueError(f"its column {name!r} is not in one piece")
        if any(buffer.position + buffer.size > size for buffer in buffers):
            raise ValueError(f"its column {name!r} is not inside it")
        for page in column.pages:
            declared = [int(number) for number in NUMBER.findall(page.encoding)]
            if "compression: Some" in page.encoding or max(declared, default=0) > size:
                raise ValueError(f"its column {name!r} is not stored as it was written")


def buffers_of(about: Any, name: str) -> list[Any]:
    """Return the buffers of a column, which have a ``position`` and a ``size``."""
    column = about.columns[about.schema.names.index(name)]
    return [buffer for page in column.pages for buffer in page.buffers]


def read_buffers(path: Path, about: Any, name: str) -> list[bytes]:
    """Return the bytes of a column, after ``check_pages``."""
    with open_regular(path, follow=False) as file:
        found = []
        for buffer in buffers_of(about, name):
            file.seek(buffer.position)
            found.append(file.read(buffer.size))
    return found


def texts_of(buffers: Sequence[bytes], rows: int, longest: int) -> npt.NDArray[np.str_]:
    """Return a column of text, str [rows].

    Its buffers are the ends of all words, int64, and the words; before them, where words repeat,
    which word each row has, uint8 from 1 on. A word has at most ``longest`` bytes.

    Raises:
        ValueError: they are something else.
    """
    if len(buffers) not in (2, MOST_BUFFERS):
        raise ValueError(f"a column of text has {len(buffers)} buffers")
    *numbers, stored, words = buffers
    ends = np.frombuffer(stored, "<i8")
    index = np.frombuffer(numbers[0], np.uint8).astype(np.int64) - 1 if numbers else np.arange(rows)
    lengths = np.diff(ends, prepend=0)
    if (
        not 0 < len(ends) <= rows
        or len(index) != rows
        or index.min() < 0
        or index.max() >= len(ends)
        or lengths.min() < 0
        or lengths.max() > longest
        or ends[-1] > len(words)
    ):
        raise ValueError("the words of a column of text are not as they were written")
    starts = (ends - lengths).tolist()
    texts = [words[a:b].decode() for a, b in zip(starts, ends.tolist(), strict=True)]
    return np.array(texts)[index]
