"""What flows through everything."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from augfactory.errors import RecipeError

UInt8Array = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
ObjectArray = npt.NDArray[np.object_]

# Rows are drawn, encoded and decoded in blocks, at fixed places: bit equality rests on it.
BLOCK_ROWS = 64
READ_AT_ONCE = 256  # rows, where nothing else is said
DECODED_AT_ONCE = 64  # rows, where a bar is watched: photographs of a phone take ten seconds
MOST_HELD = 2**30  # bytes of a source that are read into memory

Colour = Literal["auto", "grey", "rgb"]
Fit = Literal["crop", "squash", "pad"]
FITS: tuple[Fit, ...] = ("crop", "squash", "pad")
# rows, in any order, repeats allowed -> uint8 [n, H, W, C]
ReadImages = Callable[[Int64Array], UInt8Array]


@dataclass(frozen=True)
class SourceOptions:
    """What else says which images a source has and what their pixels are; recorded with its rows.

    Attributes:
        fit: how an image is brought to another height and width; None is "crop".
        root: of a table, the folder that its file names are told from, as told from the table's
            own folder; None is the table's own.
        file_column: of a table; None has it found by its name.
        label_column: likewise.
        nested: whether images deeper in a class folder are rows too; None: where there are any.
        follow_links: whether links may lead out of the source's folder.
    """

    fit: Fit | None = None
    root: str | None = None
    file_column: str | None = None
    label_column: str | None = None
    nested: bool | None = None
    follow_links: bool = False


@dataclass(frozen=True)
class SourceSpec:
    """What the user wrote to name a source, and how its images are to be converted.

    ``text`` is the SOURCE of the command line, split suffix included (``sample:train``); of a
    table with its images in another folder, the table.
    ``size`` is (height, width) in pixels; None keeps the images' own size, which must then be one.
    ``skip_broken`` lets commands go on without the images that cannot be read.
    """

    text: str
    size: tuple[int, int] | None = None
    colour: Colour = "auto"
    download: bool = False
    options: SourceOptions = SourceOptions()
    skip_broken: bool = False


@dataclass(frozen=True)
class LeftOut:
    """Something that is no row, or not used as one: ``name`` as messages call it, and why."""

    name: str
    reason: str


def read_size(text: str) -> tuple[int, int]:
    """Return the (height, width) that "28" or "28x32" says.

    Raises:
        RecipeError: it is neither.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(re.fullmatch(r"0{0,9}[1-9]\d{0,5}", part) for part in parts):
        shown = repr(text if len(text) <= 60 else f"{text[:60]}…")
        raise RecipeError(
            "--size", f"{shown} is not a size", "Write 28, or 28x32 (height x width)."
        )
    return int(parts[0]), int(parts[-1])


@dataclass(frozen=True)
class Source:
    """A set of labelled images that reads rows by index and may be larger than memory.

    Attributes:
        name: what the user wrote.
        split: "train", "test", "validation", or None where the source has no splits.
        class_names: in label order.
        image_shape: (height, width, channels), channels 1 or 3.
        labels: int64 [N], the hard label of each row.
        read_images: rows -> uint8 [n, H, W, C], in the order asked, repeats allowed.
        read_soft_labels: rows -> float32 [n, K], each summing to 1.
        row_name: row -> what to call it in a message, such as ``cats/07.png``.
        roots: int64 [N, R], where the rows were made themselves: the originals that each goes back
            to, by number, -1 where unused. None where the rows are originals.
        options: by which it was opened, what was found by itself among them.
        notes: what a user should know of how it was read, a sentence each.
        columns: what else a table tells of each row, as text: column -> [N].
        left_out: lists what the kind of source passed over, such as a file that is no image.
        read_stored: row -> uint8 [h, w, 1 or 3], the image at its own size and colour; None where
            all are stored as ``image_shape`` says.
    """

    name: str
    split: str | None
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    labels: Int64Array
    read_images: ReadImages
    read_soft_labels: Callable[[Int64Array], Float32Array]
    row_name: Callable[[int], str]
    roots: Int64Array | None = None
    options: SourceOptions = SourceOptions(nested=False)
    notes: tuple[str, ...] = ()
    columns: Mapping[str, ObjectArray] = field(default_factory=dict)
    left_out: Callable[[], tuple[LeftOut, ...]] = tuple
    read_stored: Callable[[int], UInt8Array] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def blocks(self, rows: int | None = None) -> Iterator[Int64Array]:
        """Yield all row numbers in order, int64 [n]; at most ``rows`` at once, 256 at None."""
        at_once = rows or READ_AT_ONCE
        for start in range(0, len(self), at_once):
            yield np.arange(start, min(start + at_once, len(self)))

    @property
    def row_bytes(self) -> int:
        """How many bytes a row takes in memory: its pixels and its soft label."""
        return math.prod(self.image_shape) + 4 * len(self.class_names)

    def in_memory(
        self, on_rows: Callable[[int], None] | None = None, most: int | None = None
    ) -> "Source":
        """Return the same source read into memory, or itself where it takes more than ``most``.

        ``most`` is in bytes, 1 GiB at None. ``on_rows`` is told of each block that was read how
        many rows it had. A source that is in memory already is returned as it is.
        """
        held = isinstance(self.read_images, partial) and self.read_images.func is np.take
        if held or len(self) * self.row_bytes > (MOST_HELD if most is None else most):
            return self
        images = np.empty((len(self), *self.image_shape), dtype=np.uint8)
        soft_labels = np.empty((len(self), len(self.class_names)), dtype=np.float32)
        for rows in self.blocks(DECODED_AT_ONCE):
            images[rows] = self.read_images(rows)
            soft_labels[rows] = self.read_soft_labels(rows)
            if on_rows is not None:
                on_rows(len(rows))
        return replace(
            self,
            # No closures: what is in memory can be sent to another process.
            read_images=partial(np.take, images, axis=0),
            read_soft_labels=partial(np.take, soft_labels, axis=0),
        )

    def restricted_to(self, rows: Int64Array) -> "Source":
        """Return the same source seen through ``rows``: row i of it is row ``rows[i]`` of this."""
        stored = self.read_stored
        return replace(
            self,
            labels=self.labels[rows],
            read_images=lambda chosen: self.read_images(rows[chosen]),
            read_soft_labels=lambda chosen: self.read_soft_labels(rows[chosen]),
            row_name=lambda row: self.row_name(int(rows[row])),
            roots=None if self.roots is None else self.roots[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
            read_stored=None if stored is None else lambda row: stored(int(rows[row])),
        )

    def among(self, class_names: tuple[str, ...]) -> "Source":
        """Return the same images, their classes numbered as in ``class_names``.

        Raises:
            ValueError: one of its classes is not there.
        """
        if self.class_names == class_names:
            return self
        place = np.array([class_names.index(name) for name in self.class_names], dtype=np.int64)

        def read(rows: Int64Array) -> Float32Array:
            soft_labels = np.zeros((len(rows), len(class_names)), dtype=np.float32)
            soft_labels[:, place] = self.read_soft_labels(rows)
            return soft_labels

        return replace(
            self, class_names=class_names, labels=place[self.labels], read_soft_labels=read
        )

    def labelled(self, soft_labels: Float32Array, class_names: tuple[str, ...]) -> "Source":
        """Return the same images with other labels: ``soft_labels`` float32 [N, K]."""
        return replace(
            self,
            class_names=class_names,
            labels=soft_labels.argmax(axis=1),
            read_soft_labels=lambda chosen: soft_labels[chosen],
        )

    def followed_by(self, other: "Source") -> "Source":
        """Return the rows of this source, then those of ``other``, of its shape and classes.

        Nothing is said of what they go back to.
        """
        count = len(self)

        def reading(own: Callable[[Int64Array], Any], more: Callable[[Int64Array], Any]) -> Any:
            def read(rows: Int64Array) -> Any:
                first = rows < count
                if first.all():
                    return own(rows)
                later = more(rows[~first] - count)
                found = np.empty((len(rows), *later.shape[1:]), dtype=later.dtype)
                found[first], found[~first] = own(rows[first]), later
                return found

            return read

        return replace(
            self,
            labels=np.concatenate([self.labels, other.labels]),
            read_images=reading(self.read_images, other.read_images),
            read_soft_labels=reading(self.read_soft_labels, other.read_soft_labels),
            row_name=lambda row: self.row_name(row) if row < count else other.row_name(row - count),
            roots=None,
            columns={},
            read_stored=None,
        )


def one_hot(labels: Int64Array, classes: int) -> Float32Array:
    """Return float32 [N, classes] with a 1 at each row's label, without a table of classes²."""
    shares = np.zeros((len(labels), classes), dtype=np.float32)
    shares[np.arange(len(labels)), labels] = 1
    return shares


@dataclass(frozen=True)
class Rows:
    """Finished rows of a dataset, in row order.

    Attributes:
        image: uint8 [n, H, W, C].
        soft_label: float32 [n, K], each row summing to 1.
        method: str [n], "original" or the name of what made the row.
        round: int32 [n], 0 for originals, then 1, 2, …
        view: int32 [n], 0 unless several rows are views of one image.
        source_index: int64 [n, P], positions among the source rows, -1 where unused.
        weight: float32 [n, P], the share of each source in the label.
    """

    image: UInt8Array
    soft_label: Float32Array
    method: npt.NDArray[np.str_]
    round: npt.NDArray[np.int32]
    view: npt.NDArray[np.int32]
    source_index: Int64Array
    weight: Float32Array

    def __len__(self) -> int:
        return len(self.image)

    @property
    def label(self) -> Int64Array:
        """The class with the largest share, the first of equals: int64 [n]."""
        largest: Int64Array = self.soft_label.argmax(axis=1)
        return largest
