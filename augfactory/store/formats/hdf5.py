"""HDF5 shards: row-aligned arrays at the top level, everything else in attributes.

HDF5 cannot survive a crash or a full disk while it writes, so it never sees a file of ours: a shard
is built in memory and its bytes are handed out to be written like any others. Images lie contiguous
and uncompressed, so that reading any row costs that row.
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from augfactory.guarded.documents import parse_json
from augfactory.guarded.files import inside
from augfactory.guarded.hdf5 import array_in, open_hdf5
from augfactory.records import Int64Array, ReadImages, Rows
from augfactory.store.formats.shard_names import folder_of, rows_of_shard, shard_files, shard_number
from augfactory.store.formats.storage_format import (
    METADATA_COLUMNS,
    SMALL_FILE_BYTES,
    DatasetSize,
    Elements,
    Encoded,
    Place,
    Shard,
    StorageFormat,
    element_of,
    map_pixels,
    nothing_to_finish,
    open_by_shard,
)
from augfactory.store.splits import TRAIN
from augfactory.store.tables import Columns, Expected, names_in

FOLDER = "shards"
SCHEMA_VERSION = 1
COLUMNS = ("image", *METADATA_COLUMNS)
METHOD_BYTES = 16
LARGEST_OLD_ATTRIBUTE = 60_000
LARGEST_ATTRIBUTE = 2**27
KINDS = dict.fromkeys(("soft_label", "weight"), "f") | {"method": "S", "image": "u"}


def shard_path(index: int, count: int, split: str = TRAIN) -> str:
    """Return where shard ``index`` of ``count`` lies, relative to the version's folder."""
    return f"{folder_of(split, FOLDER)}/{shard_number(index, count)}.h5"


def shard_bytes(rows: Rows, class_names: Sequence[str]) -> bytes:
    """Return a whole HDF5 file that holds ``rows``: the same bytes for the same rows."""
    columns = {name: getattr(rows, name) for name in COLUMNS}
    columns["method"] = rows.method.astype(f"S{METHOD_BYTES}")
    buffer = io.BytesIO()
    # Fixed-length text: HDF5's heap for the other kind can hang a reader when damaged.
    names = np.bytes_(json.dumps(list(class_names)).encode())
    # Files of before HDF5 1.8 hold no attribute of more than 64 KiB.
    oldest = "earliest" if len(names) <= LARGEST_OLD_ATTRIBUTE else "v108"
    with h5py.File(buffer, "w", libver=(oldest, "v110")) as file:
        file.attrs["schema_version"] = SCHEMA_VERSION
        file.attrs["class_names"] = names
        file.attrs["source_index"] = np.bytes_(
            b"positions in manifest.json source.rows; -1: unused"
        )
        for name, values in columns.items():
            file.create_dataset(name, data=values, track_times=False)
    return buffer.getvalue()


def read_columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Read whole columns of one shard; ``method`` comes as str."""
    with open_hdf5(path, follow=False) as file:
        stored = {
            name: array_in(file, name, KINDS.get(name, "i"), as_written=True) for name in names
        }
        if "method" in stored and stored["method"].dtype.itemsize > METHOD_BYTES:
            raise ValueError(f"its methods are {stored['method'].dtype}")
        columns = {name: array[()] for name, array in stored.items()}
    if "method" in columns:
        columns["method"] = columns["method"].astype(np.str_)
    return columns


def _encode_shard(shard: Shard, rows: Rows) -> Encoded:
    return Encoded(
        {shard_path(shard.index, shard.count, shard.split): shard_bytes(rows, shard.class_names)}
    )


def _read_columns(folder: Path, paths: list[str], expected: Expected) -> Iterator[Columns]:
    # HDF5 stores every value, so that no file can declare more than it holds.
    for path in expected.wanted(_shards(paths, expected.split)):
        yield read_columns(inside(folder, path), METADATA_COLUMNS)


def _read_class_names(folder: Path, paths: list[str]) -> list[list[str]]:
    found = []
    for path in _shards(paths):
        with open_hdf5(inside(folder, path), follow=False) as file:
            stored = file.attrs.get_id("class_names")
            if stored.get_storage_size() > LARGEST_ATTRIBUTE or stored.dtype.kind != "S":
                raise ValueError("its class names are not text")
            found.append(names_in(parse_json(bytes(file.attrs["class_names"]))))
    return found


def _shards(paths: list[str], split: str = TRAIN) -> list[str]:
    return shard_files(paths, folder_of(split, FOLDER), partial(shard_path, split=split))


def _open_images(place: Place) -> ReadImages:
    """Map the pixels into memory: HDF5 would take longer to find an image than to read it."""

    @lru_cache(None)  # a file that was closed meanwhile is mapped again without HDF5
    def layout(path: Path) -> tuple[int, int]:
        return _layout_of_pixels(path, place.image_shape)

    def open_shard(path: Path) -> Callable[[Int64Array], Elements]:
        return map_pixels(path, element_of(place.image_shape), *layout(path), let_go=place.let_go)

    return open_by_shard(place, partial(shard_path, split=place.split), open_shard)


def _layout_of_pixels(path: Path, image_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return the byte where the images start, and their number."""
    with open_hdf5(path, follow=False) as file:
        stored = array_in(file, "image", "u", as_written=True)
        start: int | None = stored.id.get_offset()
        if start is None or stored.dtype != np.uint8 or stored.shape[1:] != image_shape:
            raise ValueError(f"its images do not lie as uint8 {list(image_shape)} in one piece")
        return start, len(stored)


def _expected_size(size: DatasetSize) -> tuple[int, int]:
    row = size.image_bytes + size.light_bytes
    return size.rows * row + 2 * SMALL_FILE_BYTES * size.shards, size.shards


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
    read_class_names=_read_class_names,
    open_images=_open_images,
    rows_of=partial(rows_of_shard, shard_path),
    expected_size=_expected_size,
    not_extracted=(
        "Croissant has no way into HDF5: image (uint8 [N, H, W, C]), soft_label (float32 [N, K]), "
        "label, method, round, view, source_index and weight are arrays at the top of each file."
    ),
)
