"""PNG trees: ``train/<class>/<row>.png``, and ``train/metadata.parquet`` with every column.

Nothing but class folders and that one file lies under ``train/``, so that whoever reads class
folders reads this one. An image lies in the folder of its largest label share; the exact shares are
in the table. The table carries the schema key of Hugging Face ``datasets``, which keeps class names
and float32 through ``load_dataset("imagefolder")``.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from PIL import Image

from augfactory.errors import RecipeError
from augfactory.guarded.decoding import decoding
from augfactory.guarded.files import open_inside
from augfactory.guarded.text import escaped, problem_with_name
from augfactory.records import Int64Array, Rows, UInt8Array
from augfactory.store.formats.shard_names import RowRange, folder_of
from augfactory.store.formats.storage_format import (
    SMALL_FILE_BYTES,
    DatasetSize,
    Encoded,
    FinishedShard,
    Place,
    Shard,
    StorageFormat,
    unreadable,
)
from augfactory.store.splits import TRAIN, VAL
from augfactory.store.tables import (
    Columns,
    Expected,
    join_tables,
    read_rows_table,
    read_table_names,
    row_columns,
    rows_schema,
    table_bytes,
)

FOLDER = "train"
TABLE = "metadata.parquet"
METADATA = f"{FOLDER}/{TABLE}"
LONGEST_FOLDER = 255  # bytes that a name may have on the usual file systems
MOST_SHOWN = 60  # letters of a name in a message


def check_class_names(class_names: Sequence[str]) -> None:
    """Refuse class names that cannot be folder names, or not so that every tool reads them.

    Raises:
        RecipeError: naming the class.
    """
    for name in class_names:
        problem = problem_with_name(name)
        if problem is None and len(name.encode()) > LONGEST_FOLDER:
            problem = f"it has more than {LONGEST_FOLDER} bytes"
        if name in (".", "..") or "/" in name or "\\" in name or problem is not None:
            shown = escaped(name if len(name) <= MOST_SHOWN else f"{name[:MOST_SHOWN]}…")
            raise RecipeError(
                f"class '{shown}'",
                "this name cannot be a folder, which the format png makes of it"
                + (f": {problem}" if problem else ""),
                "Choose another format, such as hdf5, or rename the class.",
            )


def image_path(row: int, class_name: str, split: str = TRAIN) -> str:
    """Return where the image of ``row`` lies, relative to the version's folder."""
    return f"{folder_of(split, FOLDER)}/{class_name}/{row:08d}.png"


def encode(image: UInt8Array) -> bytes:
    """Return ``image`` [H, W, C] as PNG, losslessly."""
    buffer = io.BytesIO()
    pixels = image[:, :, 0] if image.shape[2] == 1 else image
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def decode(file: BinaryIO, image_shape: tuple[int, int, int]) -> UInt8Array:
    """Read one PNG that ``encode`` made as uint8 [H, W, C], which is ``image_shape``.

    Raises:
        ValueError, OSError: it is damaged, or another image.
    """
    height, width, channels = image_shape
    try:
        with Image.open(file, formats=("PNG",)) as image:
            # Before a pixel is unpacked: a few bytes can declare more than any memory holds.
            if (image.size, image.mode) != ((width, height), "L" if channels == 1 else "RGB"):
                raise ValueError(f"it is {image.height}x{image.width} {image.mode}")
            return np.asarray(image, dtype=np.uint8).reshape(image_shape)
    except (SyntaxError, Image.DecompressionBombError) as error:  # Pillow's word for a broken chunk
        raise ValueError(str(error)) from error


def schema(class_names: Sequence[str], parents: int) -> pa.Schema:
    """Return the table's schema, with the key that Hugging Face ``datasets`` reads."""
    feature = {"dtype": "string", "_type": "Value"}
    return rows_schema(pa.field("file_name", pa.string()), feature, class_names, parents)


def metadata_columns(rows: Rows, first: int, class_names: Sequence[str]) -> Columns:
    """Return the table's columns for ``rows``, whose first is row ``first`` of the dataset."""
    names = [
        image_path(first + place, class_names[label]).removeprefix(f"{FOLDER}/")
        for place, label in enumerate(rows.label.tolist())
    ]
    return {"file_name": np.array(names), **row_columns(rows)}


def _encode_shard(shard: Shard, rows: Rows) -> Encoded:
    names = [
        image_path(shard.first + place, shard.class_names[label], shard.split)
        for place, label in enumerate(rows.label.tolist())
    ]
    columns = metadata_columns(rows, shard.first, shard.class_names)
    table = table_bytes(columns, schema(shard.class_names, rows.source_index.shape[1]))
    return Encoded(dict(zip(names, map(encode, rows.image), strict=True)), table)


def _finish(
    building: Path,
    class_names: Sequence[str],
    shards: list[FinishedShard],
    validation: list[FinishedShard],
) -> list[str]:
    del class_names
    written = []
    for split, parts in ((TRAIN, shards), (VAL, validation)):
        if parts:
            written.append(f"{folder_of(split, FOLDER)}/{TABLE}")
            join_tables([shard.table for shard in parts], building / written[-1])
    return written


def _read_columns(folder: Path, paths: list[str], expected: Expected) -> Iterator[Columns]:
    own = folder_of(expected.split, FOLDER)
    table = f"{own}/{TABLE}"
    pictures = {path for path in paths if path.startswith(f"{own}/") and path != table}
    with open_inside(folder, table) as file:
        most = replace(expected, rows=min(expected.rows, len(pictures)))
        columns = read_rows_table(file, most, ["file_name"])
    names = [f"{own}/{name}" for name in columns.pop("file_name").tolist()]
    labels = columns["label"].tolist()
    if table not in paths or names != [
        image_path(row, expected.class_names[label], expected.split)
        if 0 <= label < len(expected.class_names)
        else ""
        for row, label in enumerate(labels)
    ]:
        raise ValueError(f"{table} does not list the images under the names that they have")
    if pictures != set(names):
        raise ValueError(f"the images in {own} are not those of {table}")
    yield columns


def _read_class_names(folder: Path, paths: list[str]) -> list[list[str]]:
    del paths
    with open_inside(folder, METADATA) as file:
        return [read_table_names(file)]


def _read_images(place: Place, rows: Int64Array) -> UInt8Array:
    images = np.empty((len(rows), *place.image_shape), dtype=np.uint8)
    labels = place.labels_of(rows).tolist()
    for index, (row, label) in enumerate(zip(rows.tolist(), labels, strict=True)):
        name = image_path(row, place.class_names[label], place.split)
        path = place.folder / name
        try:
            with decoding(), open_inside(place.folder, name) as file:
                images[index] = decode(file, place.image_shape)
        except (OSError, ValueError) as error:
            raise unreadable(path, error) from error
    return images


def _rows_of(path: str, shards: Sequence[RowRange]) -> RowRange | None:
    del shards
    row = Path(path).stem
    if not (path.startswith(f"{FOLDER}/") and path.endswith(".png") and row.isdecimal()):
        return None
    return int(row), int(row)


def _expected_size(size: DatasetSize) -> tuple[int, int]:
    blocks = -(-(size.png_bytes + size.light_bytes) // SMALL_FILE_BYTES)
    return size.rows * blocks * SMALL_FILE_BYTES, size.rows + 1


FORMAT = StorageFormat(
    name="png",
    reading="""```python
import pandas
from PIL import Image

rows = pandas.read_parquet("train/metadata.parquet")
image = Image.open("train/" + rows["file_name"][0])
soft_label = rows["soft_label"][0]  # float32 [K]
```

`torchvision.datasets.ImageFolder("train")` and whatever else reads folders of classes gives hard
labels: an image lies in the folder of its largest share. Every column comes with
`load_dataset("imagefolder", data_dir="train")` of Hugging Face `datasets`.""",
    data_files="train/**",
    folders=lambda class_names: [f"{FOLDER}/{name}" for name in class_names],
    encode=_encode_shard,
    finish=_finish,
    read_columns=_read_columns,
    read_class_names=_read_class_names,
    open_images=lambda place: partial(_read_images, place),
    rows_of=_rows_of,
    expected_size=_expected_size,
    check_class_names=check_class_names,
    table=(METADATA, "file_name"),
    grey_note=(
        "`ImageFolder` makes three equal channels of a grey image; "
        '`ImageFolder("train", loader=PIL.Image.open)` keeps the one.'
    ),
)
