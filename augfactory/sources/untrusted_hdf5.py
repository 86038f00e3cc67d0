"""HDF5 arrays of a file that nobody vouches for, each row read straight from the file.

HDF5 can point a reader at other files of the machine, or declare far more than it holds. Refused
are: external links, external storage, virtual datasets, filters that need a plugin, rows and chunks
beyond any sense, and arrays that were declared but never written whole (what a full disk leaves).
"""

import json
import math
import os
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from augfactory.errors import InputDataError
from augfactory.records import Int64Array
from augfactory.sources.arrays_in import AnyArray, check_size
from augfactory.sources.reading import reading

LAYOUTS = (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED)
BUILT_IN_FILTERS = range(1, 7)  # deflate, shuffle, fletcher32, szip, nbit, scale-offset
MAX_ROW_BYTES = 2**28
MAX_CHUNK_BYTES = 2**30
SAVE_AGAIN = "Save it again as plain arrays: file.create_dataset(name, data=array)."


class UntrustedArrays:
    """The arrays of one file, through a handle of its own in each process and thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    def read(self, name: str, rows: Int64Array) -> AnyArray:
        """Read rows in any order, repeats allowed; each run of neighbours is one read."""
        unique, places = np.unique(rows, return_inverse=True)
        runs = np.split(unique, np.flatnonzero(np.diff(unique) != 1) + 1)
        where = f"{self.path}[{name}]"
        with reading(where, "rows cannot be read", "The file is damaged; copy it again."):
            dataset = self._dataset(name)
            parts = [dataset[run[0] : run[-1] + 1] for run in runs if len(run)]
            return np.concatenate(parts)[places] if parts else dataset[:0]

    def whole(self, name: str) -> AnyArray:
        """Read a whole array, if it is not too large."""
        shape, dtype = self.shape_and_type(name)
        check_size(shape, dtype.itemsize, f"{self.path}[{name}]")
        return self.read(name, np.arange(shape[0]))

    def shape_and_type(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return an array's shape, of one axis or more, and its type."""
        with reading(f"{self.path}[{name}]", "cannot be read as an array", SAVE_AGAIN):
            dataset = self._dataset(name)
            return dataset.shape, dataset.dtype

    def one_of(self, names: tuple[str, ...]) -> str | None:
        """Return which of ``names`` the file has, None where it has none."""
        with reading(self.path, "cannot be read as HDF5", SAVE_AGAIN):
            file = self._file()
            found = [name for name in names if file.get(name, getlink=True) is not None]
        if len(found) > 1:
            raise InputDataError(
                self.path, f"{' and '.join(found)} could mean the same", "Keep one of them."
            )
        return found[0] if found else None

    def class_names(self) -> list[str] | None:
        """Return the attribute ``class_names``, None where there is none."""
        where = f"{self.path}[class_names]"
        with reading(where, "cannot be read", "Write the names as JSON text: json.dumps(names)."):
            value = self._file().attrs.get("class_names")
            if value is None:
                return None
            if isinstance(value, (str, bytes)):
                value = json.loads(value)
            return _texts(value)

    def close(self) -> None:
        """Let go of this thread's handle; the next read opens the file again."""
        file = getattr(self._local, "file", None)
        self._local.__dict__.clear()
        if file is not None:
            file.close()

    def _file(self) -> Any:  # h5py has no types
        if getattr(self._local, "process", None) != os.getpid():
            self._local.file = h5py.File(self.path, "r", locking="best-effort")
            self._local.checked = {}
            self._local.process = os.getpid()
        return self._local.file

    def _dataset(self, name: str) -> Any:
        file = self._file()
        if name in self._local.checked:
            return self._local.checked[name]
        link = file.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink) or file.get(name, getclass=True) != h5py.Dataset:
            raise InputDataError(
                f"{self.path}[{name}]", "it is no array of this very file", SAVE_AGAIN
            )
        dataset = file[name]
        problem = _problem(dataset)
        if problem is not None:
            raise InputDataError(f"{self.path}[{name}]", problem, SAVE_AGAIN)
        self._local.checked[name] = dataset
        return dataset


def _problem(dataset: Any) -> str | None:
    """Say why this array of an untrusted file must not be read, None where it may."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(place)[0] for place in range(properties.get_nfilters())]
    if dataset.is_virtual or dataset.external or properties.get_layout() not in LAYOUTS:
        return "its values lie in other files"
    if any(number not in (*BUILT_IN_FILTERS, h5py.h5z.FILTER_LZF) for number in filters):
        return "it is compressed by a filter that is not built into HDF5"
    if dataset.dtype.kind not in "biuf" or not dataset.shape:
        return f"it is no array of numbers, but {dataset.dtype} {dataset.shape}"
    if math.prod(dataset.shape[1:]) * dataset.dtype.itemsize > MAX_ROW_BYTES:
        return f"one row of it has more than {MAX_ROW_BYTES:,} bytes"
    if dataset.chunks is None:
        written = dataset.size == 0 or dataset.id.get_storage_size() > 0
    else:
        if math.prod(dataset.chunks) * dataset.dtype.itemsize > MAX_CHUNK_BYTES:
            return f"one chunk of it has more than {MAX_CHUNK_BYTES:,} bytes"
        needed = [
            -(-side // chunk) for side, chunk in zip(dataset.shape, dataset.chunks, strict=True)
        ]
        written = dataset.id.get_num_chunks() >= math.prod(needed)
    return None if written else "some of it was never written, and would read as zeros"


def _texts(value: object) -> list[str]:
    if not isinstance(value, (list, np.ndarray)):
        raise ValueError("it is no list")
    names = [name.decode() if isinstance(name, bytes) else name for name in list(value)]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("a name is no text")
    return names
