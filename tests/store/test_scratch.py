"""A scratch folder is gone afterwards, also where its process was killed."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from augfactory.store.disk.scratch import scratch_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_it_is_gone_after_the_block_and_after_an_error(tmp_path: Path) -> None:
    with scratch_folder("test") as folder:
        (folder / "a").mkdir()
        (folder / "a/b").write_bytes(b"x")
        (folder / "link").symlink_to("/")
    with pytest.raises(KeyError), scratch_folder("test"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    assert Path("/").is_dir()


def test_that_of_a_killed_process_is_removed_by_the_next_and_that_of_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    child = os.fork()
    if child == 0:
        with scratch_folder("test"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    [left] = tmp_path.iterdir()
    others = {"augfactory-other-0123456789ab", "augfactory-test-mine"}
    for name in others:
        (tmp_path / name).mkdir()
    with scratch_folder("test") as first, scratch_folder("test") as second:
        assert not left.exists()
        assert first.is_dir()
        assert second.is_dir()
    assert {path.name for path in tmp_path.iterdir()} == others
