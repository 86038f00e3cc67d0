"""HDF5 leads to no other file, and declares no more than it holds."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from augfactory.guarded.hdf5 import array_in, open_hdf5

VALUES = np.arange(24, dtype=np.float32).reshape(6, 4)


def written(path: Path, change: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "w") as file:
        change(file)
    return path


def test_an_array_comes_back(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5", lambda file: file.create_dataset("a", data=VALUES))
    with open_hdf5(path) as file:
        assert np.array_equal(array_in(file, "a")[()], VALUES)


def external(file: h5py.File) -> None:
    file.create_dataset("a", (6, 4), "f4", external=[("secret", 0, h5py.h5f.UNLIMITED)])


def linked(file: h5py.File) -> None:
    file["a"] = h5py.ExternalLink("other.h5", "/a")


def soft_linked(file: h5py.File) -> None:
    file["b"] = VALUES
    file["a"] = h5py.SoftLink("/b")


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((6, 4), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "a", (6, 4))
    file.create_virtual_dataset("a", layout)


def unwritten(file: h5py.File) -> None:
    file.create_dataset("a", (2**33, 4), "f4")


def unwritten_chunks(file: h5py.File) -> None:
    file.create_dataset("a", (2**33, 4), "f4", chunks=(1024, 4))


def a_group(file: h5py.File) -> None:
    file.create_group("a")


def text(file: h5py.File) -> None:
    file["a"] = np.array([b"one", b"two"])


@pytest.mark.parametrize(
    "change",
    [external, linked, soft_linked, virtual, unwritten, unwritten_chunks, a_group, text],
    ids=lambda change: change.__name__,
)
def test_what_is_no_array_of_this_file_is_refused(
    tmp_path: Path, change: Callable[[h5py.File], None]
) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 200)
    written(tmp_path / "other.h5", lambda file: file.create_dataset("a", data=VALUES))
    path = written(tmp_path / "a.h5", change)
    with open_hdf5(path) as file, pytest.raises(ValueError, match=r"its? |written"):
        array_in(file, "a")


def test_text_is_read_where_it_is_wanted(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5", text)
    with open_hdf5(path) as file:
        assert array_in(file, "a", "S")[()].tolist() == [b"one", b"two"]


def test_a_link_is_opened_only_where_that_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5", lambda file: file.create_dataset("a", data=VALUES))
    (tmp_path / "link.h5").symlink_to(path)
    open_hdf5(tmp_path / "link.h5").close()
    with pytest.raises(OSError, match="a link"):
        open_hdf5(tmp_path / "link.h5", follow=False)
