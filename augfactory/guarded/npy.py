"""Arrays in .npy files that nobody vouches for: mapped into memory, nothing unpickled."""

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from augfactory.guarded.files import open_regular

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def map_npy(path: Path, *, follow: bool = True) -> npt.NDArray[Any]:
    """Map the array of a regular ``.npy`` file, for reading; no more is read than is asked for.

    Raises:
        ValueError: it is no such file, holds Python objects or fields, or has another number of
            bytes than it declares.
        OSError: it is not a regular file, or cannot be read.
    """
    with open_regular(path, follow=follow) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"it has the unknown version {version[0]}.{version[1]} of .npy")
        shape, by_columns, dtype = _HEADERS[version](file)
        if dtype.kind not in "biuf":
            raise ValueError(f"it holds {dtype}, and only plain numbers are read")
        offset, size = file.tell(), dtype.itemsize
        for length in shape:
            size *= int(length)
        found = os.fstat(file.fileno()).st_size - offset
        if found != size:
            raise ValueError(f"it has {found:,} bytes of values, and declares {size:,}")
        if size == 0:
            return np.empty(shape, dtype=dtype)
        order: Literal["C", "F"] = "F" if by_columns else "C"
        mapped: npt.NDArray[Any] = np.memmap(
            file, dtype=dtype, mode="r", offset=offset, shape=shape, order=order
        )
        return mapped
