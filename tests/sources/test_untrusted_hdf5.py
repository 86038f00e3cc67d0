"""What an HDF5 file from anywhere may hold: every way out of it, and every damage, is refused."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augfactory.errors import InputDataError
from augfactory.records import SourceSpec
from augfactory.sources.opening import open_source
from tests.sources.written import HEIGHT, WIDTH, noise, write_h5

IMAGES = noise(9, HEIGHT, WIDTH, 3)
LABELS = np.array([3, 0, 1, 1, 0, 2, 3, 0, 1])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "set.h5"


def refusal(path: Path) -> str:
    with pytest.raises(InputDataError) as caught:
        open_source(SourceSpec(str(path)))
    return str(caught.value)


def test_each_process_and_thread_has_its_own_handle(path: Path) -> None:
    write_h5(path, image=IMAGES, label=LABELS)
    source = open_source(SourceSpec(str(path)))
    assert np.array_equal(source.read_images(np.arange(9)), IMAGES)
    results: list[bool] = []

    def read() -> None:
        results.append(np.array_equal(source.read_images(np.arange(9)), IMAGES))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4


def test_a_forked_process_opens_the_file_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_h5(path, image=IMAGES, label=LABELS)
    source = open_source(SourceSpec(str(path)))
    source.read_images(np.arange(2))
    opened_files = []
    original = h5py.File

    def counted(*arguments: Any, **options: Any) -> Any:
        opened_files.append(arguments)
        return original(*arguments, **options)

    monkeypatch.setattr(h5py, "File", counted)
    source.read_images(np.arange(2))
    assert not opened_files
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert np.array_equal(source.read_images(np.array([3])), IMAGES[[3]])
    assert len(opened_files) == 1


def external_link(file: Any, other: Path) -> None:
    file["image"] = h5py.ExternalLink(str(other), "image")


def soft_link(file: Any, other: Path) -> None:
    file["inside"] = IMAGES
    file["image"] = h5py.SoftLink("/inside")


def virtual(file: Any, other: Path) -> None:
    layout = h5py.VirtualLayout(shape=IMAGES.shape, dtype=np.uint8)
    layout[:] = h5py.VirtualSource(str(other), "image", shape=IMAGES.shape)
    file.create_virtual_dataset("image", layout)


def external_storage(file: Any, other: Path) -> None:
    file.create_dataset(
        "image", shape=IMAGES.shape, dtype=np.uint8, external=[(str(other), 0, IMAGES.nbytes)]
    )


def group(file: Any, other: Path) -> None:
    file.create_group("image")


def strings(file: Any, other: Path) -> None:
    file.create_dataset("image", data=["a"] * 9)


def scalar(file: Any, other: Path) -> None:
    file.create_dataset("image", data=3)


def empty(file: Any, other: Path) -> None:
    file.create_dataset("image", data=h5py.Empty("u1"))


def never_written(file: Any, other: Path) -> None:
    file.create_dataset("image", shape=IMAGES.shape, dtype=np.uint8)


def partly_written(file: Any, other: Path) -> None:
    dataset = file.create_dataset(
        "image", shape=IMAGES.shape, dtype=np.uint8, chunks=(2, *IMAGES.shape[1:])
    )
    dataset[:8] = IMAGES[:8]


def huge_rows(file: Any, other: Path) -> None:
    file.create_dataset("image", shape=(9, 20_000, 20_000), dtype=np.uint8, chunks=(1, 1000, 1000))


def huge_chunks(file: Any, other: Path) -> None:
    file.create_dataset(
        "image", shape=(9_000_000, 12, 20), dtype=np.uint8, chunks=(9_000_000, 12, 20)
    )


def unknown_filter(file: Any, other: Path) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk(IMAGES.shape)
    properties.set_filter(32_001, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    space = h5py.h5s.create_simple(IMAGES.shape)
    h5py.h5d.create(file.id, b"image", h5py.h5t.STD_U8LE, space, properties)


REFUSED: dict[Callable[[Any, Path], None], str] = {
    external_link: "not an array of this very file",
    soft_link: "not an array of this very file",
    group: "not an array of this very file",
    virtual: "in other files",
    external_storage: "in other files",
    strings: "not an array of numbers",
    scalar: "not an array of numbers",
    empty: "not an array of numbers",
    never_written: "never written",
    partly_written: "never written",
    huge_rows: "one row of it",
    huge_chunks: "one chunk of it",
    unknown_filter: "not built into HDF5",
}


@pytest.mark.parametrize("write", REFUSED)
def test_untrusted_structures_are_refused(
    path: Path, tmp_path: Path, write: Callable[[Any, Path], None]
) -> None:
    other = tmp_path / "other.h5"
    write_h5(other, image=IMAGES)
    with h5py.File(path, "w") as file:
        file["label"] = LABELS
        write(file, other)
    message = refusal(path)
    assert message.startswith(f"{path}[image]: ")
    assert REFUSED[write] in message


def test_damaged_values_are_refused_when_read(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["label"] = LABELS
        dataset = file.create_dataset("image", data=IMAGES, chunks=IMAGES.shape, fletcher32=True)
        place = dataset.id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[place + 100] ^= 1
    path.write_bytes(data)
    source = open_source(SourceSpec(str(path)))
    with pytest.raises(InputDataError, match=r"set\.h5\[image\]: rows cannot be read"):
        source.read_images(np.arange(2))


@given(st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_cut_files_and_random_bytes_are_refused(path: Path, data: st.DataObject) -> None:
    write_h5(path, image=IMAGES, label=LABELS)
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        signature = data.draw(st.sampled_from([b"", whole[:8]]))
        path.write_bytes(signature + data.draw(st.binary(max_size=600)))
    assert refusal(path).startswith(str(path))
