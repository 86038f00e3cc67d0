"""HDF5 files that nobody vouches for.

HDF5 can point a reader at other files of the machine, or declare far more than it holds. Refused
are: external links, external storage, virtual datasets, filters that need a plugin, rows and chunks
beyond any sense, arrays larger than the file they lie in, and arrays that were declared but never
written whole (what a full disk leaves).
"""

import math
import os
from pathlib import Path
from typing import Any

import h5py

from augfactory.guarded.files import open_regular

LAYOUTS = (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED)
BUILT_IN_FILTERS = range(1, 7)  # deflate, shuffle, fletcher32, szip, nbit, scale-offset
MAX_ROW_BYTES = 2**28
MAX_CHUNK_BYTES = 2**30


def open_hdf5(path: Path, *, follow: bool = True) -> Any:  # h5py has no types
    """Open a regular file as ``h5py.File``, for reading.

    Raises:
        OSError: it is not a regular file, or no HDF5.
    """
    open_regular(path, follow=follow).close()
    return h5py.File(path, "r", locking="best-effort")


def array_in(file: Any, name: str, kinds: str = "biuf", *, as_written: bool = False) -> Any:
    """Return the array ``name`` at the top of an open file, after its header only.

    ``kinds`` are those of ``numpy.dtype.kind`` that it may have. ``as_written``: it must lie in the
    file byte for byte, as what we write does; compressed it could be a thousand times as large.

    Raises:
        ValueError: it must not be read, saying why.
        KeyError: there is none.
    """
    link = file.get(name, getlink=True)
    if link is None:
        raise KeyError(f"there is no array {name!r} in it")
    if not isinstance(link, h5py.HardLink) or file.get(name, getclass=True) != h5py.Dataset:
        raise ValueError("it is not an array of this very file")
    dataset = file[name]
    problem = _problem(dataset, kinds, os.path.getsize(file.filename))
    if problem is None and as_written and dataset.chunks is not None:
        problem = "it is cut into pieces or compressed"
    if problem is not None:
        raise ValueError(problem)
    return dataset


def _problem(dataset: Any, kinds: str, file_bytes: int) -> str | None:
    """Say why this array must not be read, None where it may."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(place)[0] for place in range(properties.get_nfilters())]
    if dataset.is_virtual or dataset.external or properties.get_layout() not in LAYOUTS:
        return "its values lie in other files"
    if any(number not in (*BUILT_IN_FILTERS, h5py.h5z.FILTER_LZF) for number in filters):
        return "it is compressed by a filter that is not built into HDF5"
    if dataset.dtype.kind not in kinds or not dataset.shape:
        return f"it is not an array of numbers, but {dataset.dtype} {dataset.shape}"
    if math.prod(dataset.shape[1:]) * dataset.dtype.itemsize > MAX_ROW_BYTES:
        return f"one row of it has more than {MAX_ROW_BYTES:,} bytes"
    if dataset.chunks is None:
        needed = math.prod(dataset.shape) * dataset.dtype.itemsize
        written = needed == 0 or needed <= dataset.id.get_storage_size() <= file_bytes
    else:
        if math.prod(dataset.chunks) * dataset.dtype.itemsize > MAX_CHUNK_BYTES:
            return f"one chunk of it has more than {MAX_CHUNK_BYTES:,} bytes"
        chunks = [
            -(-side // chunk) for side, chunk in zip(dataset.shape, dataset.chunks, strict=True)
        ]
        written = dataset.id.get_num_chunks() >= math.prod(chunks)
    return None if written else "some of it was never written, and would read as zeros"
