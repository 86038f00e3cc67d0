"""A look at every image of a source: what cannot be read, sizes and colours, and copies."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from augfactory.errors import InputDataError
from augfactory.guarded.text import escaped
from augfactory.records import Int64Array, LeftOut, Source, UInt8Array
from augfactory.threads import read_each

HASH_BYTES = 16
Seen = tuple[tuple[int, ...], bytes]  # the shape of an image as stored, and a hash of its pixels


@dataclass(frozen=True)
class Examined:
    """What a look at every image found.

    Attributes:
        source: what was looked at, all rows of it.
        shapes: int64 [N, 3], (height, width, channels) as stored; 0 for what cannot be read.
        broken: row -> the error that reading it raises.
        copies: rows that hold the same pixels as stored, two or more each, in row order.
    """

    source: Source
    shapes: Int64Array
    broken: dict[int, InputDataError]
    copies: tuple[tuple[int, ...], ...]

    @property
    def sound(self) -> Int64Array:
        """The rows that can be read, int64 [n]."""
        return np.flatnonzero(self.shapes[:, 0])

    @property
    def skipped(self) -> tuple[LeftOut, ...]:
        """The images that cannot be read, by name, as text that any document can hold."""
        return tuple(
            LeftOut(escaped(self.source.row_name(row)), escaped(_reason(error)))
            for row, error in self.broken.items()
        )

    @property
    def across_classes(self) -> tuple[tuple[int, ...], ...]:
        """Those of ``copies`` that have more than one label."""
        labels = self.source.labels
        return tuple(rows for rows in self.copies if len(set(labels[list(rows)].tolist())) > 1)

    @property
    def sizes(self) -> Counter[tuple[int, int]]:
        """How many images that can be read have each (height, width)."""
        return Counter(map(tuple, self.shapes[self.sound, :2].tolist()))

    @property
    def counts(self) -> list[int]:
        """How many images that can be read each class has."""
        source = self.source
        kept = source.labels[self.sound]
        return [int(count) for count in np.bincount(kept, minlength=len(source.class_names))]

    @property
    def colours(self) -> tuple[int, int]:
        """How many images that can be read are stored grey, and how many in colour."""
        grey = int((self.shapes[:, 2] == 1).sum())
        return grey, len(self.sound) - grey

    @property
    def median_side(self) -> int:
        """The median of all heights and widths in pixels."""
        return round(float(np.median(self.shapes[self.sound, :2])))


def examine(source: Source, on_rows: Callable[[int], None] | None = None) -> Examined:
    """Read every image once, block by block, and never stop at one that cannot be read.

    ``on_rows`` is told how many rows were read.
    """
    shapes = np.zeros((len(source), 3), dtype=np.int64)
    broken: dict[int, InputDataError] = {}
    alike: dict[bytes, list[int]] = defaultdict(list)
    for rows in source.blocks():
        for row, found in zip(rows.tolist(), _seen(source, rows), strict=True):
            if isinstance(found, InputDataError):
                broken[row] = found
            else:
                shapes[row], digest = found
                alike[digest].append(row)
            if on_rows is not None:
                on_rows(1)
    copies = tuple(tuple(own) for own in alike.values() if len(own) > 1)
    return Examined(source, shapes, broken, copies)


def _seen(source: Source, rows: Int64Array) -> Iterator[Seen | InputDataError]:
    """Yield what is kept of each image as stored, or why it cannot be read.

    Large ones are held one at a time, or one in each thread.
    """
    read = source.read_stored
    if read is None:
        try:
            yield from map(_seen_of, source.read_images(rows))
            return
        except InputDataError:  # one of them; which, the single rows tell
            read = partial(_read_row, source)
    yield from read_each(partial(_one, read), rows.tolist())


def _seen_of(image: UInt8Array) -> Seen:
    head = np.asarray(image.shape, dtype="<i8").tobytes()
    content = head + np.ascontiguousarray(image).tobytes()
    return image.shape, hashlib.blake2b(content, digest_size=HASH_BYTES).digest()


def _reason(error: InputDataError) -> str:
    """Return why an image cannot be read, without saying that it cannot."""
    within = re.fullmatch(r"cannot be read as an image \((.*)\)", error.what, re.DOTALL)
    return error.what if within is None else within[1]


def _read_row(source: Source, row: int) -> UInt8Array:
    image: UInt8Array = source.read_images(np.array([row]))[0]
    return image


def _one(read: Callable[[int], UInt8Array], row: int) -> Seen | InputDataError:
    try:
        return _seen_of(read(row))
    except InputDataError as error:
        return error
