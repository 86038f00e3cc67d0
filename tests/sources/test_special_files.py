"""What should be a file and is a FIFO, a device or a folder: told at once, never waited for."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from augfactory.errors import InputDataError
from augfactory.records import SourceSpec
from augfactory.sources import opening
from augfactory.sources.hdf5 import open_hdf5
from augfactory.sources.idx import open_idx, read_idx
from augfactory.sources.npz import open_npz
from augfactory.sources.parsing.image_files import holds_grey, read_image
from tests.sources.written import HEIGHT, WIDTH, noise, write_class_folders, write_h5, write_idx

IMAGES = noise(6, HEIGHT, WIDTH, 3)
LABELS = np.array([0, 0, 0, 1, 1, 1])


def told(act: Callable[[], object]) -> str:
    """Return what is said of it within ten seconds: a thread that waits for a FIFO never ends."""
    said: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # handed to the test
            said.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it waits for the FIFO"
    assert isinstance(said[0], InputDataError)
    return str(said[0])


def fifo(path: Path) -> Path:
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return path


READERS: list[Callable[[Path], object]] = [
    lambda path: read_image(path, None, 3),
    holds_grey,
    read_idx,
    lambda path: open_npz(path, None, "n"),
    lambda path: open_hdf5(path, None, "n"),
]


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_a_fifo(tmp_path: Path, reader: Callable[[Path], object]) -> None:
    path = fifo(tmp_path / "pipe")
    said = told(lambda: reader(path))
    assert str(path) in said
    assert "it is a FIFO, not a file" in said
    assert "Errno" not in said


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_a_device_and_a_folder(
    tmp_path: Path, reader: Callable[[Path], object]
) -> None:
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert "it is a device, not a file" in told(lambda: reader(tmp_path / "zero"))
    assert "it is a folder, not a file" in told(lambda: reader(tmp_path))


@pytest.mark.parametrize("what", ["images-idx3", "labels-idx1"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_fifo_among_idx_files(tmp_path: Path, what: str, suffix: str) -> None:
    write_idx(tmp_path, IMAGES, LABELS, suffix=suffix)
    path = fifo(tmp_path / f"train-{what}-ubyte{suffix}")
    assert str(path) in told(lambda: open_idx(tmp_path, None, "n"))


def test_a_fifo_in_place_of_an_image_after_the_listing(tmp_path: Path) -> None:
    write_class_folders(tmp_path, IMAGES, LABELS)
    source = opening.open_source(SourceSpec(str(tmp_path)))
    path = fifo(tmp_path / "1" / "0004.png")
    assert str(path) in told(lambda: source.read_images(np.array([4])))


def test_a_link_to_a_fifo_in_a_class_folder(tmp_path: Path) -> None:
    write_class_folders(tmp_path, IMAGES, LABELS)
    fifo(tmp_path / "pipe")
    (tmp_path / "0" / "0009.png").symlink_to(tmp_path / "pipe")
    said = told(lambda: opening.open_source(SourceSpec(str(tmp_path))).read_images(np.arange(7)))
    assert "0009.png" in said


def test_a_fifo_in_place_of_an_hdf5_file_that_is_open(tmp_path: Path) -> None:
    write_h5(tmp_path / "set.h5", image=IMAGES, label=LABELS)
    source = opening.open_source(SourceSpec(str(tmp_path / "set.h5")))
    path = fifo(tmp_path / "set.h5")
    assert str(path) in told(lambda: source.read_images(np.array([4])))
