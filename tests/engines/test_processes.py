"""Every task is run once, whoever runs it; errors and deaths come back as words."""

import contextlib
import errno
import os
import signal
from collections.abc import Iterator
from functools import partial

import pydantic
import pytest

from augfactory.engines import processes
from augfactory.engines.processes import default_workers
from augfactory.errors import InputDataError, ResourceError, explained
from augfactory.held_signals import signals_held


def square(number: int) -> int:
    return number * number


def threads_seen(task: int) -> list[int]:
    """Return the threads that torch takes, and those it will: to load it takes seconds."""
    seen = [int(os.environ[variable]) for variable in processes.THREAD_VARIABLES]
    if task == 0:
        import torch

        seen.append(torch.get_num_threads())
    return seen


def refuse_three(number: int) -> int:
    if number == 3:
        raise InputDataError("three.png", "is three", "Use another.")
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_is_run_once(workers: int) -> None:
    results = dict(processes.run(square, [5, 3, 8, 1], workers))
    assert results == {0: 25, 1: 9, 2: 64, 3: 1}


class Counted(list[int]):
    """Tells how many of its numbers were taken."""

    taken = 0

    def __iter__(self) -> Iterator[int]:
        for number in super().__iter__():
            self.taken += 1
            yield number


def test_few_tasks_are_handed_over_at_a_time() -> None:
    """What is kept of a task that waits or has ended would fill the memory."""
    tasks, results = Counted(range(100)), {}
    for index, result in processes.run(square, tasks, 2):
        results[index] = result
        assert tasks.taken - len(results) < 2 * processes.PER_WORKER
    assert results == {number: number**2 for number in range(100)}


@pytest.mark.parametrize("workers", [1, 2])
def test_threads_are_pinned(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    for variable in processes.THREAD_VARIABLES:  # what processes would take if they were let
        monkeypatch.setenv(variable, "2")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = dict(processes.run(threads_seen, [0, 1], workers))
        assert found == {0: [1, 1, 1, 1], 1: [1, 1, 1]}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_arrives_as_it_was(workers: int) -> None:
    with pytest.raises(InputDataError) as caught:
        list(processes.run(refuse_three, [1, 2, 3, 4], workers))
    assert str(caught.value) == "three.png: is three\n  Use another."
    assert caught.value.exit_code == 3


def test_a_killed_worker_is_told() -> None:
    with pytest.raises(ResourceError, match="killed"):
        list(processes.run(die, [1, 2], 2))


def test_no_tasks_no_results() -> None:
    assert list(processes.run(partial(square), [], 2)) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_workers_are_started(number: signal.Signals) -> None:
    came: list[int] = []
    before = signal.signal(number, lambda number, _: came.append(number))
    try:
        with signals_held():
            os.kill(os.getpid(), number)
            assert came == []
        assert came == [number]
        with contextlib.suppress(ValueError), signals_held():
            os.kill(os.getpid(), number)
            raise ValueError("of its own")
        assert came == [number, number]
        os.kill(os.getpid(), number)
        assert len(came) == 3  # the handler is back
    finally:
        signal.signal(number, before)


class Stubborn(Exception):
    """An error that can be taken apart, and not be put together again."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def fail(number: int) -> int:
    kinds: list[Exception] = [
        OSError(errno.EIO, "Input/output error", "there.h5"),
        MemoryError("no room"),
        OSError(errno.ENOSPC, "No space left on device"),
        Stubborn("this", "that"),
    ]
    if number == len(kinds):
        Whole.model_validate({"number": "x"})
    raise kinds[number]


class Whole(pydantic.BaseModel):
    """Its error is pydantic's."""

    number: int


TOLD = [  # exit code and words
    (5, "there.h5: cannot be used"),
    (5, "memory"),
    (5, "the disk is full"),
    (None, "this and that"),
    (3, "Whole: number"),
]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_task_raises_is_told_as_it_is(workers: int) -> None:
    with processes.worker_pool(workers) as run:
        for number, (exit_code, told) in enumerate(TOLD):
            with pytest.raises(Exception, match=r"\w") as caught:
                list(run(fail, [number, number]))
            words = explained(caught.value)
            assert (words and words.exit_code) == exit_code
            assert told in str(words or caught.value)


def no_semaphores(*_arguments: object, **_more: object) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def test_without_semaphores_one_worker_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.can_start_workers()
    monkeypatch.setattr("_multiprocessing.SemLock", no_semaphores)
    assert not processes.can_start_workers()
    assert default_workers() == 1
    assert dict(processes.run(square, [5, 3], default_workers())) == {0: 25, 1: 9}
    with pytest.raises(ResourceError, match=r"Read-only(.|\n)*--workers 1") as caught:
        list(processes.run(square, [5, 3], 2))
    assert caught.value.exit_code == 5


def test_too_many_processes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_arguments: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.util.spawnv_passfds", no_more)
    with pytest.raises(ResourceError, match=r"temporarily unavailable(.|\n)*--workers 1"):
        list(processes.run(square, [5, 3], 2))
