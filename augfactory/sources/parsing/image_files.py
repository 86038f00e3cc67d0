"""Image files that nobody vouches for: one file to pixels, and a list of files to a Source."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from augfactory.errors import InputDataError
from augfactory.guarded.files import open_regular
from augfactory.records import Int64Array, Source, SourceSpec, UInt8Array, one_hot
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.pixels import is_grey, pixels_of

# By content, whatever the file is called; the decoders of rarer formats never see the bytes.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
MAX_PIXELS = 50_000_000
MOST_MEASURED = 1000  # files, for a median
Found = TypeVar("Found")
REPLACE_IT = "Replace the file, or move it out of the folder."


def read_image(path: Path, size: tuple[int, int] | None, channels: int) -> UInt8Array:
    """Read one file as uint8 [H, W, channels], converted as ``pixels.py`` says.

    Raises:
        InputDataError: the file is not an image, is damaged or cut short, or declares too many
            pixels.
    """
    with _opened(path) as image:
        image.load()
        return pixels_of(image, size, channels)


def holds_grey(path: Path) -> bool:
    """Say from the header whether a file holds shades of grey only.

    Raises:
        InputDataError: the file is not an image.
    """
    with _opened(path) as image:
        return is_grey(image)


def source_of_files(
    spec: SourceSpec,
    *,
    split: str | None,
    class_names: tuple[str, ...],
    labels: Int64Array,
    path_of: Callable[[int], Path],
    row_name: Callable[[int], str],
) -> Source:
    """Make a Source of one image file per row, each opened when it is read.

    Opening reads one header per class and the first image. With ``spec.size`` None that image's
    size is everyone's, and with colour "auto" the set is grey if the first of every class is. A
    file that cannot be read leaves this to the next one.

    Raises:
        InputDataError: no file can be read; later, when rows are read, a file that cannot be read
            or has another size than the first.
    """
    if spec.colour == "auto":
        grey = (
            first_readable(np.flatnonzero(labels == label), lambda row: holds_grey(path_of(row)))
            for label in np.unique(labels)
        )
        channels = 1 if all(of_class[1] for of_class in grey if of_class is not None) else 3
    else:
        channels = 1 if spec.colour == "grey" else 3
    found = first_readable(
        np.arange(len(labels)), lambda row: read_image(path_of(row), spec.size, channels).shape
    )
    if found is None:
        read_image(path_of(0), spec.size, channels)  # says why
        raise InputDataError(path_of(0), "cannot be read as an image", REPLACE_IT)
    first, (height, width, _) = found

    def read_images(rows: Int64Array) -> UInt8Array:
        unique, places = np.unique(rows, return_inverse=True)
        block = np.empty((len(unique), height, width, channels), dtype=np.uint8)
        for place, row in enumerate(unique.tolist()):
            pixels = read_image(path_of(row), spec.size, channels)
            if pixels.shape != block.shape[1:]:
                raise InputDataError(
                    path_of(row),
                    f"{pixels.shape[0]}x{pixels.shape[1]} pixels (height x width), while the first "
                    f"image, {row_name(first)}, has {height}x{width}",
                    one_size(_some_shapes(len(labels), path_of)),
                )
            block[place] = pixels
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
        read_stored=lambda row: read_stored(path_of(row)),
    )


def read_stored(path: Path) -> UInt8Array:
    """Read one file as uint8 [h, w, 1 or 3], at its own size and colour.

    Raises:
        InputDataError: as ``read_image``.
    """
    with _opened(path) as image:
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


def _some_shapes(count: int, path_of: Callable[[int], Path]) -> list[tuple[int, int]]:
    """Return (height, width) of at most ``MOST_MEASURED`` files by their headers, spread."""
    shapes = []
    for row in np.linspace(0, count - 1, min(count, MOST_MEASURED)).astype(int).tolist():
        with contextlib.suppress(InputDataError), _opened(path_of(row)) as image:
            shapes.append((image.height, image.width))
    return shapes


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a file of an allowed format and size; what fails inside is the file's fault."""
    with (
        decoder_errors(path, "cannot be read as an image", REPLACE_IT),
        open_regular(path) as file,
        Image.open(file, formats=FORMATS) as image,
    ):
        if image.width * image.height > MAX_PIXELS:
            raise InputDataError(
                path,
                f"{image.height}x{image.width} pixels (height x width), more than {MAX_PIXELS:,}",
                "Scale the image down, or move it out of the folder.",
            )
        yield image
