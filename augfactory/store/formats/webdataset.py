"""WebDataset shards: tar files with ``<row>.png``, ``<row>.cls`` and ``<row>.json`` for each row.

The json file holds every column but the image. ``_info.json`` beside the shards' folder is what
timm's ``wds/`` reader asks for. The archives hold no time and no user, so that equal rows give
equal bytes; a reader of ours finds a row through the headers, which it reads once.
"""

import io
import json
import mmap
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from augfactory.guarded.documents import parse_json
from augfactory.guarded.files import inside, open_regular, read_inside
from augfactory.guarded.text import escaped_json
from augfactory.records import Int64Array, ReadImages, Rows
from augfactory.store.disk.atomic import write_file
from augfactory.store.formats import png
from augfactory.store.formats.shard_names import folder_of, rows_of_shard, shard_files, shard_number
from augfactory.store.formats.storage_format import (
    SMALL_FILE_BYTES,
    DatasetSize,
    Elements,
    Encoded,
    FinishedShard,
    Place,
    Shard,
    StorageFormat,
    as_elements,
    open_by_shard,
)
from augfactory.store.splits import TRAIN
from augfactory.store.tables import LONGEST_TEXT, Columns, Expected, names_in

FOLDER = "shards"
INFO = "_info.json"
PARTS = ("png", "cls", "json")
LARGEST_INFO = 2**27
BLOCK = tarfile.BLOCKSIZE
DTYPES = {
    "soft_label": np.float32,
    "label": np.int64,
    "method": np.str_,
    "round": np.int32,
    "view": np.int32,
    "source_index": np.int64,
    "weight": np.float32,
}


def shard_path(index: int, count: int, split: str = TRAIN) -> str:
    """Return where shard ``index`` of ``count`` lies, relative to the version's folder."""
    return f"{folder_of(split, FOLDER)}/{shard_number(index, count)}.tar"


def shard_bytes(rows: Rows, first: int, label: Int64Array | None = None) -> bytes:
    """Return a whole tar file that holds ``rows``: the same bytes for the same rows.

    ``first`` is the row of the dataset that is the first of ``rows``. ``label`` [n] are hard labels
    other than those of the largest share.
    """
    columns = [
        (label if name == "label" and label is not None else getattr(rows, name)).tolist()
        for name in DTYPES
    ]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for place, (image, *values) in enumerate(zip(rows.image, *columns, strict=True)):
            row = dict(zip(DTYPES, values, strict=True))
            described = json.dumps(row, separators=(",", ":"), allow_nan=False)
            contents = (png.encode(image), str(row["label"]).encode(), described.encode())
            for part, data in zip(PARTS, contents, strict=True):
                member = tarfile.TarInfo(f"{first + place:08d}.{part}")  # time, user and group 0
                member.size, member.mode = len(data), 0o444
                archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _encode_shard(shard: Shard, rows: Rows) -> Encoded:
    return Encoded(
        {shard_path(shard.index, shard.count, shard.split): shard_bytes(rows, shard.first)}
    )


def _finish(
    building: Path,
    class_names: Sequence[str],
    shards: list[FinishedShard],
    validation: list[FinishedShard],
) -> list[str]:
    splits = {"train": shards} | ({"validation": validation} if validation else {})
    archives = {
        name: {path: shard.rows for shard in own for path in shard.paths}
        for name, own in splits.items()
    }
    write_file(building / INFO, info_bytes(class_names, archives))
    return [INFO]


def info_bytes(class_names: Sequence[str], splits: Mapping[str, Mapping[str, int]]) -> bytes:
    """Return ``_info.json``; ``splits`` maps each to its archives in order and their rows."""
    described = {
        name: {
            "name": name,
            "num_samples": sum(archives.values()),
            "filenames": [*archives],
            "shard_lengths": [*archives.values()],
        }
        for name, archives in splits.items()
    }
    info = {"class_names": list(class_names), "splits": described}
    text = escaped_json(json.dumps(info, indent=2, ensure_ascii=False))
    return f"{text}\n".encode()


def _read_columns(folder: Path, paths: list[str], expected: Expected) -> Iterator[Columns]:
    first = 0 if expected.only is None else None  # the row of a later shard is not known
    for path in expected.wanted(_shards(paths, expected.split)):
        columns = _read_light(inside(folder, path), first, len(expected.class_names))
        yield columns
        first = None if first is None else first + len(columns["label"])


def _read_light(path: Path, first: int | None, classes: int) -> Columns:
    data = _mapped(path)
    places = _places(data, "json", first).tolist()
    try:
        rows = [json.loads(data[start:stop]) for start, stop in places]
        columns = {
            name: np.array([row[name] for row in rows], kind) for name, kind in DTYPES.items()
        }
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"what stands beside an image is not as it was written: {error}"
        ) from error
    if columns["method"].dtype.itemsize > 4 * LONGEST_TEXT:
        raise ValueError("the name of a method is longer than any")
    labels = [data[start:stop] for start, stop in _places(data, "cls", first).tolist()]
    if labels != [str(label).encode() for label in columns["label"].tolist()]:
        raise ValueError("labels in .cls and .json files differ")
    if columns["soft_label"].shape[1:] != (classes,):
        raise ValueError(f"its soft labels are not of {classes} classes")
    return columns


def _read_class_names(folder: Path, paths: list[str]) -> list[list[str]]:
    info = parse_json(read_inside(folder, INFO, LARGEST_INFO))
    shards = _shards(paths)
    try:
        split = info["splits"]["train"]
        if split["filenames"] != shards or len(split["shard_lengths"]) != len(shards):
            raise ValueError(f"{INFO} lists other shards")
        if split["num_samples"] != sum(split["shard_lengths"]):
            raise ValueError(f"{INFO} counts the rows in two ways")
        return [names_in(info["class_names"])]
    except TypeError as error:
        raise ValueError(f"{INFO} is not as it was written") from error


def _shards(paths: list[str], split: str = TRAIN) -> list[str]:
    return shard_files(paths, folder_of(split, FOLDER), partial(shard_path, split=split))


def _open_images(place: Place) -> ReadImages:
    return open_by_shard(
        place, partial(shard_path, split=place.split), partial(_open_shard, place.image_shape)
    )


def _open_shard(image_shape: tuple[int, int, int], path: Path) -> Callable[[Int64Array], Elements]:
    data = _mapped(path)
    places = _places(data, "png")

    def read(rows: Int64Array) -> Elements:
        images = np.empty((len(rows), *image_shape), dtype=np.uint8)
        for index, (start, stop) in enumerate(places[rows].tolist()):
            images[index] = png.decode(io.BytesIO(data[start:stop]), image_shape)
        return as_elements(images)

    return read


def _mapped(path: Path) -> mmap.mmap:
    with open_regular(path, follow=False) as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _places(data: mmap.mmap, part: str, first: int | None = None) -> Int64Array:
    """Return where the ``part`` of each row starts and stops in the archive: int64 [n, 2].

    ``first`` is the row of the dataset that the archive begins with, None where it is not known.

    Raises:
        ValueError: it is not as ``shard_bytes`` made it.
    """
    places: list[tuple[int, int]] = []
    at = 0
    while at + BLOCK <= len(data) and data[at]:
        header = data[at : at + BLOCK]
        name = header[:100].rstrip(b"\0").decode()
        row, ending = divmod(len(places), len(PARTS))
        if first is None:
            first = int(name.partition(".")[0])
        length = int(header[124:135], 8)
        if (
            name != f"{first + row:08d}.{PARTS[ending]}"
            or header[156:157] not in (b"0", b"\0")
            or not 0 <= length <= len(data) - at - BLOCK
        ):
            raise ValueError(f"{name!r} stands where it was not written")
        places.append((at + BLOCK, at + BLOCK + length))
        at += BLOCK + -(-length // BLOCK) * BLOCK
    if len(places) % len(PARTS):
        raise ValueError("its last row is not whole")
    return np.array(places, dtype=np.int64).reshape(-1, len(PARTS), 2)[:, PARTS.index(part)]


def _expected_size(size: DatasetSize) -> tuple[int, int]:
    described = 120 + 24 * size.classes + 32 * size.parents
    contents = (size.png_bytes, 1, described)
    row = sum(BLOCK + -(-length // BLOCK) * BLOCK for length in contents)
    shard = tarfile.RECORDSIZE + 50  # and its line in _info.json
    return size.rows * row + shard * size.shards + SMALL_FILE_BYTES, size.shards + 1


FORMAT = StorageFormat(
    name="webdataset",
    reading="""```python
import json
import tarfile

from PIL import Image

with tarfile.open("shards/00000.tar") as shard:
    image = Image.open(shard.extractfile("00000000.png")).copy()
    columns = json.load(shard.extractfile("00000000.json"))
soft_label = columns["soft_label"]
```

Rows go on in the next archive, and methods lie one after the other, so that one archive alone may
hold no mixed row. `webdataset.WebDataset(PATHS, shardshuffle=False).decode("pil")` streams them;
`load_dataset("webdataset", data_files="shards/*.tar")` of Hugging Face `datasets` reads it, and
timm's `create_dataset("wds/", root=".", split="train", target_key="soft_label")`, through
`_info.json`, which also holds the class names.""",
    data_files=f"{FOLDER}/*.tar",
    folders=lambda _: [FOLDER],
    encode=_encode_shard,
    finish=_finish,
    read_columns=_read_columns,
    read_class_names=_read_class_names,
    open_images=_open_images,
    rows_of=partial(rows_of_shard, shard_path),
    expected_size=_expected_size,
    more_files=(INFO,),
    # No way into the archives is described: mlcroissant 1.1.1 keeps what it unpacks under a hash of
    # the path "shards/00000.tar", and would give the rows of another version for this one's.
    not_extracted=(
        "The archives hold <row>.png, <row>.cls (the label) and <row>.json (soft_label and every "
        "other column) for each row; any reader of WebDataset takes them."
    ),
    grey_note=(
        '`decode("pil")` of webdataset makes three equal channels of a grey image, '
        '`decode("pill")` keeps the one; so does timm with `input_img_mode="L"`.'
    ),
)
