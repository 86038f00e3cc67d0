"""Lance: ``train.lance``, a Lance dataset with a file of plain pixels and every column per shard.

``lance.dataset("train.lance")`` and whatever else reads Lance takes it; the validation images are
another one. The package pylance writes each data file, once, into a folder that is gone afterwards;
its bytes are then written like any others. Images are at the head of a file, uint8, uncompressed
and in one piece, so that they are mapped into memory without the package, in forked processes too,
where it must not be used.

What ``lance.LanceDataset.commit`` writes besides, the dataset's own manifest, holds the time and a
random name of a transaction. Both are left out: the same rows give the same bytes.
"""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augfactory.errors import RecipeError, unwritable
from augfactory.guarded.files import inside, open_regular, read_file
from augfactory.records import Int64Array, ReadImages, Rows
from augfactory.store.disk.atomic import make_folders, write_file
from augfactory.store.disk.scratch import scratch_folder
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
    rows_of_shard,
    shard_files,
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
    plain_columns,
    row_columns,
    rows_schema,
)

FOLDERS = {TRAIN: "train.lance", VAL: f"{VAL}/val.lance"}
FILE_FORMAT = "2.0"  # of Lance: later ones scatter the pixels of small images
WHOLE = 2**40  # bytes of a page: no column is cut
MAGIC = b"LANC"  # ends every file of Lance
FIRST = "_versions/1.manifest"
# Fields of the message Manifest in Lance's table.proto that differ from run to run.
TIMESTAMP, TRANSACTION_FILE, TRANSACTION_SECTION = 7, 12, 23
ROWS_AT_ONCE = 256
METHOD_BYTES = 32  # of a row in a file, at most, and so many again for the words themselves


def shard_path(index: int, count: int, split: str = TRAIN) -> str:
    """Return where shard ``index`` is, relative to the version's folder, whatever their count."""
    del count
    return f"{FOLDERS[split]}/data/{index:05d}.lance"


def shard_bytes(rows: Rows, class_names: Sequence[str]) -> bytes:
    """Return a whole Lance file that holds ``rows``: the same bytes for the same rows.

    Raises:
        ResourceError: the disk that TMPDIR names is full.
        RecipeError: the installed pylance does not write pixels as this program reads them.
    """
    from lance.file import LanceFileWriter

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
            writer = LanceFileWriter(str(path), schema, version=FILE_FORMAT, max_page_bytes=WHOLE)
            writer.write_batch(table)
            writer.close()
        except OSError as error:
            raise unwritable(path, error) from error
        data = read_file(path)
    if memoryview(data)[: pixels.nbytes] != pixels.data.cast("B"):
        raise RecipeError(
            "format lance",
            "the installed pylance does not write images in one piece at the head of a file",
            "Install another version: python -m pip install 'augfactory[lance]'",
        )
    return data


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
            write_file(building / path, _manifest(building, parts))
            written.append(path)
    return written


def _manifest(building: Path, shards: list[FinishedShard]) -> bytes:
    """Return the manifest of the Lance dataset whose data files are those of ``shards``."""
    from lance import LanceDataset, LanceOperation
    from lance.fragment import DataFile, FragmentMetadata

    fragments = []
    for number, shard in enumerate(shards):
        (name,) = shard.paths
        about = _reader(building / name).metadata()
        columns = [*range(len(about.schema))]
        size = (building / name).stat().st_size
        file = DataFile(
            Path(name).name, columns, columns, about.major_version, about.minor_version, size
        )
        fragments.append(FragmentMetadata(number, [file], shard.rows))
    with scratch_folder("lance") as folder:
        place = folder / "dataset.lance"
        LanceDataset.commit(
            str(place),
            LanceOperation.Overwrite(about.schema, fragments),
            enable_v2_manifest_paths=False,
        )
        return _timeless(read_file(place / FIRST))


def _timeless(manifest: bytes) -> bytes:
    """Return the file of a Lance manifest without the time and the transaction that made it.

    Its end says where the message is: 8 bytes, then 4 of versions and the magic. Before the message
    is its length, and before that perhaps the transaction.
    """
    begin = int.from_bytes(manifest[-16:-8], "little")
    length = int.from_bytes(manifest[begin : begin + 4], "little")
    left_out = (TIMESTAMP, TRANSACTION_FILE, TRANSACTION_SECTION)
    kept = b"".join(
        data
        for number, data in _fields(manifest[begin + 4 : begin + 4 + length])
        if number not in left_out
    )
    return len(kept).to_bytes(4, "little") + kept + bytes(8) + manifest[-8:]


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number, bytes) of each field of a Protocol Buffers message."""

    def varint(at: int) -> tuple[int, int]:
        value, shift = 0, 0
        while True:
            value |= (message[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 128:
                return value, at

    at = 0
    while at < len(message):
        begin = at
        key, at = varint(at)
        kind = key & 7
        if kind == 0:
            _, at = varint(at)
        elif kind == 2:
            length, at = varint(at)
            at += length
        else:
            at += {1: 8, 5: 4}[kind]
        yield key >> 3, message[begin:at]


@contextlib.contextmanager
def _panics_caught() -> Iterator[None]:
    """Turn a panic of the package, which is no ``Exception``, into a ValueError."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"pylance gave up: {error}") from error


def _reader(path: Path, columns: Sequence[str] | None = None) -> Any:
    """Open a Lance file that is whole."""
    with warnings.catch_warnings():
        from lance.file import LanceFileReader
    # The package warns of every later fork. Of what is forked nothing here comes back to it.
    warnings.filterwarnings("ignore", "lance is not fork-safe")
    _require_whole(path)
    return LanceFileReader(str(path.absolute()), columns=None if columns is None else [*columns])


def _require_whole(path: Path) -> int:
    """Return the bytes of a regular file that ends as a Lance file does.

    Raises:
        ValueError: it does not.
        OSError: it is no regular file.
    """
    with open_regular(path, follow=False) as file:
        size = os.fstat(file.fileno()).st_size
        if size >= len(MAGIC):
            file.seek(-len(MAGIC), os.SEEK_END)
        if file.read() != MAGIC:
            raise ValueError("it does not end as a Lance file does")
    return size


def _read_columns(folder: Path, paths: list[str], expected: Expected) -> list[Columns]:
    own = partial(shard_path, split=expected.split)
    return [
        _read_light(inside(folder, path), expected)
        for path in shard_files(paths, f"{FOLDERS[expected.split]}/data", own)
    ]


def _read_light(path: Path, expected: Expected) -> Columns:
    with _panics_caught():
        _check(_reader(path).metadata(), expected)
        batches = []
        found = _reader(path, [*KINDS]).read_all(batch_size=ROWS_AT_ONCE)
        for batch in found.to_batches():
            longest = pc.max(pc.binary_length(batch["method"])).as_py() or 0
            if longest > LONGEST_TEXT:
                raise ValueError(f"the name of a method has {longest:,} bytes")
            batches.append(batch)
        table = pa.Table.from_batches(batches)
        table.validate(full=True)
    if any(column.null_count for column in table.columns):
        raise ValueError("a row lacks a value")
    return plain_columns(table)


def _check(about: Any, expected: Expected) -> None:
    """Raise ValueError unless the metadata of a file are those of what is expected."""
    rows, schema = about.num_rows, about.schema
    if not 0 < rows <= expected.rows:
        raise ValueError(f"it declares {rows:,} rows, and {expected.rows:,} are expected")
    if schema.names != ["image", *KINDS]:
        raise ValueError(f"its columns are {', '.join(schema.names)[:200]}")
    parents = getattr(schema.field("weight").type, "list_size", 0)
    if not 1 <= parents <= MOST_PARENTS:
        raise ValueError(f"it declares {parents} weights of a row")
    image = schema.field("image").type
    wanted = rows_schema(
        pa.field("image", pa.list_(pa.uint8(), getattr(image, "list_size", 0))),
        {}, expected.class_names, parents,
    )  # fmt: skip
    for name in schema.names:
        if schema.field(name).type != wanted.field(name).type:
            raise ValueError(f"its column {name!r} is {schema.field(name).type}")
    pages = {
        name: [(each.position, each.size) for page in column.pages for each in page.buffers]
        for name, column in zip(schema.names, about.columns, strict=True)
    }
    if pages["image"] != [(0, rows * image.list_size)]:
        raise ValueError("its images are not in one piece at its head")
    words = sum(size for _, size in pages["method"])
    if words > METHOD_BYTES * rows + SMALL_FILE_BYTES:
        raise ValueError(f"the names of its methods take {words:,} bytes")


def _read_class_names(folder: Path, paths: list[str]) -> list[list[str]]:
    with _panics_caught():
        return [
            names_of_schema(_reader(inside(folder, path)).metadata().schema)
            for path in shard_files(paths, f"{FOLDERS[TRAIN]}/data", shard_path)
        ]


def _open_images(place: Place) -> ReadImages:
    element = element_of(place.image_shape)

    def open_shard(path: Path) -> Callable[[Int64Array], Elements]:
        return map_pixels(path, element, 0, _require_whole(path) // element.itemsize)

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
