"""Only regular files are opened, and paths from data stay in their folder."""

import hashlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.guarded import files


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data" * 1000)
    assert files.read_file(tmp_path / "a") == b"data" * 1000
    assert files.read_inside(tmp_path, "a") == b"data" * 1000
    with files.open_regular(tmp_path / "a") as file:
        size, digest = files.sha256_of(file)
    assert (size, digest) == (4000, hashlib.sha256(b"data" * 1000).hexdigest())


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    with pytest.raises(ValueError, match="5 bytes, more than the 4"):
        files.read_file(tmp_path / "a", 4)


@pytest.mark.parametrize("kind", ["folder", "FIFO", "socket", "device"])
def test_what_is_no_file_is_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "folder":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)  # opening it for reading would wait for a writer
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.close()
    else:
        path = Path("/dev/zero")
    with pytest.raises(files.NotRegularError, match=f"it is a {kind}"):
        files.read_file(path)


def test_links_are_followed_only_where_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "link").symlink_to("a")
    assert files.read_file(tmp_path / "link") == b"data"
    with pytest.raises(files.NotRegularError, match="a link"):
        files.read_file(tmp_path / "link", follow=False)
    with pytest.raises(files.NotRegularError, match="a link"):
        files.read_inside(tmp_path, "link")
    with pytest.raises(files.NotRegularError, match="a link"):
        files.open_inside(tmp_path, "link")


def test_a_folder_that_is_a_link_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a").write_bytes(b"secret")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/way").symlink_to(tmp_path / "outside")
    with pytest.raises(files.NotRegularError, match="is a link, not a folder"):
        files.read_inside(tmp_path / "inside", "way/a")


@pytest.mark.parametrize(
    "path", ["", ".", "..", "/etc/passwd", "../a", "a/../b", "a//b", "a/", "a\\b", "a\0b", "./a"]
)
def test_a_path_that_could_lead_out_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(files.UnsafePathError, match="not a path inside"):
        files.inside(tmp_path, path)


@given(st.text(alphabet="ab./\\\0é", max_size=12))
def test_what_passes_stays_inside(path: str) -> None:
    parts = path.split("/")
    if "\\" in path or "\0" in path or {"", ".", ".."} & set(parts):
        with pytest.raises(files.UnsafePathError):
            files.check_relative(path)
        return
    checked = files.check_relative(path)
    resolved = os.path.normpath(os.path.join("/base", checked))
    assert resolved.startswith("/base/")
    assert resolved == f"/base/{path}"


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "no/such/thing"])
def test_an_impossible_path_is_not_there(name: str) -> None:
    assert not files.is_folder(Path(name))
    assert not files.is_there(Path(name))
