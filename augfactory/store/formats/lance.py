"""Lance: ``train.lance``, a Lance dataset with a file of plain pixels and every column per shard.

``lance.dataset("train.lance")`` and whatever else reads Lance takes it; the validation images are
another one. The package pylance writes each data file, once, into a folder that is gone afterwards;
its bytes are then written like any others. Images are at the head of a file, uint8, uncompressed
and in one piece, so that they are mapped into memory without the package, in forked processes too,
where it must not be used. Other columns are plain bytes as well; pylance only tells where.

What ``lance.LanceDataset.commit`` writes besides, the dataset's own manifest, holds the time and a
random name of a transaction. Both are left out: the same rows give the same bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from augfactory.errors import RecipeError, unwritable
from augfactory.guarded.files import inside, read_file
from augfactory.guarded.lance import (
    buffers_of,
    check_pages,
    lance_file,
    open_lance,
    panics_caught,
    read_buffers,
    texts_of,
    whole_file,
)
from augfactory.records import Int64Array, ReadImages, Rows
from augfactory.store.disk.atomic import make_folders, write_file
from augfactory.store.disk.scratch import scratch_folder
from augfactory.store.formats.lance_manifest import FIRST, manifest_of
from augfactory.store.formats.shard_names import rows_of_shard, shard_files, shard_number
from augfactory.store.formats.storage_format import (
    SMALL_FILE_BYTES,
    DatasetSize,
    Elements,
    Encoded,
    FinishedShard,
    Place,
    Shard,
    StorageFormat,
    element_of,
    map_pixels,
    open_by_shard,
)
from augfactory.store.splits import TRAIN, VAL
from augfactory.store.tables import (
    KINDS,
    LONGEST_TEXT,
    MOST_PARENTS,
    Columns,
    Expected,
    as_arrow,
    names_of_schema,
    row_columns,
    rows_schema,
)

FOLDERS = {TRAIN: "train.lance", VAL: f"{VAL}/val.lance"}
FILE_FORMAT = "2.0"  # of Lance: later ones scatter the pixels of small images
WHOLE = 2**40  # bytes of a page: no column is cut
METHOD_BYTES = 32  # of a row in a file, at most, and so many again for the words themselves


def shard_path(index: int, count: int, split: str = TRAIN) -> str:
    """Return where shard ``index`` of ``count`` lies, relative to the version's folder."""
    return f"{FOLDERS[split]}/data/{shard_number(index, count)}.lance"


def shard_bytes(rows: Rows, class_names: Sequence[str]) -> bytes:
    """Return a whole Lance file that holds ``rows``: the same bytes for the same rows.

    Raises:
        ResourceError: the disk that TMPDIR names is full, or as ``lance_file``.
        RecipeError: the installed pylance does not write pixels as this program reads them.
    """
    file = lance_file()
    pixels = np.ascontiguousarray(rows.image).reshape(len(rows), -1)
    kind = {"dtype": "uint8", "_type": "Value"}
    told = {"feature": kind, "length": pixels.shape[1], "_type": "List"}
    image = pa.field("image", pa.list_(pa.uint8(), pixels.shape[1]))
    # One key of metadata, which names the classes: Lance stores several in any order.
    schema = rows_schema(image, told, class_names, rows.source_index.shape[1])
    table = pa.table([as_arrow(pixels), *map(as_arrow, row_columns(rows).values())], schema=schema)
    with scratch_folder("lance") as folder:
        path = folder / "shard.lance"
        try:
            writer = file.LanceFileWriter(
                str(path), schema, version=FILE_FORMAT, max_page_bytes=WHOLE
            )
            writer.write_batch(table)
            writer.close()
        except OSError as error:
            raise unwritable(path, error) from error
        data = read_file(path)
        if memoryview(data)[: pixels.nbytes] != pixels.data.cast("B") or not _reads_as(path, rows):
            raise RecipeError(
                "format lance",
                "the installed pylance does not write images and columns as plain bytes",
                "Install another version: python -m pip install 'augfactory[lance]'",
            )
    return data


def _reads_as(path: Path, rows: Rows) -> bool:
    """Tell whether the columns of a file are read as those of ``rows``."""
    names = tuple(map(str, range(rows.soft_label.shape[1])))
    try:
        found = _read_light(path, Expected(len(rows), names))
    except ValueError:
        return False
    return all(np.array_equal(found[name], values) for name, values in row_columns(rows).items())


def _encode_shard(shard: Shard, rows: Rows) -> Encoded:
    path = shard_path(shard.index, shard.count, shard.split)
    return Encoded({path: shard_bytes(rows, shard.class_names)})


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
            path = f"{FOLDERS[split]}/{FIRST}"
            make_folders([(building / path).parent])
            write_file(building / path, manifest_of(building, parts))
            written.append(path)
    return written


def _read_columns(folder: Path, paths: list[str], expected: Expected) -> Iterator[Columns]:
    own = partial(shard_path, split=expected.split)
    shards = shard_files(paths, f"{FOLDERS[expected.split]}/data", own)
    for path in expected.wanted(shards):
        yield _read_light(inside(folder, path), expected)


def _read_light(path: Path, expected: Expected) -> Columns:
    """Read the columns but the images, as they are in the file: pylance decodes nothing."""
    size = whole_file(path)
    with panics_caught():
        about = open_lance(path).metadata()
        _check(about, expected, size)
        stored = {name: read_buffers(path, about, name) for name in KINDS}
    rows, columns = about.num_rows, Columns()
    for name, buffers in stored.items():
        if name == "method":
            columns[name] = texts_of(buffers, rows, LONGEST_TEXT)
            continue
        values = np.frombuffer(buffers[0], np.dtype(KINDS[name]).newbyteorder("<"))
        is_list = pa.types.is_fixed_size_list(about.schema.field(name).type)
        columns[name] = values.reshape(rows, -1) if is_list else values
    return columns


def _check(about: Any, expected: Expected, size: int) -> None:
    """Raise ValueError unless the metadata of a file are those of what is expected."""
    rows, schema = about.num_rows, about.schema
    if not 0 < rows <= expected.rows:
        raise ValueError(f"it declares {rows:,} rows, and {expected.rows:,} are expected")
    if schema.names != ["image", *KINDS]:
        raise ValueError(f"its columns are {', '.join(schema.names)[:200]}")
    parents = getattr(schema.field("weight").type, "list_size", 0)
    if not 1 <= parents <= MOST_PARENTS:
        raise ValueError(f"it declares {parents} weights of a row")
    pixels = getattr(schema.field("image").type, "list_size", 0)
    image = pa.field("image", pa.list_(pa.uint8(), pixels))
    wanted = rows_schema(image, {}, expected.class_names, parents)
    for name in schema.names:
        if schema.field(name).type != wanted.field(name).type:
            raise ValueError(f"its column {name!r} is {schema.field(name).type}")
    check_pages(about, {field.name: _width(field.type) for field in wanted}, size)
    if about.columns[0].pages[0].buffers[0].position:
        raise ValueError("its images are not at its head")
    words = sum(buffer.size for buffer in buffers_of(about, "method"))
    if words > METHOD_BYTES * rows + SMALL_FILE_BYTES:
        raise ValueError(f"the names of its methods take {words:,} bytes")


def _width(kind: pa.DataType) -> int | None:
    """Return the bytes of a value; None where values are of different lengths."""
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size * kind.value_type.bit_width // 8)
    return None if pa.types.is_string(kind) else int(kind.bit_width // 8)


def _read_class_names(folder: Path, paths: list[str]) -> list[list[str]]:
    with panics_caught():
        return [
            names_of_schema(open_lance(inside(folder, path)).metadata().schema)
            for path in shard_files(paths, f"{FOLDERS[TRAIN]}/data", shard_path)
        ]


def _open_images(place: Place) -> ReadImages:
    element = element_of(place.image_shape)

    def open_shard(path: Path) -> Callable[[Int64Array], Elements]:
        return map_pixels(
            path, element, 0, whole_file(path) // element.itemsize, let_go=place.let_go
        )

    return open_by_shard(place, partial(shard_path, split=place.split), open_shard)


def _expected_size(size: DatasetSize) -> tuple[int, int]:
    row = size.image_bytes + size.light_bytes
    # Every class name is in each file, but they are short beside the pixels.
    shard = 4 * SMALL_FILE_BYTES
    return size.rows * row + shard * (size.shards + 1), size.shards + 1


FORMAT = StorageFormat(
    name="lance",
    reading="""```python
import json
from pathlib import Path

import lance
import numpy as np

shape = json.loads(Path("manifest.json").read_text())["image_shape"]
rows = lance.dataset("train.lance")  # python -m pip install pylance
row = rows.take([0]).to_pylist()[0]
image = np.array(row["image"], dtype=np.uint8).reshape(shape)
soft_label = row["soft_label"]  # float32 [K]
```

`lance.torch.data.LanceDataset("train.lance", columns=["image", "soft_label"], batch_size=64)` gives
tensors: `batch["image"].view(-1, *shape)`. `load_dataset("lance", data_files="train.lance/**")` of
Hugging Face `datasets` reads it too. To add rows or an index, copy the folder: this one is part of
a version, which does not change.""",
    data_files=f"{FOLDERS[TRAIN]}/**",
    folders=lambda _: [f"{FOLDERS[TRAIN]}/data", f"{FOLDERS[TRAIN]}/_versions"],
    encode=_encode_shard,
    finish=_finish,
    read_columns=_read_columns,
    read_class_names=_read_class_names,
    open_images=_open_images,
    rows_of=partial(rows_of_shard, shard_path),
    expected_size=_expected_size,
    package="pylance",
    module="lance",
    not_extracted=(
        "Croissant has no way into Lance: image (uint8 [H·W·C]), soft_label (float32 [K]), label, "
        "method, round, view, source_index and weight are columns of the dataset train.lance."
    ),
)
