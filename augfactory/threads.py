"""Cores that this process may use, image files decoded on all of them, and BLAS on one.

Pillow lets other threads run while it decodes.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Found = TypeVar("Found")
WORTH_SECONDS = 0.002  # to read one; threads would take longer turns than smaller images do
MOST_THREADS = 8  # a photograph of 12 megapixels takes 130 MB while it is decoded


def read_each(read: Callable[[int], Found], rows: Sequence[int]) -> Iterator[Found]:
    """Yield ``read(row)`` of each of ``rows``, in their order, on several threads where that pays.

    The first is read here; where that is quick, so are the others. ``read`` must return little: up
    to all of it is held at once. What it raises is raised in its place, and what has not begun by
    then is dropped.
    """
    if not rows:
        return
    began = time.perf_counter()
    yield read(rows[0])
    threads = usable_threads()
    if threads == 1 or time.perf_counter() - began < WORTH_SECONDS:
        yield from map(read, rows[1:])
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(read, rows[1:])


def usable_threads() -> int:
    """Return how many threads may decode: OMP_NUM_THREADS, else the cores; 8 at most.

    Processes that share the cores with others of ours have that variable set to 1.
    """
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return min(int(told) if told.isdecimal() and int(told) else usable_cores(), MOST_THREADS)


def usable_cores() -> int:
    """Return how many cores this process may use, on a system that says so; else all there are."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let NumPy's linear algebra use one thread inside the block.

    Of systems of some hundred rows its threads make nothing faster: they wait for each other, and
    take a processor each to do so.
    """
    from threadpoolctl import threadpool_limits  # few need it

    with threadpool_limits(limits=1, user_api="blas"):
        yield
