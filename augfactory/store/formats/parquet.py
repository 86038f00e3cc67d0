"""Parquet shards as the Hugging Face hub keeps image sets: PNG bytes and every column in one table.

The schema key of Hugging Face ``datasets`` says that ``image`` is an image and what the classes are
called. Row groups are small, so that reading any row costs little more than that row.
"""

import io
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augfactory.guarded.files import open_inside, open_regular
from augfactory.guarded.parquet import check_table, open_parquet
from augfactory.records import Int64Array, ReadImages, Rows
from augfactory.store.formats import png
from augfactory.store.formats.shard_names import folder_of, rows_of_shard, shard_files, shard_number
from augfactory.store.formats.storage_format import (
    SMALL_FILE_BYTES,
    DatasetSize,
    Elements,
    Encoded,
    Place,
    Shard,
    StorageFormat,
    as_elements,
    nothing_to_finish,
    open_by_shard,
)
from augfactory.store.splits import TRAIN
from augfactory.store.tables import (
    Columns,
    Expected,
    as_arrow,
    read_rows_table,
    read_table_names,
    row_columns,
    rows_schema,
)

FOLDER = "data"
GROUP_BYTES = 2**18  # pixels of one row group
LARGEST_GROUP = 256
LARGE_FILE = 2**24  # bytes, of which no more than what is being read is kept in memory
LEAST_PNG = 57  # bytes: signature, header, data and end, each with its length and sum
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def shard_path(index: int, count: int, split: str = TRAIN) -> str:
    """Return where shard ``index`` of ``count`` lies, relative to the version's folder."""
    name = "train" if split == TRAIN else "validation"
    return f"{folder_of(split, FOLDER)}/{name}-{shard_number(index, count)}-of-{count:05d}.parquet"


def shard_bytes(
    rows: Rows,
    first: int,
    class_names: Sequence[str],
    *,
    label: Int64Array | None = None,
    names: Sequence[str] | None = None,
) -> bytes:
    """Return a whole Parquet file that holds ``rows``: the same bytes for the same rows.

    ``first`` is the row of the dataset that is the first of ``rows``. ``label`` [n] are hard labels
    other than those of the largest share, ``names`` what to call the images but for their ending.
    """
    schema = rows_schema(
        pa.field("image", IMAGE), {"_type": "Image"}, class_names, rows.source_index.shape[1]
    )
    called = names or [f"{first + place:08d}" for place in range(len(rows))]
    pictures = pa.array([png.encode(image) for image in rows.image], pa.binary())
    image = pa.StructArray.from_arrays(
        [pictures, pa.array([f"{name}.png" for name in called])], fields=list(IMAGE)
    )
    light = row_columns(rows)
    if label is not None:
        light["label"] = label
    table = pa.table([image, *map(as_arrow, light.values())], schema=schema)
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        row_group_size=max(1, min(LARGEST_GROUP, GROUP_BYTES // max(1, rows.image[0].size))),
        # PNG is compressed already, and no two images are alike.
        compression={"image.bytes": "NONE"},
        use_dictionary=list(light),
        write_statistics=list(light),
    )
    return buffer.getvalue()


def _encode_shard(shard: Shard, rows: Rows) -> Encoded:
    data = shard_bytes(rows, shard.first, shard.class_names)
    return Encoded({shard_path(shard.index, shard.count, shard.split): data})


def _read_columns(folder: Path, paths: list[str], expected: Expected) -> Iterator[Columns]:
    split = expected.split
    own = partial(shard_path, split=split)
    for path in expected.wanted(shard_files(paths, folder_of(split, FOLDER), own)):
        with open_inside(folder, path) as file:
            most = min(expected.rows, os.fstat(file.fileno()).st_size // LEAST_PNG)
            columns = read_rows_table(file, replace(expected, rows=most))
        yield columns


def _read_class_names(folder: Path, paths: list[str]) -> list[list[str]]:
    found = []
    for path in shard_files(paths, FOLDER, shard_path):
        with open_inside(folder, path) as file:
            found.append(read_table_names(file))
    return found


def _open_images(place: Place) -> ReadImages:
    return open_by_shard(
        place, partial(shard_path, split=place.split), partial(_open_shard, place.image_shape)
    )


def _open_shard(image_shape: tuple[int, int, int], path: Path) -> Callable[[Int64Array], Elements]:
    # Mapped by way of an open file, so that pyarrow does not take the path for an address.
    with open_regular(path, follow=False) as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    file = open_parquet(pa.BufferReader(pa.py_buffer(mapped)))
    check_table(file, len(mapped) // LEAST_PNG, {"image": [IMAGE]})
    groups = range(file.metadata.num_row_groups)
    for group in groups:
        _require_plain_pictures(file.metadata.row_group(group))
    ends = np.cumsum([file.metadata.row_group(group).num_rows for group in groups])

    def read(rows: Int64Array) -> Elements:
        images = np.empty((len(rows), *image_shape), dtype=np.uint8)
        group_of = np.searchsorted(ends, rows, side="right")
        for group in np.unique(group_of).tolist():
            here = np.flatnonzero(group_of == group)
            first = int(ends[group - 1]) if group else 0
            table = file.read_row_group(group, columns=["image.bytes"])
            pictures = table["image"].combine_chunks().field("bytes")
            for index in here.tolist():
                data = pictures[int(rows[index]) - first].as_buffer()
                images[index] = png.decode(io.BytesIO(data), image_shape)
        if len(mapped) > LARGE_FILE and hasattr(mmap, "MADV_DONTNEED"):
            # What was mapped counts as this process's memory until somebody else wants it.
            mapped.madvise(mmap.MADV_DONTNEED)
        return as_elements(images)

    return read


def _require_plain_pictures(group: Any) -> None:
    """Raise ValueError where a row group's pictures take less room in the file than in memory."""
    for place in range(group.num_columns):
        column = group.column(place)
        if column.path_in_schema == "image.bytes" and (
            column.compression != "UNCOMPRESSED"
            or any("DICTIONARY" in encoding for encoding in column.encodings)
        ):
            raise ValueError("its pictures are stored in another way than they were written")


def _expected_size(size: DatasetSize) -> tuple[int, int]:
    row = size.png_bytes + size.light_bytes + 16
    return size.rows * row + 4 * SMALL_FILE_BYTES * size.shards, size.shards


FORMAT = StorageFormat(
    name="parquet",
    reading="""```python
import io

import pandas
from PIL import Image

rows = pandas.read_parquet("data")  # all files of the folder
image = Image.open(io.BytesIO(rows["image"][0]["bytes"]))
soft_label = rows["soft_label"][0]  # float32 [K]
```

`load_dataset("parquet", data_files="data/*.parquet", split="train")` of Hugging Face `datasets`
gives images and class names without more ado.""",
    data_files=f"{FOLDER}/*.parquet",
    folders=lambda _: [FOLDER],
    encode=_encode_shard,
    finish=nothing_to_finish,
    read_columns=_read_columns,
    read_class_names=_read_class_names,
    open_images=_open_images,
    rows_of=partial(rows_of_shard, shard_path),
    expected_size=_expected_size,
    table=(f"{FOLDER}/*.parquet", "image"),
)
