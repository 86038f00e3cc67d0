"""What a format stores it gives back, whatever the images, the names and the order asked."""

from pathlib import Path

import numpy as np
import pytest

from augfactory.errors import VerificationError
from augfactory.methods.registry import METHODS
from augfactory.records import Rows
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import (
    METADATA_COLUMNS,
    DatasetSize,
    FinishedShard,
    Place,
    Shard,
    StorageFormat,
)
from augfactory.store.shards import STATE
from augfactory.store.tables import Expected
from augfactory.vae.samplers.registry import SAMPLERS
from tests.store.conftest import make_rows

CLASSES = ("Bär ähnlich", "chat noir", "狗")
FIRST, SECOND = 300, 7


def test_every_registered_file_has_the_name_that_it_is_registered_by() -> None:
    for registry in (FORMATS, METHODS, SAMPLERS):
        assert [each.name for each in registry.values()] == list(registry)


@pytest.fixture(params=FORMATS)
def storage(request: pytest.FixtureRequest) -> StorageFormat:
    return FORMATS[request.param]


def write(folder: Path, storage: StorageFormat, parts: list[Rows]) -> list[str]:
    """Write ``parts`` as the shards of a dataset; return the paths of all files."""
    first, finished, written = 0, [], []
    for name in (*storage.folders(CLASSES), STATE):
        (folder / name).mkdir(parents=True)
    for index, rows in enumerate(parts):
        encoded = storage.encode(Shard(index, len(parts), first, CLASSES), rows)
        for name, data in encoded.files.items():
            (folder / name).write_bytes(data)
        table = folder / STATE / str(index)
        table.write_bytes(encoded.table or b"")
        finished.append(FinishedShard(len(rows), tuple(encoded.files), table))
        written += list(encoded.files)
        first += len(rows)
    return written + storage.finish(folder, CLASSES, finished, [])


@pytest.mark.parametrize("channels", [1, 3])
def test_every_column_comes_back(tmp_path: Path, storage: StorageFormat, channels: int) -> None:
    parts = [make_rows(FIRST, channels), make_rows(SECOND, channels, seed=1)]
    paths = write(tmp_path, storage, parts)

    columns = [*storage.read_columns(tmp_path, paths, Expected(FIRST + SECOND, CLASSES))]

    assert all(names == list(CLASSES) for names in storage.read_class_names(tmp_path, paths))
    for name in METADATA_COLUMNS:
        stored = np.concatenate([getattr(rows, name) for rows in parts])
        found = np.concatenate([shard[name] for shard in columns])
        assert np.array_equal(found, stored), name
        assert found.dtype.kind == stored.dtype.kind, name
        assert name == "method" or found.dtype == stored.dtype, name

    images = np.concatenate([rows.image for rows in parts])
    labels = np.concatenate([rows.label for rows in parts])
    ends = np.array([FIRST, FIRST + SECOND])
    place = Place(tmp_path, (5, 7, channels), ends, CLASSES, lambda rows: labels[rows])
    for rows in (
        np.arange(len(images)),
        np.array([306, 0, 299, 300, 0, 255, 256, 17]),
        np.array([301]),
        np.array([], dtype=np.int64),
    ):
        assert np.array_equal(storage.open_images(place)(rows), images[rows])


def test_equal_rows_give_equal_bytes(storage: StorageFormat) -> None:
    shard = Shard(2, 4, 30, CLASSES)
    encoded = storage.encode(shard, make_rows(10))
    assert encoded == storage.encode(shard, make_rows(10))
    assert encoded != storage.encode(shard, make_rows(10, seed=1))


def test_names_of_files_depend_on_nothing_but_place_and_label(storage: StorageFormat) -> None:
    shard = Shard(2, 4, 30, CLASSES)
    rows = make_rows(10)
    darker = Rows(**{**vars(rows), "image": rows.image // 2})
    assert list(storage.encode(shard, rows).files) == list(storage.encode(shard, darker).files)


@pytest.mark.parametrize("shape", [(5, 7, 1), (32, 32, 3), (64, 48, 3)])
def test_expected_size_is_an_upper_bound(
    tmp_path: Path, storage: StorageFormat, shape: tuple[int, int, int]
) -> None:
    rows = make_rows(40)
    noise = np.random.default_rng(2).integers(0, 256, (40, *shape), dtype=np.uint8)
    paths = write(tmp_path, storage, [Rows(**{**vars(rows), "image": noise})])
    size, files = storage.expected_size(DatasetSize(40, 1, shape, len(CLASSES), 2))
    assert sum((tmp_path / path).stat().st_size for path in paths) <= size
    assert len(paths) <= files


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6])
def test_a_cut_file_is_named(tmp_path: Path, storage: StorageFormat, place: float) -> None:
    rows = make_rows(10)
    paths = write(tmp_path, storage, [rows])
    path = tmp_path / paths[0]
    data = path.read_bytes()
    path.write_bytes(data[: int(place * len(data))])
    where = Place(tmp_path, (5, 7, 3), np.array([10]), CLASSES, lambda wanted: rows.label[wanted])
    with pytest.raises(VerificationError) as raised:
        storage.open_images(where)(np.arange(10))
    assert raised.value.where == str(path)
