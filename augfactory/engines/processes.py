"""Local processes: run one function over lists of tasks, in this process or in spawned ones.

The result of a task must not depend on which process ran it; so threads are pinned to the same
number everywhere, in this process too.
"""

import contextlib
import functools
import itertools
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from augfactory.errors import ResourceError, explained
from augfactory.held_signals import signals_held
from augfactory.threads import usable_cores

Task = TypeVar("Task")
Result = TypeVar("Result")
# Tasks that are handed over: no process waits while this one is busy for a while.
PER_WORKER = 4
# torch reads these when it is loaded; a worker that needs no torch is spared the loading.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Run(Protocol):
    """Run a function over tasks; yield (index of the task, its result) as tasks end.

    At most ``workers`` processes take part, where that is given.
    """

    def __call__(  # noqa: D102
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        workers: int | None = None,
        /,
    ) -> Iterator[tuple[int, Result]]: ...


class Engine(Protocol):
    """Where tasks are run: give a ``Run`` on ``workers`` processes, until the block ends.

    Each task computes on ``threads`` threads, and on ``gpus`` graphics devices of its own where the
    engine shares them out.
    """

    def __call__(  # noqa: D102
        self, workers: int, *, threads: int = 1, gpus: int = 0
    ) -> contextlib.AbstractContextManager[Run]: ...


@contextlib.contextmanager
def worker_pool(workers: int, *, threads: int = 1, gpus: int = 0) -> Iterator[Run]:
    """Give a function that runs tasks on ``workers`` processes, which live until the block ends.

    This is the local ``Engine``; its processes share what graphics devices there are.

    Processes are started when they are first needed; with one worker or one task, this process
    does the work. The function must be importable and the tasks picklable when there are more. An
    exception of a task is raised by the run; what has not begun by then is dropped.

    Raises:
        ResourceError: worker processes cannot be started, or one was killed, most likely for
            memory.
    """
    del gpus
    pools: list[ProcessPoolExecutor] = []

    def run(function: Any, tasks: Any, at_most: int | None = None) -> Iterator[tuple[int, Any]]:
        if min(workers, at_most or workers, len(tasks)) <= 1:
            with pinned_threads(threads):
                for index, task in enumerate(tasks):
                    yield index, function(task)
            return
        if not pools:
            pools.append(_pool(workers))
        with _environment({name: str(threads) for name in THREAD_VARIABLES}):
            yield from _run_in_processes(pools[0], PER_WORKER * workers, function, tasks)

    try:
        yield run
    except BaseException:
        # Whoever leaves the block this way wants to stop now: tasks publish atomically.
        for pool in pools:
            for process in list((pool._processes or {}).values()):
                process.kill()
        raise
    finally:
        for pool in pools:
            pool.shutdown(wait=True, cancel_futures=True)


def can_start_workers() -> bool:
    """Tell whether this machine lets processes share semaphores, which workers need.

    Without a writable /dev/shm, as in some containers, there are none.
    """
    try:
        # One that is forgotten at once; that of "spawn" would start a process to look after it.
        kind = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
        multiprocessing.get_context(kind).Lock()
    except (OSError, ImportError):
        return False
    return True


def default_workers() -> int:
    """Return one process per core that this process may use; 1 where workers cannot be started."""
    return usable_cores() if can_start_workers() else 1


def run(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int,
    *,
    threads: int = 1,
    gpus: int = 0,
    engine: Engine = worker_pool,
) -> Iterator[tuple[int, Result]]:
    """Run one list of tasks in a pool of its own; see ``Engine``."""
    with engine(min(workers, len(tasks)), threads=threads, gpus=gpus) as run_tasks:
        yield from run_tasks(function, tasks)


@contextlib.contextmanager
def pinned_threads(threads: int) -> Iterator[None]:
    """Let torch use ``threads`` threads inside the block."""
    torch: Any = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    if torch:
        torch.set_num_threads(threads)
    # torch takes seconds to load; where it is not loaded yet, it will find these when it is.
    with _environment({name: str(threads) for name in THREAD_VARIABLES}):
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


def _pool(workers: int) -> ProcessPoolExecutor:
    try:
        return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker)
    except (OSError, ImportError) as error:
        raise _cannot_start(error) from error


def _cannot_start(error: Exception) -> ResourceError:
    reason = getattr(error, "strerror", None) or error
    return ResourceError(
        "worker processes",
        f"they cannot be started here ({reason}); they need a writable /dev/shm, and room among "
        "the processes that this account may have",
        "Run the same command again with --workers 1.",
    )


def _run_in_processes(
    pool: ProcessPoolExecutor,
    at_once: int,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
) -> Iterator[tuple[int, Result]]:
    """Run tasks, ``at_once`` of which are handed over: a future of each would fill the memory."""
    own = functools.partial(_run_task, function)
    waiting = enumerate(tasks)
    flying: dict[Future[Result], int] = {}
    try:
        while True:
            with signals_held():  # a process that is half started would complain aloud
                for index, task in itertools.islice(waiting, at_once - len(flying)):
                    flying[_submitted(pool, own, task)] = index
            if not flying:
                return
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                yield flying.pop(future), future.result()
    except BrokenProcessPool as error:
        raise ResourceError(
            "worker processes",
            "one of them was killed, most likely because memory ran out",
            "Run the same command again with fewer --workers: finished parts are kept.",
        ) from error


def _submitted(
    pool: ProcessPoolExecutor, own: Callable[[Task], Result], task: Task
) -> Future[Result]:
    """Hand over a task; the first ones start the processes."""
    try:
        return pool.submit(own, task)
    except OSError as error:
        raise _cannot_start(error) from error


def _run_task(function: Callable[[Task], Result], task: Task) -> Result:
    """Run a task, so that whatever it raises can cross over to the parent.

    An error that cannot be put together again there would look like a dead process.
    """
    try:
        return function(task)
    except Exception as error:
        told = portable(error)
        if told is error:
            raise
        raise told from None


def portable(error: Exception) -> Exception:
    """Return the error itself where it can be put together again elsewhere, else what it says."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return explained(error) or RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
