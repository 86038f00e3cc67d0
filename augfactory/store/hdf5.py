"""HDF5 shards: row-aligned arrays at the top level, everything else in attributes.

HDF5 cannot survive a crash or a full disk while it writes, so it never sees a file of ours: a shard
is built in memory and its bytes are handed out to be written like any others. Images lie contiguous
and uncompressed, so that reading any row costs that row.
"""

import io
import json
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from augfactory.records import Int64Array, ReadImages, Rows, UInt8Array
from augfactory.store.storage_format import (
    LIGHT_COLUMNS,
    MOST_OPEN,
    SMALL_FILE_BYTES,
    Encoded,
    Extent,
    Place,
    Shard,
    StorageFormat,
    Stretch,
    nothing_to_finish,
    rows_of_shard,
    unreadable,
)
from augfactory.store.tables import Columns

FOLDER = "shards"
SCHEMA_VERSION = 1
COLUMNS = ("image", *LIGHT_COLUMNS)
METHOD_BYTES = 16


def shard_path(index: int) -> str:
    """Return where shard ``index`` lies, relative to the version's folder."""
    return f"{FOLDER}/{index:05d}.h5"


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


def _encode_shard(shard: Shard, rows: Rows) -> Encoded:
    return Encoded({shard_path(shard.index): shard_bytes(rows, shard.class_names)})


def _read_columns(folder: Path, paths: list[str]) -> list[Columns]:
    shards = [path for path in paths if path.startswith(f"{FOLDER}/")]
    return [read_columns(folder / path, LIGHT_COLUMNS) for path in shards]


def _open_images(place: Place) -> ReadImages:
    """Map the pixels into memory: HDF5 would take longer to find an image than to read it."""
    starts = np.concatenate([[0], place.shard_ends[:-1]])
    image = np.dtype(f"V{math.prod(place.image_shape)}")  # one element, so that it is copied whole

    @lru_cache(None)
    def offset(index: int) -> int:
        return _offset_of_pixels(place.folder / shard_path(index), place.image_shape)

    @lru_cache(MOST_OPEN)
    def mapped(index: int) -> np.ndarray[Any, Any]:
        path = place.folder / shard_path(index)
        count = int(place.shard_ends[index] - starts[index])
        try:
            return np.memmap(path, image, "r", offset(index), (count,)).view(np.ndarray)
        except (OSError, KeyError, ValueError) as error:
            raise unreadable(path, error) from error

    def read(rows: Int64Array) -> UInt8Array:
        images = np.empty(len(rows), image)
        shard = np.searchsorted(place.shard_ends, rows, side="right").astype(np.uint16)
        order = np.argsort(shard, kind="stable")  # a radix sort for 16 bits
        inside = (rows - starts[shard])[order]
        first = 0
        for index, end in enumerate(np.cumsum(np.bincount(shard)).tolist()):
            if first < end:
                images[order[first:end]] = mapped(index)[inside[first:end]]
                first = end
        return images.view(np.uint8).reshape(len(rows), *place.image_shape)

    return read


def _offset_of_pixels(path: Path, image_shape: tuple[int, int, int]) -> int:
    with h5py.File(path, "r") as file:
        stored = file["image"]
        offset: int | None = stored.id.get_offset()
        if offset is None or stored.dtype != np.uint8 or stored.shape[1:] != image_shape:
            raise ValueError(f"its images do not lie as uint8 {list(image_shape)} in one piece")
    return offset


def _rows_of(path: str, shards: Sequence[Stretch]) -> Stretch | None:
    return rows_of_shard(path, shards, lambda index, _: shard_path(index))


def _expected_size(extent: Extent) -> tuple[int, int]:
    row = extent.image_bytes + extent.light_bytes
    return extent.rows * row + 2 * SMALL_FILE_BYTES * extent.shards, extent.shards


FORMAT = StorageFormat(
    name="hdf5",
    reading="""```python
import json
from pathlib import Path

import h5py
import numpy as np

shards = [h5py.File(path) for path in sorted(Path("shards").glob("*.h5"))]
images = np.concatenate([shard["image"] for shard in shards])
soft_labels = np.concatenate([shard["soft_label"] for shard in shards])
class_names = json.loads(shards[0].attrs["class_names"])
image, soft_label = images[0], soft_labels[0]  # uint8 [H, W, C], float32 [K]
```

The other columns are arrays of the same length: `label`, `method`, `round`, `view`, `source_index`,
`weight`. Methods lie one after the other, so that one shard alone may hold no mixed row.
`load_dataset("hdf5", data_files="shards/*.h5")` of Hugging
Face `datasets` reads it too.""",
    data_files=f"{FOLDER}/*.h5",
    folders=lambda _: [FOLDER],
    encode=_encode_shard,
    finish=nothing_to_finish,
    read_columns=_read_columns,
    open_images=_open_images,
    rows_of=_rows_of,
    expected_size=_expected_size,
    not_extracted=(
        "Croissant has no way into HDF5: image (uint8 [N, H, W, C]), soft_label (float32 [N, K]), "
        "label, method, round, view, source_index and weight are arrays at the top of each file."
    ),
)
