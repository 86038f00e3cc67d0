"""On Ray everything comes out as on this machine alone, whatever is lost on the way."""

import functools
import http.server
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augfactory.engines import ray as engine
from augfactory.errors import ResourceError
from augfactory.store.disk.scratch import owned_folder
from tests import processes
from tests.cli import in_process
from tests.engines.cluster import Machines
from tests.faults.small import write_images

pytest.importorskip("ray")
STAGES, PER_CLASS, SIDES = 8, 6, (96, 64)
REFUSED = "another augfactory process is writing"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in colour, higher than wide, and a recipe of many shards that take their time."""
    folder = tmp_path_factory.mktemp("source")
    mixes = [
        f'[[mix]]\nmethod = "augmix"\ncopies = 8\nwidth = {2 + stage % 2}\nfrom = "originals"\n'
        for stage in range(STAGES)
    ]
    mixes.append('[[mix]]\nmethod = "mixup"\ncopies = 2\nfrom = "expanded"\n')
    (folder / "recipe.toml").write_text("factor = 2\n" + "".join(mixes))
    return write_images(folder / "images", PER_CLASS, *SIDES)


def expanding(source: Path, storage: str = "hdf5") -> list[object]:
    recipe = source.parent / "recipe.toml"
    return ["expand", source, "--recipe", recipe, "--format", storage, "--out", "d"]


@pytest.fixture(scope="module")
def wanted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the version that the local engine makes in a format."""

    @functools.cache
    def made(storage: str) -> Path:
        folder = tmp_path_factory.mktemp("local")
        in_process.run(*expanding(source, storage), "--workers", 1, cwd=folder)
        return folder / "d-x2/v1"

    return made


def files_of(version: Path) -> dict[str, bytes]:
    """Return all files; of documents nothing that tells when they were made, and how fast."""
    found = {
        str(path.relative_to(version)): path.read_bytes()
        for path in version.rglob("*")
        if path.is_file()
    }
    manifest = json.loads(found["manifest.json"])
    for name in ("created", "seconds"):
        manifest.pop(name)
    listed = [entry for entry in manifest["files"] if entry["path"] != "croissant.json"]
    del found["SHA256SUMS"], found["croissant.json"]
    return {**found, "manifest.json": json.dumps({**manifest, "files": listed}).encode()}


def rays_own(stderr: str) -> list[str]:
    """Return the lines that are none of augfactory's: of a log, of a worker, of Python."""
    signs = ("[", "(", "Traceback", " ")
    return [line for line in stderr.splitlines() if line.startswith(signs) or "raylet" in line]


def finished(folder: Path) -> dict[str, int]:
    """Return when the data of each shard that has a record was written."""
    records = list(folder.glob("d-x2/.building-*/.state/*.json"))
    names = [record.stem for record in records if record.stem.isdecimal()]
    return {
        name: path.stat().st_mtime_ns
        for name in names
        for path in folder.glob(f"d-x2/.building-*/shards/{name}*")
    }


def wait_for_shards(folder: Path, process: Any, count: int = 2) -> dict[str, int]:
    deadline = time.monotonic() + processes.SECONDS
    while len(found := finished(folder)) < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert len(found) <= STAGES, "it was nearly through before anything could be lost"
    return found


def on(cluster: Machines) -> list[object]:
    return ["--engine", "ray", "--address", cluster.address]


def test_all_files_are_those_of_the_local_engine(
    cluster: Machines, source: Path, wanted: Callable[[str], Path], tmp_path: Path
) -> None:
    done = processes.run(*expanding(source), *on(cluster), "--json", cwd=tmp_path)
    assert files_of(tmp_path / "d-x2/v1") == files_of(wanted("hdf5"))
    assert json.loads(done.stdout)["datasets"][0]["rows"] == 3 * PER_CLASS * (2 + 8 * STAGES + 2)
    # Nothing but what the local engine says: no line of Ray's own.
    assert not rays_own(done.stderr)


def test_a_machine_that_is_lost_costs_what_it_was_at(
    cluster: Machines, source: Path, wanted: Callable[[str], Path], tmp_path: Path
) -> None:
    cluster.add()
    process = processes.start(*expanding(source), *on(cluster), cwd=tmp_path)
    kept = wait_for_shards(tmp_path, process)
    cluster.lose()
    done = processes.end(process)
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "d-x2/v1") == files_of(wanted("hdf5"))
    for name, written in kept.items():
        (path,) = (tmp_path / "d-x2/v1/shards").glob(f"{name}*")
        assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("storage", ["hdf5", "png"])
def test_a_killed_driver_goes_on_with_the_same_command(
    cluster: Machines, source: Path, wanted: Callable[[str], Path], tmp_path: Path, storage: str
) -> None:
    process = processes.start(*expanding(source, storage), *on(cluster), cwd=tmp_path)
    if storage == "hdf5":
        wait_for_shards(tmp_path, process)
    else:  # in the middle of a shard, whose files come one by one
        while not list(tmp_path.glob("d-x2/.building-*/train/*/*.png")):
            assert process.poll() is None
            time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    processes.end(process)
    done = processes.run(*expanding(source, storage), *on(cluster), cwd=tmp_path)
    assert storage == "png" or "rows are kept from an earlier run" in done.stderr
    assert files_of(tmp_path / "d-x2/v1") == files_of(wanted(storage))
    in_process.run("verify", tmp_path / "d-x2/v1", cwd=tmp_path)


def test_of_two_drivers_on_one_name_one_is_refused_and_ctrl_c_stops_the_other(
    cluster: Machines, source: Path, wanted: Callable[[str], Path], tmp_path: Path
) -> None:
    first = processes.start(*expanding(source), *on(cluster), cwd=tmp_path)
    wait_for_shards(tmp_path, first, 1)
    second = in_process.run(*expanding(source), "--workers", 1, cwd=tmp_path, code=2)
    assert REFUSED in second.stderr
    first.send_signal(signal.SIGINT)
    done = processes.end(first)
    assert done.returncode == 130, done.stderr
    assert "to continue where it stopped" in done.stderr
    assert "Traceback" not in done.stderr
    before = finished(tmp_path)
    assert 1 <= len(before) < STAGES
    time.sleep(1)
    assert finished(tmp_path) == before  # no worker goes on
    in_process.run(*expanding(source), "--workers", 1, cwd=tmp_path)
    assert files_of(tmp_path / "d-x2/v1") == files_of(wanted("hdf5"))


def test_a_cluster_for_one_command_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    asked = ("expand", source, "--factor", 2, "--workers", 1, "--json", "--out")
    local = in_process.answer(*asked[:-2], "--out", "local", cwd=tmp_path)
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="r") as scratch:
        monkeypatch.setenv("TMPDIR", scratch)
        done = processes.run(*asked, "far", "--engine", "ray", cwd=tmp_path)
        assert not rays_own(done.stderr)
        assert not list(Path(scratch).iterdir())
        lines = [
            path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if is_ours(path)
        ]
        assert not [line for line in lines if scratch.encode() in line]
    hashes = [each["datasets"][0]["content_hash"] for each in (local, json.loads(done.stdout))]
    assert hashes[0] == hashes[1]


def test_what_a_killed_driver_leaves_the_next_one_removes(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray's folder of a cluster for one command: logs, sockets, some megabytes."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    asked = ("expand", source, "--factor", 2, "--workers", 1, "--engine", "ray", "--out", "d")
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="r") as scratch:
        monkeypatch.setenv("TMPDIR", scratch)
        process = processes.start(*asked, cwd=tmp_path)
        while not (left := list(Path(scratch).glob("af-*/session_*"))):
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        processes.end(process)
        assert left[0].is_dir()
        processes.run(*asked, cwd=tmp_path)
        assert not list(Path(scratch).iterdir())


def is_ours(path: Path) -> bool:
    try:
        return path.stat().st_uid == os.getuid()
    except OSError:
        return False


def test_what_is_no_cluster_is_told(tmp_path: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"127.0.0.1:{server.server_port}"
        ray = ("--engine", "ray", "--address", where)
        done = in_process.run(
            *("expand", "sample", "--out", "d", "--factor", 2), *ray, cwd=tmp_path, code=5
        )
        server.shutdown()
    assert "is not the head of a Ray cluster" in done.stderr


def no_versions() -> dict[str, str]:
    return {}


def die_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(number: int) -> None:
    raise ResourceError(f"row {number}", "is too much", "Take less.")


def test_workers_that_die_and_tasks_that_nobody_can_run(
    cluster: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RETRIES", 1)
    monkeypatch.setattr(engine, "PATIENCE", 1.0)
    with engine.ray_engine(cluster.address, None, no_versions, owned_folder) as ray:
        assert ray.workers == 2
        with ray(1) as run:
            assert list(run(die_once, [tmp_path / "there"])) == [(0, "done")]
            with pytest.raises(ResourceError, match="were lost 2 times"):
                list(run(die, [0]))
            with pytest.raises(ResourceError, match="row 3: is too much"):
                list(run(refuse, [3]))
            with pytest.raises(ResourceError, match="cannot import 'known'"):
                list(run(Foreign(), [3]))
        with ray(1, gpus=1) as run, pytest.raises(ResourceError, match="a graphics device"):
            list(run(refuse, [3]))


class Foreign:
    """Stands for a function of a module that only this process has."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return __import__, ("known",)

    def __call__(self, _: object) -> None:
        raise AssertionError
