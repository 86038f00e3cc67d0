"""What a machine of a cluster makes of a task, and what is told of it; without any Ray."""

import contextlib
import os
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.runs.train_runs import train_runs
from augfactory.engines.nodes import Conditions, Failed, run_on_node, told_here
from augfactory.engines.processes import Run
from augfactory.errors import InputDataError, ResourceError
from augfactory.evaluation.comparison import protocol
from augfactory.evaluation.comparison.protocol import Arm, ClassifierSpec
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.records import SourceSpec
from augfactory.store import shards
from tests.cli import in_process
from tests.evaluation.memory import rows_of_patterns
from tests.faults.small import write_images


def versions() -> Mapping[str, str]:
    return {"numpy": "2.4.6", "torch": "2.13.0"}


def conditions(folder: Path, **changes: str) -> Conditions:
    return Conditions(str(folder), 1, versions, {**versions(), **changes}, {"AUGFACTORY_X": "set"})


def threads_of(name: str) -> tuple[str, str, str]:
    return os.getcwd(), os.environ["OMP_NUM_THREADS"], os.environ[name]


def test_a_task_finds_folder_threads_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUGFACTORY_X", "other")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.chdir("/")
    found = run_on_node(conditions(tmp_path), threads_of, "AUGFACTORY_X")
    assert found == (str(tmp_path), "1", "set")


def test_another_version_of_a_library_is_refused(tmp_path: Path) -> None:
    failed = run_on_node(conditions(tmp_path, numpy="2.1.0"), threads_of, "AUGFACTORY_X")
    assert isinstance(failed, Failed)
    error = told_here(failed)
    assert isinstance(error, ResourceError)
    assert "numpy 2.4.6 where this one has 2.1.0" in str(error)


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def refuse(path: str) -> None:
    try:
        read(path)
    except OSError as error:
        raise InputDataError("the source", "cannot be opened", "Name another.") from error


@pytest.mark.parametrize("task", [read, refuse])
def test_a_folder_that_is_not_shared_is_told(
    tmp_path: Path, task: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path is away while the task runs, as on a machine that does not mount it."""
    path = tmp_path / "job.json"
    failed = run_on_node(conditions(tmp_path), task, str(path))  # type: ignore[arg-type]
    assert isinstance(failed, Failed)
    assert told_here(failed) is failed.error  # it is nowhere
    path.touch()
    error = told_here(failed)
    assert isinstance(error, ResourceError)
    assert str(path) in str(error)
    assert "must be shared" in str(error)


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--engine", "spark"), 2, "There is: local, ray"),
        (("--address", "head:6379"), 2, "Add --engine ray"),
        (("--engine", "ray", "--address", "ray://head:10001"), 2, "is not HOST:PORT"),
        (("--engine", "ray", "--address", "head"), 2, "is not HOST:PORT"),
        (("--engine", "ray", "--address", "127.0.0.1:1"), 5, "nothing answers there"),
        (("--engine", "ray"), 5, "pip install 'augfactory[ray]'"),
    ],
)
def test_what_cannot_be_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int, told: str
) -> None:
    there = None if "[ray]" in told else object()
    monkeypatch.setattr("augfactory.engines.ray.importlib.util.find_spec", lambda _: there)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    done = in_process.run(
        "expand", "sample", "--out", "d", "--factor", 2, *options, cwd=tmp_path, code=code
    )
    assert told in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            ConnectionError("Could not find any running Ray instance."),
            ("Could not find any running Ray instance", "ray start --head"),
        ),
        (
            RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.50.0\n"),
            ("another version of Ray or of Python", "Ray: 2.50.0"),
        ),
    ],
)
def test_a_cluster_that_cannot_be_joined_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Exception, told: tuple[str, ...]
) -> None:
    def init(*_arguments: object, **_more: object) -> None:
        raise said

    ray = types.ModuleType("ray")
    ray.init = init  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr("augfactory.engines.ray.importlib.util.find_spec", lambda _: ray)
    options = ("--factor", 2, "--engine", "ray", "--address", "auto")
    done = in_process.run("expand", "sample", "--out", "d", *options, cwd=tmp_path, code=5)
    assert all(part in done.stderr for part in told)
    assert "Traceback" not in done.stderr


def nothing(*_: object) -> Iterator[tuple[int, Any]]:
    yield from ()


@pytest.mark.parametrize(("device", "wanted"), [("cpu", 0), ("cuda", 1)])
def test_a_classifier_on_cuda_takes_a_device_of_its_own(
    tmp_path: Path, device: str, wanted: int
) -> None:
    asked: list[int] = []

    @contextlib.contextmanager
    def engine(workers: int, *, threads: int = 1, gpus: int = 0) -> Iterator[Run]:
        asked.append(gpus)
        yield nothing

    settings = TrainingSettings(steps=4, batch=8, optimiser="adamw", device=device)
    arm = Arm("one", 10, SourceSpec("train"), 80, "abc")
    run = protocol.Run(arm, rows_of_patterns("test-50", "def"), ClassifierSpec("vgg"), settings, 0)
    with pytest.raises(KeyError):  # for want of a result
        train_runs([run], tmp_path, 2, Progress(), engine=engine)
    assert asked == [wanted]


def test_shards_that_were_written_elsewhere_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine has a folder of this name that is not this one."""

    def elsewhere(_: object, tasks: Sequence[object], *__: object) -> Iterator[tuple[int, Any]]:
        yield from ((number, 4) for number in range(len(tasks)))

    @contextlib.contextmanager
    def engine(workers: int, *, threads: int = 1, gpus: int = 0) -> Iterator[Run]:
        yield elsewhere

    monkeypatch.setattr(shards, "LONGEST_WAIT", 0.02)
    source = SourceSpec(str(write_images(tmp_path / "images")))
    request = ExpandRequest(source, tmp_path / "d", (2,), runs_on=engine)
    with pytest.raises(ResourceError, match=r"shard 0, and it is not seen here(.|\n)*shared"):
        expand(request, Progress())
    assert not list(tmp_path.glob("d-x2/v*"))
