"""The arrays of an HDF5 source, each row read straight from the file; see ``guarded/hdf5.py``."""

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.errors import InputDataError
from augfactory.guarded.documents import parse_json
from augfactory.guarded.hdf5 import array_in, open_hdf5
from augfactory.records import Int64Array
from augfactory.sources.parsing.arrays import AnyArray, check_size
from augfactory.sources.parsing.decoder_errors import decoder_errors

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
        with decoder_errors(where, "rows cannot be read", "The file is damaged; copy it again."):
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
        with decoder_errors(f"{self.path}[{name}]", "cannot be read as an array", SAVE_AGAIN):
            dataset = self._dataset(name)
            return dataset.shape, dataset.dtype

    def one_of(self, names: tuple[str, ...]) -> str | None:
        """Return which of ``names`` the file has, None where it has none."""
        with decoder_errors(self.path, "cannot be read as HDF5", SAVE_AGAIN):
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
        with decoder_errors(
            where, "cannot be read", "Write the names as JSON text: json.dumps(names)."
        ):
            value = self._file().attrs.get("class_names")
            if value is None:
                return None
            if isinstance(value, (str, bytes)):
                value = parse_json(value)
            return _texts(value)

    def close(self) -> None:
        """Let go of this thread's handle; the next read opens the file again."""
        file = getattr(self._local, "file", None)
        self._local.__dict__.clear()
        if file is not None:
            file.close()

    def _file(self) -> Any:  # h5py has no types
        if getattr(self._local, "process", None) != os.getpid():
            self._local.file = open_hdf5(self.path)
            self._local.checked = {}
            self._local.process = os.getpid()
        return self._local.file

    def _dataset(self, name: str) -> Any:
        file = self._file()
        if name in self._local.checked:
            return self._local.checked[name]
        try:
            dataset = array_in(file, name)
        except ValueError as error:
            raise InputDataError(f"{self.path}[{name}]", str(error), SAVE_AGAIN) from error
        self._local.checked[name] = dataset
        return dataset


def _texts(value: object) -> list[str]:
    if not isinstance(value, (list, np.ndarray)):
        raise ValueError("it is not a list")
    names = [name.decode() if isinstance(name, bytes) else name for name in list(value)]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("a name is not text")
    return names
