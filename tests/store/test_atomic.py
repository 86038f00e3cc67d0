"""Whatever fails, and at whichever call: the old file or the new one, never half of one."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augfactory.errors import RecipeError, ResourceError
from augfactory.store.disk import atomic, system
from augfactory.store.disk.lock import only_writer


def test_write_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    atomic.write_file(path, b"old")
    atomic.write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_flushed_before_renamed_before_folder_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("fsync", "replace"):
        monkeypatch.setattr(system, name, recording(name, getattr(system, name), calls))
    atomic.write_file(tmp_path / "a", b"data")
    assert calls == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_failure_at_each_call_leaves_old_or_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    calls: list[str] = []
    for name in ("fsync", "replace"):
        monkeypatch.setattr(system, name, recording(name, getattr(system, name), calls, failing))
    with pytest.raises(ResourceError, match="disk is full"):
        atomic.write_file(path, b"new")
    assert len(calls) == failing
    assert path.read_bytes() == (b"new" if failing == 3 else b"old")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_second_writer_is_refused(tmp_path: Path) -> None:
    with (
        only_writer(tmp_path),
        pytest.raises(RecipeError, match="another augfactory"),
        only_writer(tmp_path),
    ):
        pass


def test_published_folder_is_complete_and_read_only(tmp_path: Path) -> None:
    building = tmp_path / "building"
    (building / "sub").mkdir(parents=True)
    (building / "sub" / "a").write_bytes(b"data")
    atomic.publish_folder(building, tmp_path / "v1")
    assert not building.exists()
    assert (tmp_path / "v1" / "sub" / "a").read_bytes() == b"data"
    assert (tmp_path / "v1" / "sub" / "a").stat().st_mode & 0o222 == 0


def recording(
    name: str, function: Callable[..., Any], calls: list[str], failing: int | None = None
) -> Callable[..., Any]:
    """Wrap ``function``: note each call, and fail as a full disk does at call ``failing``."""

    def wrapped(*arguments: Any) -> Any:
        calls.append(name)
        if len(calls) == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        return function(*arguments)

    return wrapped
