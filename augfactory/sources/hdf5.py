"""An HDF5 file of images and labels, read row by row.

Top-level arrays ``image(s)`` and ``label(s)`` and/or ``soft_label(s)``, one row per image; class
names in the attribute ``class_names`` (JSON text or an array of strings), else "0", "1", …

What a file may not contain is in ``untrusted_hdf5.py``.
"""

from pathlib import Path

import numpy as np

from augfactory.errors import InputDataError
from augfactory.records import Float32Array, Int64Array, Source, UInt8Array, one_hot
from augfactory.sources.kind import SourceKind
from augfactory.sources.parsing.arrays import Layout, as_images, check_pixel_type, layout_of
from augfactory.sources.parsing.labels import checked_names, checked_soft, read_labels
from augfactory.sources.parsing.untrusted_hdf5 import UntrustedArrays

SUFFIXES = (".h5", ".hdf5")
IMAGE_NAMES = ("image", "images")
LABEL_NAMES = ("label", "labels")
SOFT_LABEL_NAMES = ("soft_label", "soft_labels")
BLOCK_ROWS = 4096
NAMES_NEEDED = "It needs arrays image [N, H, W, C] and label [N], by these names, at the top."


def open_hdf5(path: Path, split: str | None, name: str) -> Source:
    """Open an HDF5 file; images and soft labels stay in it until they are read.

    Raises:
        InputDataError: it is damaged, points outside itself, lacks an array, or an array has no
            clear meaning.
    """
    if split is not None:
        raise InputDataError(path, f"it has no splits, so no {split} split", f"Leave :{split} off.")
    arrays = UntrustedArrays(path)
    try:
        image, layout, rows_there = _images(arrays)
        labels, soft, class_names = _labels(arrays)
    finally:
        arrays.close()
    if len(labels) != rows_there:
        raise InputDataError(path, f"{rows_there} images but {len(labels)} labels", NAMES_NEEDED)

    def read_images(rows: Int64Array) -> UInt8Array:
        return as_images(arrays.read(image, rows), layout, f"{path}[{image}]", rows)

    def read_soft_labels(rows: Int64Array) -> Float32Array:
        if soft is None:
            return one_hot(labels[rows], len(class_names))
        return checked_soft(arrays.read(soft, rows), f"{path}[{soft}]", rows)

    return Source(
        name=name,
        split=None,
        class_names=class_names,
        image_shape=layout.image_shape,
        labels=labels,
        read_images=read_images,
        read_soft_labels=read_soft_labels,
        row_name=lambda row: f"{path.name} row {row}",
    )


def _images(arrays: UntrustedArrays) -> tuple[str, Layout, int]:
    """Return the name of the array of images, its layout and its number of rows."""
    image = arrays.one_of(IMAGE_NAMES)
    if image is None:
        raise InputDataError(arrays.path, "it holds no images", NAMES_NEEDED)
    shape, dtype = arrays.shape_and_type(image)
    where = f"{arrays.path}[{image}]"
    check_pixel_type(dtype, where)
    return image, layout_of(shape, where), shape[0]


def _labels(arrays: UntrustedArrays) -> tuple[Int64Array, str | None, tuple[str, ...]]:
    """Return the labels, the name of the array of soft labels if any, and the class names."""
    hard, soft = arrays.one_of(LABEL_NAMES), arrays.one_of(SOFT_LABEL_NAMES)
    if hard is not None and soft is None:
        shape, _ = arrays.shape_and_type(hard)
        if len(shape) == 2 and shape[1] > 1:
            hard, soft = None, hard
    names = arrays.class_names()
    where = f"{arrays.path}[{hard or soft}]"
    if soft is None:
        values = None if hard is None else arrays.whole(hard)
        labels, _, class_names = read_labels(values, None, names, where)
        return labels, None, class_names
    largest, classes = _scanned(arrays, soft)
    values = largest if hard is None else arrays.whole(hard)
    class_names = checked_names(names, classes, where)
    labels, _, _ = read_labels(values, None, class_names, where)
    if len(labels) != len(largest):
        what = f"{len(labels)} labels but {len(largest)} soft labels"
        raise InputDataError(arrays.path, what, NAMES_NEEDED)
    return labels, soft, class_names


def _scanned(arrays: UntrustedArrays, soft: str) -> tuple[Int64Array, int]:
    """Check all soft labels, block by block; return each row's largest share and K."""
    shape, _ = arrays.shape_and_type(soft)
    blocks = []
    for start in range(0, shape[0], BLOCK_ROWS):
        rows = np.arange(start, min(start + BLOCK_ROWS, shape[0]))
        shares = checked_soft(arrays.read(soft, rows), f"{arrays.path}[{soft}]", rows)
        blocks.append(shares.argmax(axis=1))
    if not blocks:
        raise InputDataError(f"{arrays.path}[{soft}]", "it has no rows", NAMES_NEEDED)
    return np.concatenate(blocks), shape[1]


SOURCE = SourceKind(
    holds=lambda path, folder: not folder and path.suffix.lower() in SUFFIXES,
    open=lambda path, split, spec: open_hdf5(path, split, spec.text),
)
