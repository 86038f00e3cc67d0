"""Image files that nobody vouches for: one file to pixels, and a list of files to a Source."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image

from augfactory.errors import InputDataError
from augfactory.guarded.files import open_regular
from augfactory.records import (
    Fit,
    Int64Array,
    Source,
    SourceOptions,
    SourceSpec,
    UInt8Array,
    one_hot,
)
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.pixels import is_grey, pixels_of
from augfactory.sources.parsing.unread_formats import HEAD_BYTES, format_by_content
from augfactory.threads import read_each

# By content, whatever the file is called; the decoders of rarer formats never see the bytes.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
OpenFile = Callable[[Path], BinaryIO]
MAX_PIXELS = 50_000_000
MOST_MEASURED = 1000  # files, for a median
Found = TypeVar("Found")
REPLACE_IT = "Replace the file, or move it out of the folder."


def read_image(
    path: Path,
    size: tuple[int, int] | None,
    channels: int,
    fit: Fit | None = None,
    opener: OpenFile = open_regular,
) -> UInt8Array:
    """Read one file as uint8 [H, W, channels], converted as ``pixels.py`` says.

    ``opener`` opens ``path``, which is its name in messages too.

    Raises:
        InputDataError: the file is not an image, is damaged or cut short, or declares too many
            pixels.
    """
    with _opened(path, opener) as image:
        image.load()
        return pixels_of(image, size, channels, fit)


def holds_grey(path: Path, opener: OpenFile = open_regular) -> bool:
    """Say from the header whether a file holds shades of grey only.

    Raises:
        InputDataError: the file is not an image.
    """
    with _opened(path, opener) as image:
        return is_grey(image)


def source_of_files(
    spec: SourceSpec,
    *,
    split: str | None,
    class_names: tuple[str, ...],
    labels: Int64Array,
    path_of: Callable[[int], Path],
    row_name: Callable[[int], str],
    open_row: Callable[[int], BinaryIO] | None = None,
    options: SourceOptions | None = None,
    notes: tuple[str, ...] = (),
) -> Source:
    """Make a Source of one image file per row, each opened when it is read.

    Opening reads one header per class and the first image. With ``spec.size`` None that image's
    size is everyone's, and with colour "auto" the set is grey if the first of every class is. A
    file that cannot be read leaves this to the next one. ``open_row`` opens what is no file of its
    own, such as a member of an archive; ``path_of`` is its name then. ``options`` are those of
    ``spec``, and what was found by itself.

    Raises:
        InputDataError: no file can be read; later, when rows are read, a file that cannot be read
            or has another size than the first.
    """

    def opener_of(row: int) -> OpenFile:
        return open_regular if open_row is None else lambda _: open_row(row)

    def pixels(row: int) -> UInt8Array:
        return read_image(path_of(row), spec.size, channels, spec.options.fit, opener_of(row))

    if spec.colour == "auto":
        grey = (
            first_readable(
                np.flatnonzero(labels == label),
                lambda row: holds_grey(path_of(row), opener_of(row)),
            )
            for label in np.unique(labels)
        )
        channels = 1 if all(of_class[1] for of_class in grey if of_class is not None) else 3
    else:
        channels = 1 if spec.colour == "grey" else 3
    found = first_readable(np.arange(len(labels)), lambda row: pixels(row).shape)
    if found is None:
        pixels(0)  # says why
        raise InputDataError(path_of(0), "cannot be read as an image", REPLACE_IT)
    first, (height, width, _) = found

    def read_images(rows: Int64Array) -> UInt8Array:
        unique, places = np.unique(rows, return_inverse=True)
        block = np.empty((len(unique), height, width, channels), dtype=np.uint8)
        wanted = unique.tolist()

        def fill(place: int) -> None:
            image = pixels(wanted[place])
            if image.shape != block.shape[1:]:
                raise InputDataError(
                    path_of(wanted[place]),
                    f"{image.shape[0]}x{image.shape[1]} pixels (height x width), while the first "
                    f"image, {row_name(first)}, has {height}x{width}",
                    one_size(_some_shapes(len(labels), path_of, opener_of)),
                )
            block[place] = image

        for _ in read_each(fill, range(len(wanted))):
            pass
        return block[places]

    return Source(
        name=spec.text,
        split=split,
        class_names=class_names,
        image_shape=(height, width, channels),
        labels=labels,
        read_images=read_images,
        read_soft_labels=lambda rows: one_hot(labels[rows], len(class_names)),
        row_name=row_name,
        options=options or replace(spec.options, nested=False),
        notes=notes,
        read_stored=lambda row: read_stored(path_of(row), opener_of(row)),
    )


def read_stored(path: Path, opener: OpenFile = open_regular) -> UInt8Array:
    """Read one file as uint8 [h, w, 1 or 3], at its own size and colour.

    Raises:
        InputDataError: as ``read_image``.
    """
    with _opened(path, opener) as image:
        grey = is_grey(image)
        image.load()
        return pixels_of(image, None, 1 if grey else 3)


def first_readable(rows: Int64Array, read: Callable[[int], Found]) -> tuple[int, Found] | None:
    """Return the first of ``rows`` that ``read`` can read, and what it read; None: there is none.

    ``read`` raises InputDataError for a row that it cannot read.
    """
    for row in rows.tolist():
        with contextlib.suppress(InputDataError):
            return row, read(row)
    return None


def one_size(shapes: Sequence[tuple[int, int]]) -> str:
    """Say how images of the given (height, width) are brought to one size: to their median side."""
    side = round(float(np.median(shapes)))
    return (
        f"Bring all images to one size: --size {side}, which is the median side. With it, "
        "--fit crop|squash|pad says how: cropped at the centre, stretched, or with a border."
    )


def _some_shapes(
    count: int, path_of: Callable[[int], Path], opener_of: Callable[[int], OpenFile]
) -> list[tuple[int, int]]:
    """Return (height, width) of at most ``MOST_MEASURED`` files by their headers, spread."""
    shapes = []
    for row in np.linspace(0, count - 1, min(count, MOST_MEASURED)).astype(int).tolist():
        with contextlib.suppress(InputDataError), _opened(path_of(row), opener_of(row)) as image:
            shapes.append((image.height, image.width))
    return shapes


@contextlib.contextmanager
def _opened(path: Path, opener: OpenFile) -> Iterator[Image.Image]:
    """Open a file of an allowed format and size; what fails inside is the file's fault."""
    with (
        decoder_errors(path, "cannot be read as an image", REPLACE_IT),
        contextlib.ExitStack() as opened,
        opener(path) as file,
    ):
        unread = format_by_content(file.read(HEAD_BYTES))
        if unread is not None:
            raise InputDataError(path, f"it is {unread[0]}", unread[1])
        file.seek(0)
        image = opened.enter_context(Image.open(file, formats=FORMATS))
        if image.width * image.height > MAX_PIXELS:
            raise InputDataError(
                path,
                f"{image.height}x{image.width} pixels (height x width), more than {MAX_PIXELS:,}",
                "Scale the image down, or move it out of the folder.",
            )
        yield image
