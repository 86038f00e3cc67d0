"""A run that goes on with other libraries drops what an earlier one rendered, and says so."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from augfactory.commands.expand import build as command
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.rendering import libraries, shard
from augfactory.commands.progress import Progress
from augfactory.pipeline.render import render_block
from augfactory.store.disk.atomic import remove
from augfactory.store.manifest import library_versions, read_manifest
from tests.commands.hostile import make_source
from tests.commands.interrupted import Stopped, interrupted, request, stop, whole_hashes
from tests.commands.told import Told


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return whole_hashes(tmp_path_factory)


def with_other_libraries(patched: pytest.MonkeyPatch, **versions: str) -> None:
    """Let these be other versions, whose pixels are others, too."""
    real, told = render_block, {**library_versions(), **versions}

    def other(*given: Any) -> Any:
        images, labels = real(*given)
        return images ^ 1, labels

    patched.setattr(shard, "render_block", other)
    patched.setattr(libraries, "library_versions", lambda: told)


@pytest.mark.parametrize("storage", ["hdf5", "png"])
def test_what_other_libraries_rendered_is_made_again(
    whole: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    make_source(tmp_path)
    with monkeypatch.context() as patched:
        with_other_libraries(patched, numpy="2.0.99")
        building = interrupted(tmp_path, monkeypatch, storage)
        assert building.is_dir()
    told = Told()
    [made] = expand(request(tmp_path, storage), told)
    assert made.content_hash == whole[storage]
    (note,) = [said for said in told.lines if "2.0.99" in said]
    now = library_versions()["numpy"]
    assert f"was made with numpy 2.0.99 and not {now}, and is made again" in note
    assert not any("are kept" in said for said in told.lines)


def test_what_no_pixel_depends_on_may_be_another(
    whole: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does a state of before there were records of libraries: it is trusted."""
    make_source(tmp_path)
    versions = {**library_versions(), "pyarrow": "1", "augfactory": "0.0.1"}
    with monkeypatch.context() as patched:
        patched.setattr(libraries, "library_versions", lambda: versions)
        building = interrupted(tmp_path, monkeypatch, "hdf5")
    job = json.loads((building / libraries.JOB).read_text())
    for left in (job, {name: job[name] for name in job if name != libraries.LIBRARIES}):
        (building / libraries.JOB).write_text(json.dumps(left))
        told = Told()
        with monkeypatch.context() as patched:
            patched.setattr(command, "publish", stop)
            with pytest.raises(Stopped):
                expand(request(tmp_path), told)
        assert any("60 of 60 rows are kept" in said for said in told.lines)
    [made] = expand(request(tmp_path), Progress())
    assert made.content_hash == whole["hdf5"]


def test_a_run_that_is_killed_while_it_drops_that_does_not_hide_it(
    whole: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_source(tmp_path)
    with monkeypatch.context() as patched:
        with_other_libraries(patched, torch="2.0.99")
        building = interrupted(tmp_path, monkeypatch, "hdf5")
    everything = sum(1 for path in building.rglob("*") if path.parent != building)
    for most in range(everything):
        calls = itertools.count()

        def dying(path: Path, calls: Iterator[int] = calls, most: int = most) -> None:
            if next(calls) == most:
                raise Stopped
            remove(path)

        with monkeypatch.context() as patched:
            patched.setattr(libraries, "remove", dying)
            try:
                expand(request(tmp_path), Progress())
            except Stopped:
                continue
        break
    [path] = (tmp_path / "d-x3").iterdir()
    assert read_manifest(path).content_hash == whole["hdf5"]
