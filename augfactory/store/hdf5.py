"""HDF5 shards: row-aligned arrays at the top level, everything else in attributes.

HDF5 cannot survive a crash or a full disk while it writes, so it never sees a file of ours: a shard
is built in memory and its bytes are handed out to be written like any others. Images lie contiguous
and uncompressed, so that reading any row costs that row.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from augfactory.records import Rows

SCHEMA_VERSION = 1
COLUMNS = ("image", "soft_label", "label", "method", "round", "view", "source_index", "weight")
METHOD_BYTES = 16


def shard_path(index: int) -> str:
    """Return where shard ``index`` lies, relative to the version's folder."""
    return f"shards/{index:05d}.h5"


def shard_bytes(rows: Rows, class_names: Sequence[str]) -> bytes:
    """Return a whole HDF5 file that holds ``rows``: the same bytes for the same rows."""
    columns = {name: getattr(rows, name) for name in COLUMNS}
    columns["method"] = rows.method.astype(f"S{METHOD_BYTES}")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("earliest", "v110")) as file:
        file.attrs["schema_version"] = SCHEMA_VERSION
        # Fixed-length text: HDF5's heap for the other kind can hang a reader when damaged.
        file.attrs["class_names"] = np.bytes_(json.dumps(list(class_names)).encode())
        file.attrs["source_index"] = np.bytes_(
            b"positions in manifest.json source.rows; -1: unused"
        )
        for name, values in columns.items():
            file.create_dataset(name, data=values, track_times=False)
    return buffer.getvalue()


def read_columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Read whole columns of one shard; ``method`` comes as str."""
    with h5py.File(path, "r") as file:
        columns = {name: file[name][()] for name in names}
    if "method" in columns:
        columns["method"] = columns["method"].astype(np.str_)
    return columns


def read_rows(path: Path) -> Rows:
    """Read one shard whole."""
    columns = read_columns(path, [name for name in COLUMNS if name != "label"])
    return Rows(**columns)
