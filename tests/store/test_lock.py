"""One writer at a time, in three ways; a file system without locks is told as such."""

import errno
import json
import os
import socket
from pathlib import Path

import pytest

from augfactory.errors import RecipeError, ResourceError
from augfactory.store.disk import lock, system
from augfactory.store.disk.lock import Lock, only_writer


@pytest.mark.parametrize("kind", ["flock", "file"])
def test_the_second_writer_is_refused_and_nothing_stays(tmp_path: Path, kind: Lock) -> None:
    folder = tmp_path / "a/b"
    with only_writer(folder, kind):
        with pytest.raises(RecipeError, match="another augfactory"), only_writer(folder, kind):
            pass
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_without_a_lock_both_write(tmp_path: Path) -> None:
    with only_writer(tmp_path, "none"), only_writer(tmp_path, "none"):
        (tmp_path / "a").write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_in_the_place_of_the_lock_is_neither_followed_nor_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("years of work")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/.lock").symlink_to(tmp_path / "thesis")
    with pytest.raises(ResourceError, match="is a link"), only_writer(tmp_path / "d"):
        pass
    assert (tmp_path / "thesis").read_text() == "years of work"


def test_a_lock_that_stood_there_keeps_its_content_while_it_is_held(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("something")
    with only_writer(tmp_path):
        assert (tmp_path / ".lock").read_text() == "something"


@pytest.mark.parametrize(
    "number",
    [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EIO],
    ids=errno.errorcode.get,
)
def test_a_file_system_without_locks_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(system, "flock", fail)
    with pytest.raises(ResourceError, match="cannot be locked") as raised, only_writer(tmp_path):
        pass
    assert "--lock file" in raised.value.remedy
    with only_writer(tmp_path, "file"):
        pass


def test_a_lock_removed_between_opening_and_locking_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where its owner has just ended: the lock of a file that nobody else sees locks nobody."""
    calls: list[int] = []
    real = system.flock

    def flock(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            (tmp_path / ".lock").unlink()
        real(descriptor)

    monkeypatch.setattr(system, "flock", flock)
    with only_writer(tmp_path):
        assert len(calls) == 2
        with pytest.raises(RecipeError), only_writer(tmp_path):
            pass


def test_a_lock_file_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    path = tmp_path / lock.LOCK_FILE
    path.write_text(json.dumps({"host": socket.gethostname(), "process": child}))
    with only_writer(tmp_path, "file"):
        assert json.loads(path.read_text())["process"] == os.getpid()


@pytest.mark.parametrize(
    "left",
    [
        '{"host": "another", "process": 1}',
        "{}",
        "junk",
        '{"host": 1, "process": "x"}',
        json.dumps({"host": socket.gethostname(), "process": 10**30}),
    ],
)
def test_a_lock_file_that_may_be_somebodys_is_named(tmp_path: Path, left: str) -> None:
    path = tmp_path / lock.LOCK_FILE
    path.write_text(left)
    with pytest.raises(RecipeError, match="another") as raised, only_writer(tmp_path, "file"):
        pass
    assert str(path) in str(raised.value)
    assert "delete that file" in raised.value.remedy


def test_an_unknown_way_is_refused() -> None:
    assert lock.read_lock("file") == "file"
    with pytest.raises(RecipeError, match="flock"):
        lock.read_lock("flok")
