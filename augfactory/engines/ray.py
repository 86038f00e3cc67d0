"""Ray: the same tasks on many machines, a few in flight, each of which may be run again.

A task writes what it makes to a folder that all machines share, and only says so to this process.
Ray runs a task again whose worker or machine was lost; what it wrote is written once more, the same
bytes. Ray itself is loaded when the first task is there.
"""

import contextlib
import importlib.util
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from augfactory.engines.clusters import (
    INSTALL,
    LOCAL,
    check_answers,
    lost,
    no_machine,
    unreachable,
)
from augfactory.engines.nodes import Conditions, Failed, run_on_node, told_here
from augfactory.engines.processes import THREAD_VARIABLES, Run
from augfactory.errors import ResourceError
from augfactory.held_signals import handlers_kept, signals_held

Task = TypeVar("Task")
Result = TypeVar("Result")
# Gives a new folder in that of the first argument, its name beginning with the second, for a block;
# it is gone afterwards, also where the process was killed.
Scratch = Callable[[Path, str], contextlib.AbstractContextManager[Path]]

ADDRESS_VARIABLE = "RAY_ADDRESS"
RETRIES = 5  # of a task whose worker or machine was lost
PATIENCE = 60.0  # seconds without a machine that could run a task
LOOK_EVERY = 1.0  # seconds
OBJECT_STORE = 80 * 2**20  # bytes, the least that Ray takes: tasks send a few hundred
LONGEST_FOLDER = 26  # letters; Ray puts sockets below it, whose paths may have 107
# What Ray says by itself, and to others: nothing.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class RayEngine:
    """The ``Engine`` of a cluster: connected when it is first needed, until ``close``."""

    def __init__(
        self,
        address: str,
        workers: int | None,
        alike: Callable[[], Mapping[str, str]],
        scratch: Scratch,
    ) -> None:
        self._address, self._asked, self._alike, self._scratch = address, workers, alike, scratch
        self._ray: Any = None
        self._stack = contextlib.ExitStack()

    @property
    def is_there(self) -> bool:
        """Whether it is a cluster that runs already."""
        return self._address != LOCAL

    @property
    def workers(self) -> int:
        """How many tasks run at once: as many as asked, else one per core of the cluster.

        Raises:
            ResourceError: the cluster cannot be reached.
        """
        self._connect()
        return self._asked or max(1, self._places(threads=1, gpus=0))

    @contextlib.contextmanager
    def __call__(self, workers: int, *, threads: int = 1, gpus: int = 0) -> Iterator[Run]:
        """Give a function that runs tasks on the cluster.

        Its third argument is not looked at: it spares the starting of processes, and those of a
        cluster are there.

        Raises:
            ResourceError: the cluster cannot be reached, has no machine that could run a task, or
                lost those that ran one too often.
        """
        del workers  # said once for all, when the engine was made

        def run(function: Any, tasks: Any, at_most: int | None = None) -> Iterator[tuple[int, Any]]:
            del at_most
            if tasks:
                self._connect()
                yield from self._run(function, tasks, threads, gpus)

        yield run

    def close(self) -> None:
        """Leave the cluster; one that was started for this process ends."""
        if self._ray is not None:
            with contextlib.suppress(Exception), handlers_kept():
                self._ray.shutdown()
        self._ray = None
        self._stack.close()

    def _run(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], threads: int, gpus: int
    ) -> Iterator[tuple[int, Result]]:
        ray = self._ray
        submit = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=RETRIES)(
            run_on_node
        ).remote
        conditions = Conditions(
            os.getcwd(), threads, self._alike, dict(self._alike()), passed_on(os.environ)
        )
        flying: dict[Any, int] = {}
        able = looked = time.monotonic()
        most, following = self._most_in_flight(self._places(threads, gpus)), 0
        # No task is cancelled where this ends early: Ray's own code has failed where a task was
        # cancelled just as its answer came. What still runs ends with this process, or publishes
        # what belongs there.
        while flying or following < len(tasks):
            if time.monotonic() - looked >= LOOK_EVERY:  # machines come and go
                looked, places = time.monotonic(), self._places(threads, gpus)
                most, able = self._most_in_flight(places), looked if places else able
                if looked - able > PATIENCE:
                    raise no_machine(threads, gpus, PATIENCE)
            while following < len(tasks) and len(flying) < most:
                flying[submit(conditions, function, tasks[following])] = following
                following += 1
            with signals_held():  # Ray's compiled code would make another error of them
                ended, _ = ray.wait(list(flying), timeout=LOOK_EVERY)
            for reference in ended:
                index = flying.pop(reference)
                yield index, self._answer(reference)
                able = time.monotonic()

    def _answer(self, reference: Any) -> Any:
        told = self._ray.exceptions
        while True:
            try:
                with signals_held():
                    answer = self._ray.get(reference, timeout=LOOK_EVERY)
                break
            except told.GetTimeoutError:  # it was lost on the way, and is made again
                continue
            except told.RayError as error:
                raise lost(error, RETRIES + 1) from error
        if isinstance(answer, Failed):
            raise told_here(answer)
        return answer

    def _places(self, threads: int, gpus: int) -> int:
        """Return how many tasks the machines can run at once; each needs all of it on one."""
        found = 0
        for machine in self._ray.nodes():
            there = machine["Resources"] if machine["Alive"] else {}
            places = there.get("CPU", 0) / threads
            found += math.floor(min(places, there.get("GPU", 0) / gpus) if gpus else places)
        return found

    def _most_in_flight(self, places: int) -> int:
        """Return how many tasks to hand over: those that run, and as many that wait for a place."""
        return self._asked or 2 * max(1, places)

    def _connect(self) -> None:
        if self._ray is not None:
            return
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        with handlers_kept(), _hushed():  # Ray puts its own in their place, and says what it reads
            import ray

            try:
                if self._address == LOCAL:
                    self._start(ray)
                else:
                    ray.init(self._address, **_silent())
            except Exception as error:  # Ray has many, of its own and of others
                raise unreachable(self._address, str(error)) from error
        self._ray = ray

    def _start(self, ray: Any) -> None:
        """Start a cluster of this machine alone; what it keeps on the disk goes with it."""
        folder = tempfile.gettempdir()
        folder = folder if len(folder) <= LONGEST_FOLDER else "/tmp"
        folder = str(self._stack.enter_context(self._scratch(Path(folder), "af-")))
        before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # for workers, which inherit it
        try:
            with signals_held():  # processes that are half started would stay behind
                ray.init(
                    LOCAL,
                    num_cpus=self._asked,
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE,
                    _temp_dir=folder,
                    **_silent(),
                )
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def ray_engine(
    address: str | None,
    workers: int | None,
    alike: Callable[[], Mapping[str, str]],
    scratch: Scratch,
) -> Iterator[RayEngine]:
    """Give the engine of the cluster at ``address``, HOST:PORT or "auto", for a block.

    None is that of the environment variable RAY_ADDRESS, else one that is started on this machine
    for ``workers`` tasks at once and ends with the block. ``workers`` None is one per core.
    ``alike`` tells the versions that must be the same on every machine. ``scratch`` makes the
    folder of a cluster that is started here.

    Raises:
        RecipeError: the address is none.
        ResourceError: Ray is not installed, or nothing answers at the address.
    """
    if importlib.util.find_spec("ray") is None:
        raise ResourceError("--engine ray", "Ray is not installed", f"Install it: {INSTALL}")
    address = address or os.environ.get(ADDRESS_VARIABLE) or LOCAL
    if address not in (LOCAL, "auto"):
        check_answers(address)
    engine = RayEngine(address, workers, alike, scratch)
    try:
        yield engine
    finally:
        engine.close()


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that tasks get: those that are augfactory's."""
    return {name: value for name, value in environment.items() if name.startswith("AUGFACTORY_")}


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Let nothing be written to stderr, not by compiled code either."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _silent() -> dict[str, Any]:
    return {"log_to_driver": False, "logging_level": "CRITICAL"}
