"""A damaged dataset under construction is made whole again: never published, never stuck."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from augfactory.commands.expand import build as command
from augfactory.commands.expand.expand import expand
from augfactory.commands.progress import Bar, Progress
from augfactory.commands.versions.export import export
from augfactory.commands.versions.verify import verify
from augfactory.errors import AugfactoryError, ResourceError, VerificationError
from augfactory.store.manifest import read_manifest
from tests.commands.hostile import make_source, make_version, rewrite
from tests.commands.interrupted import Stopped, interrupted, request, stop, whole_hashes


def first_data_file(building: Path) -> Path:
    return sorted(
        path for pattern in ("shards/*", "train/*/*", "data/*") for path in building.glob(pattern)
    )[0]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def as_link(path: Path) -> None:
    copy = next(each for each in path.parents if each.name == "d-x3").with_name("elsewhere")
    copy.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(copy)


def as_folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "one byte of a shard": lambda building: flip(first_data_file(building)),
    "a shard of zeros": lambda building: zero(first_data_file(building)),
    "a shard that is a link": lambda building: as_link(first_data_file(building)),
    "a shard that is a folder": lambda building: as_folder(first_data_file(building)),
    "a shard that is a FIFO": lambda building: as_fifo(first_data_file(building)),
    "one byte of a plan": lambda building: flip(building / ".state/00001.plan.parquet"),
    "a plan gone": lambda building: (building / ".state/00001.plan.parquet").unlink(),
    "a plan of junk": lambda building: (building / ".state/00001.plan.parquet").write_bytes(b"x"),
    "a record []": lambda building: (building / ".state/00000.json").write_text("[]"),
    "a record null": lambda building: (building / ".state/00000.json").write_text("null"),
    "a record without rows": lambda building: (building / ".state/00000.json").write_text(
        json.dumps({"index": 0})
    ),
    "a record that is deep": lambda building: (building / ".state/00000.json").write_text(
        "[" * 100_000
    ),
    "a record that is a FIFO": lambda building: as_fifo(building / ".state/00000.json"),
    "no job": lambda building: (building / ".state/job.json").unlink(),
    "a foreign file": lambda building: (building / "notes.txt").write_text("mine"),
    "a foreign folder": lambda building: (building / "more/inside").mkdir(parents=True),
    "a foreign link": lambda building: (building / "link").symlink_to("/"),
    "a half-written file": lambda building: (building / ".state/.tmp-1").write_text("x"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return whole_hashes(tmp_path_factory)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("storage", ["hdf5", "png"])
def test_the_same_command_makes_what_it_would_have_made(
    whole: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    storage: str,
    damage: str,
) -> None:
    """H3, L2."""
    (tmp_path / "damaged").mkdir()
    make_source(tmp_path / "damaged")
    building = interrupted(tmp_path / "damaged", monkeypatch, storage)
    DAMAGE[damage](building)

    [made] = expand(request(tmp_path / "damaged", storage), Progress())

    assert made.content_hash == whole[storage]
    assert verify(str(made.path), Progress()).rows == 60
    assert [path.name for path in made.path.parent.iterdir()] == ["v1"]


def test_a_state_that_is_a_file_makes_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_source(tmp_path)
    building = interrupted(tmp_path, monkeypatch, "hdf5")
    (building / ".state").rename(tmp_path / "away")
    (building / ".state").write_text("a file")
    [made] = expand(request(tmp_path), Progress())
    assert verify(str(made.path), Progress()).rows == 60


def test_reading_what_was_left_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes as long as reading all of it; a run that begins has nothing to read."""
    shown: list[tuple[str, int]] = []

    class Showing(Progress):
        @contextlib.contextmanager
        def bar(self, text: str, total: int, unit: str, done: int = 0) -> Iterator[Bar]:
            del unit, done
            shown.append((text, total))
            yield Bar()

    make_source(tmp_path)
    building = interrupted(tmp_path, monkeypatch, "hdf5", Showing())
    text = "checking what an earlier run left"
    assert text not in dict(shown)
    (building / ".state/00000.json").unlink()
    expand(request(tmp_path), Showing())
    assert (text, 1) in shown


def test_an_export_whose_shard_was_damaged_writes_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_version(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(command, "publish", stop)
        with pytest.raises(Stopped):
            export(str(version), "parquet", tmp_path / "out", Progress())
    [shard] = (tmp_path / "out").glob(".building-*/data/train-00000-*")
    flip(shard)
    made = export(str(version), "parquet", tmp_path / "out", Progress())
    assert made.content_hash == read_manifest(version).content_hash
    assert verify(str(made.path), Progress()).rows == 60


@pytest.mark.parametrize("damage", [flip, Path.unlink])
def test_a_damaged_version_is_no_answer(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    make_source(tmp_path)
    (made,) = expand(request(tmp_path), Progress())
    damage(first_data_file(made.path))
    with pytest.raises(VerificationError, match="delete the version and expand again"):
        expand(request(tmp_path), Progress())
    shutil.rmtree(made.path)
    (again,) = expand(request(tmp_path), Progress())
    assert (again.content_hash, again.existing) == (made.content_hash, False)


def test_too_little_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """L10."""
    make_source(tmp_path)
    monkeypatch.setattr("augfactory.store.disk.room.SPARE_BYTES", 2**70)
    with pytest.raises(ResourceError, match="this needs about"):
        expand(request(tmp_path), Progress())
    assert [path.name for path in tmp_path.iterdir()] == ["set.npz"]


def test_a_folder_that_vanishes_while_it_is_written_is_no_damaged_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L11: nothing is published yet, so that `verify` could tell nothing."""
    make_source(tmp_path)
    real = command.publish

    def without_a_picture(*arguments: object) -> Path:
        [building] = (tmp_path / "d-x3").glob(".building-*")
        first_data_file(building).unlink()
        return real(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(command, "publish", without_a_picture)
        with pytest.raises(ResourceError) as raised:
            expand(request(tmp_path, "png"), Progress())
    assert "run the same command again" in raised.value.remedy
    assert len(expand(request(tmp_path, "png"), Progress())) == 1


def test_a_damaged_version_keeps_nobody_from_a_new_one(tmp_path: Path) -> None:
    version = make_version(tmp_path)
    rewrite(version / "manifest.json", b"{")
    [made] = expand(request(tmp_path), Progress())
    assert made.version == "v2"
    with pytest.raises(AugfactoryError):
        verify(str(version), Progress())
    assert verify(str(made.path), Progress()).rows == 60
