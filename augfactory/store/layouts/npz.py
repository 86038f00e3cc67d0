"""One ``.npz`` file: x_train, y_train, soft_train, the same of val, and class_names.

``numpy.load`` reads it with nothing else installed. Images are written part by part, uncompressed,
so that memory holds no more than a part of them.
"""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.store.disk.atomic import writing
from augfactory.store.layouts.trainer_layout import Exported, Split, TrainerLayout

FILE = "dataset.npz"
SPLIT_NAMES = {"train": "train", "val": "val"}
Array = np.ndarray[Any, Any]


def _write(folder: Path, export: Exported) -> None:
    with writing(folder / FILE) as file, zipfile.ZipFile(file, "w") as archive:
        for name, split in export.splits.items():
            _write_split(archive, name, split, export.manifest.image_shape)
        names = np.array(export.class_names)
        _write_array(archive, "class_names", names.shape, names.dtype, [names])


def _write_split(
    archive: zipfile.ZipFile, name: str, split: Split, image_shape: tuple[int, int, int]
) -> None:
    labels: list[Array] = []
    shares: list[Array] = []

    def images() -> Iterable[Array]:
        for part in split.parts():
            labels.append(part.label.astype("<i8"))
            shares.append(part.rows.soft_label.astype("<f4"))
            yield part.rows.image

    shape = (split.count, *image_shape)
    _write_array(archive, f"x_{name}", shape, np.dtype(np.uint8), images())
    for key, columns in (("y", labels), ("soft", shares)):
        column = np.concatenate(columns)
        _write_array(archive, f"{key}_{name}", column.shape, column.dtype, [column])


def _write_array(
    archive: zipfile.ZipFile,
    key: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    parts: Iterable[Array],
) -> None:
    """Write an array that comes in parts, in order; the same parts give the same bytes."""
    member = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    described = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    with archive.open(member, mode="w", force_zip64=True) as entry:
        np.lib.format.write_array_header_2_0(entry, described)
        for part in parts:
            entry.write(np.ascontiguousarray(part).data)


LAYOUT = TrainerLayout(
    name="npz",
    about="one dataset.npz with x_train, y_train, soft_train and the same of val: numpy, "
    "scikit-learn, JAX, MATLAB",
    write=_write,
    split_names=SPLIT_NAMES,
    keeps_shares=True,
)
