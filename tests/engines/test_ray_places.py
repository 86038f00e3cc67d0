"""How many tasks are handed to a cluster follows its machines, which come and go."""

import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from augfactory.engines import ray as engine
from augfactory.errors import ResourceError
from augfactory.store.disk.scratch import owned_folder
from tests.engines.cluster import Machines


def nothing_told() -> Mapping[str, str]:
    return {}


class Cluster:
    """Stands for Ray: tasks wait until they are asked for, and ``machines`` tell what they have."""

    def __init__(self, machines: list[dict[str, float]], seconds: float = 0) -> None:
        self.machines, self.seconds, self.most = machines, seconds, 0
        self.exceptions = SimpleNamespace(GetTimeoutError=TimeoutError, RayError=RuntimeError)
        self.tasks: list[tuple[Callable[[Any], Any], Any]] = []

    def remote(self, *_: object, **__: object) -> Any:
        return lambda _: SimpleNamespace(remote=self.submit)

    def submit(self, _: object, function: Callable[[Any], Any], task: Any) -> int:
        self.tasks.append((function, task))
        return len(self.tasks) - 1

    def nodes(self) -> list[dict[str, Any]]:
        lost = {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}}
        return [lost, *({"Alive": True, "Resources": each} for each in self.machines)]

    def wait(self, flying: list[int], **_: object) -> tuple[list[int], list[int]]:
        self.most = max(self.most, len(flying))
        time.sleep(self.seconds)
        able = any(each.get("CPU", 0) and each.get("GPU", 0) for each in self.machines)
        return (flying[:1], flying[1:]) if able else ([], flying)

    def get(self, reference: int, **_: object) -> Any:
        function, task = self.tasks[reference]
        return function(task)


def double(number: int) -> int:
    return 2 * number


def on(cluster: Cluster) -> engine.RayEngine:
    made = engine.RayEngine("somewhere", None, nothing_told, owned_folder)
    made._ray = cluster
    return made


def test_a_device_and_a_core_are_of_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """All cores are on the head, all graphics devices on a machine without a core for tasks."""
    monkeypatch.setattr(engine, "PATIENCE", 0.1)
    monkeypatch.setattr(engine, "LOOK_EVERY", 0.01)
    apart = Cluster([{"CPU": 16.0}, {"GPU": 2.0}], 0.01)
    with (
        on(apart)(1, gpus=1) as run,
        pytest.raises(ResourceError, match="a core and a graphics device"),
    ):
        list(run(double, [1, 2]))


def test_places_are_counted_machine_by_machine() -> None:
    machines = [{"CPU": 3.0, "GPU": 1.0}, {"CPU": 5.0}, {"GPU": 4.0}, {}]
    cluster = on(Cluster(machines))
    assert cluster.workers == 8
    assert [cluster._places(threads, 0) for threads in (1, 2, 4, 6)] == [8, 3, 1, 0]
    assert [cluster._places(1, gpus) for gpus in (1, 2)] == [1, 0]


def test_machines_that_join_a_busy_cluster_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some task ends all the time, so that nothing is ever waited for."""
    monkeypatch.setattr(engine, "LOOK_EVERY", 0.01)
    cluster = Cluster([{"CPU": 1.0, "GPU": 1.0}], 0.005)
    with on(cluster)(1) as run:
        found = {}
        for index, result in run(double, [*range(40)]):
            found[index] = result
            if len(found) == 5:
                assert cluster.most == 2
                cluster.machines.append({"CPU": 3.0})
    assert found == {number: 2 * number for number in range(40)}
    assert cluster.most == 8


def span(seconds: float) -> tuple[float, float]:
    began = time.time()
    time.sleep(seconds)
    return began, time.time()


def at_once(spans: list[tuple[float, float]]) -> int:
    """Return how many ran side by side at most."""
    turns = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    running, most = 0, 0
    for _, change in turns:
        running += change
        most = max(most, running)
    return most


def test_a_machine_that_joins_works_while_short_tasks_run(
    cluster: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One machine of one core has two tasks at most; with two more of them three run at once."""
    cluster.lose()
    joined, spans = 0, []
    with engine.ray_engine(cluster.address, None, nothing_told, owned_folder) as ray:
        deadline = time.monotonic() + 30
        while ray.workers > 1:  # until it is seen that the other is gone
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with ray(1) as run:
            for _, each in run(span, [0.05] * 400):
                spans.append(each)
                if len(spans) == 10:
                    for _ in range(2):
                        cluster.add()
                        joined += 1
    cluster.lose()
    assert joined == 2
    assert at_once(spans) == 3
