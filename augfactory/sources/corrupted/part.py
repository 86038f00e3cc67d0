"""One corruption at one severity: where its images and labels are, and how they are read."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.errors import InputDataError
from augfactory.guarded.npy import map_npy
from augfactory.records import Int64Array, Source, SourceSpec, one_hot
from augfactory.sources.opening import open_source
from augfactory.sources.parsing.arrays import layout_of, source_of_arrays
from augfactory.sources.parsing.decoder_errors import decoder_errors

AGAIN = "The file is damaged or incomplete: copy or download it again."


@dataclass(frozen=True)
class CorruptedPart:
    """Images of one corruption at one severity, in an array of a ``.npy`` or in class folders.

    Attributes:
        corruption: its name.
        severity: from 1 up, the mildest first.
        path: of the array, or of the folder that has the class folders.
        labels: of the array of the labels; None where ``spec`` is given, or where the labels are
            those of the test images, row for row.
        first: the row of the array at which these images begin.
        count: how many they are; None is all.
        first_label: the place of the first label in the array of the labels.
        spec: how the class folders are read; None for an array.
        rows: which of these images are used, counted from 0; None is all.
    """

    corruption: str
    severity: int
    path: str
    labels: str | None = None
    first: int = 0
    count: int | None = None
    first_label: int = 0
    spec: SourceSpec | None = None
    rows: tuple[int, ...] | None = None


def open_part(part: CorruptedPart, test: Source) -> Source:
    """Open a part; its classes and its image shape are those of ``test``. No pixel is read.

    Raises:
        InputDataError: it cannot be read, or its images, classes or labels do not fit ``test``.
    """
    source = _open_array(part, test) if part.spec is None else _open_folders(part, test)
    if source.image_shape != test.image_shape:
        raise InputDataError(
            part.path,
            f"its images are {_shape(source)}, those of {test.name} are {_shape(test)}",
            "Corrupted arrays are taken as they are: evaluate datasets of this size and colour."
            if part.spec is None
            else "Say --size, which goes for the test images too, or evaluate datasets of that "
            "size.",
        )
    if part.rows is not None:
        source = source.restricted_to(np.asarray(part.rows, dtype=np.int64))
    return source


def read_npy(path: Path) -> npt.NDArray[Any]:
    """Map a ``.npy``.

    Raises:
        InputDataError: it is none, is damaged, or may not be read.
    """
    with decoder_errors(path, "cannot be read as an array", AGAIN):
        return map_npy(path)


def read_labels(path: Path) -> Int64Array:
    """Read labels: int64 [N].

    Raises:
        InputDataError: they are not whole numbers in one row.
    """
    values = read_npy(path)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        what = f"an array {'x'.join(map(str, values.shape))} of {values.dtype} holds no labels"
        raise InputDataError(path, what, "It must be one whole number for each image.")
    return np.array(values, dtype=np.int64)


def _open_array(part: CorruptedPart, test: Source) -> Source:
    path = Path(part.path)
    array = read_npy(path)
    if array.dtype != np.uint8:
        what = f"its pixels are {array.dtype}, where corrupted sets have uint8"
        raise InputDataError(path, what, "Save them as uint8 from 0 to 255.")
    layout = layout_of(array.shape, str(path))
    if layout.channels_first:
        what = f"an array {'x'.join(map(str, array.shape))} has its channels first"
        raise InputDataError(path, what, "Save it as [rows, height, width, channels].")
    count = len(array) - part.first if part.count is None else part.count
    images = array[part.first : part.first + count].reshape(-1, *layout.image_shape)
    if part.labels is None:
        labels = test.labels
    else:
        every = read_labels(Path(part.labels))
        labels = every[part.first_label : part.first_label + count]
        _check_labels(labels, part.labels, test)
    return source_of_arrays(
        name=str(path),
        split="test",
        class_names=test.class_names,
        images=images,
        labels=labels,
        row_name=lambda row: f"{path.name} row {part.first + row:,}",
    )


def _check_labels(labels: Int64Array, path: str, test: Source) -> None:
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(test.class_names):
        raise InputDataError(
            path,
            f"its labels go from {labels.min()} to {labels.max()}, and {test.name} has "
            f"{len(test.class_names)} classes, 0 to {len(test.class_names) - 1}",
            "Name test images of the same classes. Label 0 is taken for the first class.",
        )


def _open_folders(part: CorruptedPart, test: Source) -> Source:
    assert part.spec is not None
    source = open_source(part.spec)
    numbers = {name: number for number, name in enumerate(test.class_names)}
    unknown = [name for name in source.class_names if name not in numbers]
    if unknown:
        raise InputDataError(
            part.path,
            f"{test.name} has no class called {unknown[0]}",
            f"Folders of classes must be called as its classes are: {_listed(test.class_names)}.",
        )
    places = np.array([numbers[name] for name in source.class_names], dtype=np.int64)
    labels = places[source.labels]
    return replace(
        source,
        class_names=test.class_names,
        labels=labels,
        read_soft_labels=lambda rows: one_hot(labels[rows], len(test.class_names)),
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:10]) + (f", … {len(names)} in all" if len(names) > 10 else "")


def _shape(source: Source) -> str:
    height, width, channels = source.image_shape
    return f"{height}×{width} {'RGB' if channels == 3 else 'grey'}"
