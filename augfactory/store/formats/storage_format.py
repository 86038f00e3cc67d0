"""What a storage format is: how a shard becomes files, and how its rows are read again."""

import math
import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.errors import RecipeError, VerificationError
from augfactory.guarded.decoding import decoding
from augfactory.guarded.files import inside, open_regular
from augfactory.records import Int64Array, ReadImages, Rows, UInt8Array
from augfactory.store.formats.shard_names import RowRange
from augfactory.store.splits import TRAIN
from augfactory.store.tables import Columns, Expected

SMALL_FILE_BYTES = 4096  # what the smallest file takes on most disks
Elements = npt.NDArray[np.void]  # [n], images as ``element_of`` describes them
MOST_OPEN = 256  # shards at once; each holds a file descriptor, of which 1,024 are usual
MAPPED_AT_ONCE, MOST_MAPPED = 2**16, 2**18  # bytes: with a byte, and of a shard
READ_AT_ONCE = 2**20  # bytes of neighbouring images that are worth a read of their own
METADATA_COLUMNS = ("soft_label", "label", "method", "round", "view", "source_index", "weight")


@dataclass(frozen=True)
class Shard:
    """Which part of a split: shard ``index`` of ``count``, whose first row is ``first``."""

    index: int
    count: int
    first: int
    class_names: tuple[str, ...]
    split: str = TRAIN


@dataclass(frozen=True)
class Encoded:
    """A shard as bytes: file name in the version -> content.

    ``table`` is this shard's part of a table over the whole dataset, for ``finish`` to join.
    """

    files: dict[str, bytes]
    table: bytes | None = None


@dataclass(frozen=True)
class FinishedShard:
    """What ``finish`` learns of a shard: its rows, its files, and where its ``table`` was left."""

    rows: int
    paths: tuple[str, ...]
    table: Path


@dataclass(frozen=True)
class Place:
    """Where rows lie: in ``folder``, in shards that end before the rows ``shard_ends``.

    ``labels_of`` tells the labels of rows: rows -> int64 [n]. ``let_go`` is that of ``map_pixels``.
    """

    folder: Path
    image_shape: tuple[int, int, int]
    shard_ends: Int64Array
    class_names: tuple[str, ...]
    labels_of: Callable[[Int64Array], Int64Array]
    split: str = TRAIN
    let_go: bool = False


@dataclass(frozen=True)
class DatasetSize:
    """How large a dataset is, before a row of it was made. ``parents`` is P of ``source_index``."""

    rows: int
    shards: int
    image_shape: tuple[int, int, int]
    classes: int
    parents: int

    @property
    def image_bytes(self) -> int:
        """Bytes of one image's pixels."""
        return int(np.prod(self.image_shape))

    @property
    def png_bytes(self) -> int:
        """Bytes of one image as PNG where its pixels do not compress at all."""
        return self.image_bytes + self.image_shape[0] + 100

    @property
    def light_bytes(self) -> int:
        """Bytes of all other columns of a row."""
        return 4 * self.classes + 32 + 12 * self.parents


@dataclass(frozen=True)
class StorageFormat:
    """One way to store a dataset; each is one file of this folder.

    Attributes:
        name: what ``--format`` calls it.
        reading: Markdown for the card: how to read it without augfactory. Its first block of Python
            runs in the version's folder, and leaves what it read of row 0.
        data_files: a pattern of its data files, as Hugging Face ``datasets`` takes it.
        folders: class names -> the folders that its files lie in.
        encode: a shard's rows -> its files; the same bytes for the same rows.
        finish: writes what needs all shards, those of the training rows and those of the
            validation images; returns the paths of what it wrote.
        read_columns: (folder, paths of all files, what is expected) -> METADATA_COLUMNS of one
            shard after the other, in row order, each read when it is asked for. Raises OSError,
            KeyError or ValueError where the files are not those that the format writes, or declare
            more than is expected.
        read_class_names: (folder, paths of all files) -> the class names as each file that holds
            them has them; raises as ``read_columns``.
        open_images: place -> a reader: rows -> uint8 [n, H, W, C], in the order asked, repeats
            allowed. It opens a file when a row of it is asked for, and may keep it open.
        rows_of: (path of a file, first and last row of each shard) -> first and last row in the
            file; None where it holds no images.
        expected_size: -> (bytes, files) of the data, an upper bound where pixels compress.
        check_class_names: refuses those that it cannot store.
        more_files: paths of the files that lie beside its folders.
        table: (pattern of the Parquet files with a line for each row, the column that holds or
            names the image), for Croissant; None where there are none.
        not_extracted: what Croissant cannot describe of it, in a sentence; empty for nothing.
        grey_note: Markdown for the card: where others make three channels of a grey image.
        package: what writes and reads it and is not installed with augfactory, but by the extra of
            the format's name; empty where nothing is needed.
        module: what is imported from ``package``.
    """

    name: str
    reading: str
    data_files: str
    folders: Callable[[Sequence[str]], list[str]]
    encode: Callable[[Shard, Rows], Encoded]
    finish: Callable[[Path, Sequence[str], list[FinishedShard], list[FinishedShard]], list[str]]
    read_columns: Callable[[Path, list[str], Expected], Iterator[Columns]]
    read_class_names: Callable[[Path, list[str]], list[list[str]]]
    open_images: Callable[[Place], ReadImages]
    rows_of: Callable[[str, Sequence[RowRange]], RowRange | None]
    expected_size: Callable[[DatasetSize], tuple[int, int]]
    check_class_names: Callable[[Sequence[str]], None] = lambda _: None
    more_files: tuple[str, ...] = ()
    table: tuple[str, str] | None = None
    not_extracted: str = ""
    grey_note: str = ""
    package: str = ""
    module: str = ""

    def check_installed(self) -> None:
        """Refuse a format whose package is not there.

        Raises:
            RecipeError: it is not installed.
        """
        found = find_spec(self.module) if self.module else None
        if self.module and (found is None or found.origin is None):  # a mere folder has no origin
            raise RecipeError(
                f"format {self.name}",
                f"needs the package {self.package}",
                f"Install it: python -m pip install 'augfactory[{self.name}]'",
            )


def nothing_to_finish(
    building: Path,
    class_names: Sequence[str],
    shards: list[FinishedShard],
    validation: list[FinishedShard],
) -> list[str]:
    """Finish a format whose shards stand for themselves."""
    del building, class_names, shards, validation
    return []


def open_by_shard(
    place: Place,
    shard_path: Callable[[int, int], str],
    open_shard: Callable[[Path], Callable[[Int64Array], Elements]],
) -> ReadImages:
    """Return a reader over shards, each of which stays open from its first row on.

    ``shard_path`` tells where shard (index, count) lies; ``open_shard`` makes a reader of one that
    takes rows counted from the shard's first and returns images as ``as_elements`` does. The reader
    of all raises VerificationError, naming the shard that cannot be read.
    """
    starts = np.concatenate([[0], place.shard_ends[:-1]])
    number = np.uint16 if len(starts) <= 2**16 else np.int64  # a radix sort for 16 bits

    @lru_cache(MOST_OPEN)
    def opened(index: int) -> Callable[[Int64Array], Elements]:
        return open_shard(path_of(index))

    def path_of(index: int) -> Path:
        return inside(place.folder, shard_path(index, len(starts)))

    def read(rows: Int64Array) -> UInt8Array:
        images = np.empty(len(rows), element_of(place.image_shape))
        shard = np.searchsorted(place.shard_ends, rows, side="right").astype(number)
        order = np.argsort(shard, kind="stable")
        places = (rows - starts[shard])[order]
        first = 0
        for index, end in enumerate(np.cumsum(np.bincount(shard)).tolist()):
            if first < end:
                try:
                    with decoding():
                        images[order[first:end]] = opened(index)(places[first:end])
                except (OSError, ValueError) as error:
                    path = place.folder / shard_path(index, len(starts))
                    raise unreadable(path, error) from error
                first = end
        return images.view(np.uint8).reshape(len(rows), *place.image_shape)

    return read


def map_pixels(
    path: Path, element: np.dtype[np.void], start: int, count: int, *, let_go: bool = False
) -> Callable[[Int64Array], Elements]:
    """Return a reader of ``count`` images that are in one piece from byte ``start`` of a file.

    They are mapped; neighbours are read, for what is mapped counts as memory of this process.
    ``let_go`` keeps that to some ``MOST_MAPPED`` bytes, where much else is done with each image.
    """
    least = max(2, READ_AT_ONCE // element.itemsize)
    mapped, touched = list[tuple[Elements, Any]](), 0  # and the map itself

    def read(rows: Int64Array) -> Elements:
        nonlocal touched
        first, length = int(rows[0]), len(rows)
        if length >= least and first + length <= count and (np.diff(rows) == 1).all():
            with open_regular(path, follow=False) as file:
                return np.fromfile(file, element, length, offset=start + first * element.itemsize)
        if not mapped:
            with open_regular(path, follow=False) as file:
                pages = np.memmap(file, element, "r", start, (count,))
            mapped.append((pages.view(np.ndarray), pages.base))
        images = mapped[0][0][rows]
        touched += length * max(MAPPED_AT_ONCE, element.itemsize)
        if let_go and touched > MOST_MAPPED and hasattr(mmap, "MADV_DONTNEED"):
            mapped[0][1].madvise(mmap.MADV_DONTNEED)
            touched = 0
        return images

    return read


def element_of(image_shape: tuple[int, int, int]) -> np.dtype[np.void]:
    """Return the type of an image as one element, which numpy copies whole."""
    return np.dtype(f"V{math.prod(image_shape)}")


def as_elements(images: UInt8Array) -> Elements:
    """Return contiguous images [n, H, W, C] as [n] elements."""
    count, *shape = images.shape
    return images.reshape(count, math.prod(shape)).view(f"V{math.prod(shape)}")[:, 0]


def unreadable(path: Path, error: Exception) -> VerificationError:
    """Return the error for a file of a version that cannot be read."""
    return VerificationError(
        path, f"cannot be read: {error}", "Run `augfactory verify` on this version."
    )
