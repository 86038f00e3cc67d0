"""A cluster whose machines share no folder: shards come through S3, to the last byte."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import processes
from tests.cli import in_process
from tests.engines.cluster import Machines, machines
from tests.engines.test_ray import (
    expanding,
    files_of,
    on,
    rays_own,
    source,  # noqa: F401
    wait_for_shards,
)
from tests.s3 import s3_server

pytest.importorskip("ray")
THROUGH = ("--through", "s3://sets/scratch")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Machines]:
    """A cluster of its own: its machines find the server's name and login in the environment."""
    with pytest.MonkeyPatch.context() as patch, s3_server(patch.setenv), machines() as started:
        yield started


@pytest.mark.parametrize("lost", [False, True])
def test_all_files_are_those_of_the_local_engine(
    cluster: Machines,
    source: Path,  # noqa: F811
    tmp_path: Path,
    lost: bool,
) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").mkdir()
    in_process.run(*expanding(source), "--workers", 1, cwd=tmp_path / "near")
    before = {*Path("/tmp").glob("augfactory-*")}
    if lost:
        cluster.add()
    process = processes.start(*expanding(source), *on(cluster), *THROUGH, cwd=tmp_path / "far")
    if lost:
        wait_for_shards(tmp_path / "far", process)
        cluster.lose()
    done = processes.end(process)
    assert done.returncode == 0, done.stderr
    assert not rays_own(done.stderr)
    assert files_of(tmp_path / "far/d-x2/v1") == files_of(tmp_path / "near/d-x2/v1")
    deadline = time.monotonic() + processes.SECONDS
    while {*Path("/tmp").glob("augfactory-*")} - before:  # workers end a moment after the command
        assert time.monotonic() < deadline
        time.sleep(0.1)
