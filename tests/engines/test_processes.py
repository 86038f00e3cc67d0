"""Every task is run once, whoever runs it; errors and deaths come back as words."""

import contextlib
import os
import signal
from functools import partial

import pytest

from augfactory.engines import processes
from augfactory.errors import InputDataError, ResourceError


def square(number: int) -> int:
    return number * number


def threads_seen(task: int) -> int:
    import torch

    return torch.get_num_threads()


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


@pytest.mark.parametrize("workers", [1, 2])
def test_threads_are_pinned(workers: int) -> None:
    import torch

    before = torch.get_num_threads()
    assert [seen for _, seen in processes.run(threads_seen, [0, 1], workers)] == [1, 1]
    assert torch.get_num_threads() == before


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
        with processes._signals_held():
            os.kill(os.getpid(), number)
            assert came == []
        assert came == [number]
        with contextlib.suppress(ValueError), processes._signals_held():
            os.kill(os.getpid(), number)
            raise ValueError("of its own")
        assert came == [number, number]
        os.kill(os.getpid(), number)
        assert len(came) == 3  # the handler is back
    finally:
        signal.signal(number, before)
