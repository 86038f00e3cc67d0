"""How far `expand --engine ray` goes: time, memory and disk, predicted from small runs.

    python benchmarks/scale_model.py [--costs FILE] [--size 28x28x1] [--cores 16] [--disk-gb-s 1]
                                     [--memory-gib 64] [--disk-tb 100] [--json]

Measures first, where FILE is not there yet, what an image, a shard with its record, and an entry of
the manifest cost on one core of this machine: a few small datasets of other numbers of rows and of
shards, each made in a process of its own, and tasks that do nothing through Ray. Then says what 10⁶
to 10¹⁰ images take on 1 to 1,000 machines of ``--cores`` cores that share a disk, and which limit
is met first. Times are the processor's, so that other work does not count; to wait for the disk is
the part of ``--disk-gb-s``.

The model. A shard is rendered and written by one core; machines share the rendering. The disk takes
``--disk-gb-s``. One process, the driver, hands over the shards one by one, and publishes alone: it
reads every record, joins plans and statistics, lists and hashes. So

    time   = max(rows · image + shards · shard / cores, bytes / disk, shards · task) + publishing
    memory = what it takes at the start + rows · what is left of a row + shards · entry

What is counted by runs of 262,144 rows (``store/repeats.py``) is counted by runs of ``RUN`` here,
so that the small sets grow as large ones do; some 10 MiB come on top.
"""

import argparse
import contextlib
import json
import math
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.engines.processes import Run, pinned_threads
from augfactory.engines.ray import ray_engine
from augfactory.errors import ResourceError
from augfactory.keyed_random import generator
from augfactory.pipeline import plan as planning
from augfactory.records import SourceSpec
from augfactory.store import repeats
from augfactory.store.disk.scratch import owned_folder

ROWS = [10**power for power in range(6, 11)]
MACHINES = [1, 10, 100, 1000]
# Of the runs: megabytes of pixels, and rows of a shard at most; one unlike the others in each.
RUNS = ((48, 4096), (192, 4096), (48, 64), (96, 128))
SOURCE_BYTES, FEWEST, MOST = 2**20, 20, 500  # of the source, and its images
RUN = 2**13
TASKS = 300
UNMEASURED_TASK = 0.002  # seconds, where Ray is not installed
MOST_IN_A_FOLDER = 1_000_000  # files; network disks list such a folder in minutes
GIB, TB = 2**30, 1e12


@dataclass(frozen=True)
class Line:
    """A cost: ``fixed`` + rows · ``row`` + shards · ``shard``."""

    fixed: float
    row: float
    shard: float

    def at(self, rows: float, shards: float) -> float:
        """Return the cost of so many."""
        return self.fixed + rows * self.row + shards * self.shard


@dataclass(frozen=True)
class Costs:
    """What was measured on one core: seconds, and bytes; ``task`` is what the driver spends on one.

    ``making`` is rendering, writing and the records, ``publishing`` all that comes after it,
    ``memory`` the most that the process had, ``disk`` what is on the disk at the end.
    """

    size: str
    making: Line
    publishing: Line
    memory: Line
    disk: Line
    task: float
    runs: list[dict[str, float]]


@dataclass(frozen=True)
class Limits:
    """What a cluster has: cores of a machine, bytes a second of its disk, bytes."""

    cores: int
    disk_speed: float
    memory: float
    disk: float


class Clock(Progress):
    """Notes when rendering is through."""

    def __init__(self) -> None:
        self.noted: dict[str, float] = {}

    def say(self, text: str) -> None:  # noqa: D102
        if text.endswith("publishing"):
            self.noted["published"] = time.process_time()


def one(megabytes: int, shard_rows: int, size: str, folder: Path) -> dict[str, float]:
    """Make one dataset in this process and say what it took."""
    _use(shard_rows)
    repeats.LEAST_RUN = RUN
    height, width, channels = map(int, size.split("x"))
    each = height * width * channels
    sources = min(max(SOURCE_BYTES // each, FEWEST), MOST)
    random = generator("scale")
    images = random.integers(0, 256, (sources, height, width, channels), dtype=np.uint8)
    np.savez(folder / "source.npz", image=images, label=np.arange(sources) % 10)
    factor = max(2, round(megabytes * 2**20 / (sources * each)))
    spec, rendering = SourceSpec(str(folder / "source.npz")), list[float]()
    engine = partial(_apart, shard_rows, rendering)
    request = ExpandRequest(spec, folder / "d", (factor,), mix=(), runs_on=engine)
    # What is loaded once is no cost of the rows.
    expand(replace(request, out=folder / "w", factors=(2,), n_train=20), Progress())
    rendering.clear()
    clock, begun = Clock(), time.process_time()
    (made,) = expand(request, clock)
    ended = time.process_time()
    files = [path for path in made.path.rglob("*") if path.is_file()]
    return {
        "rows": made.rows,
        "shards": len(list((made.path / "shards").iterdir())),
        "making": clock.noted["published"] - begun + sum(rendering),
        "publishing": ended - clock.noted["published"],
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10,
        "disk": sum(path.stat().st_size for path in files),
    }


def _use(shard_rows: int) -> None:
    planning.SHARD_ROWS = shard_rows


def _timed(function: Callable[[Any], Any], task: Any) -> tuple[Any, float]:
    begun = time.process_time()
    return function(task), time.process_time() - begun


@contextlib.contextmanager
def _apart(
    shard_rows: int, seconds: list[float], workers: int, *, threads: int = 1, gpus: int = 0
) -> Iterator[Run]:
    """Be an engine of one other process, so that this one has the driver's memory and no more."""
    del workers, gpus
    spawn = multiprocessing.get_context("spawn")
    with pinned_threads(threads), ProcessPoolExecutor(1, spawn, _use, (shard_rows,)) as pool:

        def run(function: Any, tasks: Any, at_most: int | None = None) -> Iterator[tuple[int, Any]]:
            del at_most
            for index, (done, spent) in enumerate(pool.map(partial(_timed, function), tasks)):
                seconds.append(spent)
                yield index, done

        yield run


def measured(size: str) -> Costs:
    """Make all datasets, each in a process of its own, and lay a line through each cost."""
    runs = []
    for megabytes, shard_rows in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            words = ["--one", str(megabytes), str(shard_rows), folder, "--size", size]
            said = subprocess.run([sys.executable, __file__, *words], stdout=-1, check=True).stdout
        runs.append(json.loads(said))
        print(f"{runs[-1]}", file=sys.stderr)
    counts = np.array([[1.0, run["rows"], run["shards"]] for run in runs])

    def line(name: str) -> Line:
        # Relative errors, so that the small runs say what is fixed; no cost is below nothing.
        from scipy.optimize import nnls

        found = np.array([run[name] for run in runs])
        return Line(*map(float, nnls(counts / found[:, None], np.ones(len(runs)))[0]))

    return Costs(
        size,
        making=line("making"),
        publishing=line("publishing"),
        memory=line("memory"),
        disk=line("disk"),
        task=_task(),
        runs=runs,
    )


def _nothing(number: int) -> int:
    return number


def _task() -> float:
    """Return the seconds that the driver spends on a task that does nothing."""
    try:
        with ray_engine("local", 1, dict[str, str], owned_folder) as engine, engine(1) as run:
            list(run(_nothing, range(10)))  # starts the worker
            begun = time.process_time()
            list(run(_nothing, range(TASKS)))
            return (time.process_time() - begun) / TASKS
    except ResourceError:
        return UNMEASURED_TASK


def predicted(costs: Costs, rows: int, machines: int, limits: Limits) -> dict[str, Any]:
    """Return what so many images take on so many machines."""
    shape = tuple(map(int, costs.size.split("x")))
    shards = math.ceil(rows / planning.rows_of_a_shard(shape))  # type: ignore[arg-type]
    # The fixed part of making is that of the driver; a core does at least one shard.
    a_shard = (costs.making.at(rows, shards) - costs.making.fixed) / shards
    rendering = a_shard * math.ceil(shards / (machines * limits.cores))
    disk = costs.disk.at(rows, shards)
    parts = {
        "rendering": rendering,
        "writing to the disk": disk / limits.disk_speed,
        "handing over tasks": shards * costs.task,
    }
    publishing = costs.publishing.at(rows, shards)
    slowest = max(parts, key=lambda name: parts[name])
    if publishing > parts[slowest]:
        slowest = "publishing"
    return {
        "rows": rows,
        "machines": machines,
        "shards": shards,
        "seconds": costs.making.fixed + max(parts.values()) + publishing,
        "publishing": publishing,
        "bound_by": slowest,
        "memory": costs.memory.at(rows, shards),
        "disk": disk,
    }


def breaking(costs: Costs, limits: Limits) -> list[tuple[float, str]]:
    """Return the number of images at which each limit is met, the lowest first."""
    shape = tuple(map(int, costs.size.split("x")))
    shard = planning.rows_of_a_shard(shape)  # type: ignore[arg-type]

    def rows(line: Line, most: float) -> float:
        each = line.row + line.shard / shard
        return (most - line.fixed) / each if each else math.inf

    return sorted(
        [
            (rows(costs.memory, limits.memory), "memory of the driver"),
            (rows(costs.disk, limits.disk), "room on the disk"),
            (float(MOST_IN_A_FOLDER * shard), "files in the folder of the shards"),
        ]
    )


def table(costs: Costs, limits: Limits) -> Iterator[str]:
    """Yield the lines of a table in Markdown, and what breaks first."""
    yield "| images | machines | time | publishing | bound by | memory of the driver | disk |"
    yield "|---|---|---|---|---|---|---|"
    for rows in ROWS:
        for machines in MACHINES:
            found = predicted(costs, rows, machines, limits)
            yield (
                f"| 10^{round(math.log10(rows))} | {machines:,} | {_shown(found['seconds'])} | "
                f"{_shown(found['publishing'])} | {found['bound_by']} | "
                f"{found['memory'] / GIB:,.1f} GiB | {found['disk'] / TB:,.3f} TB |"
            )
    yield ""
    for number, (rows_at, what) in enumerate(breaking(costs, limits)):
        yield f"{'first breaks' if not number else 'then'}: {what}, at {rows_at:.1e} images"


def _shown(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.{int(seconds < 10 * size)}f} {unit}"
    return f"{seconds:.0f} s"


def main() -> None:
    """Measure where that is still to be done, and predict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--costs", type=Path, help="[scale_costs-SIZE.json beside this file]")
    parser.add_argument("--size", default="28x28x1", help="of images that are measured")
    parser.add_argument("--cores", type=int, default=16, help="of a machine")
    parser.add_argument("--disk-gb-s", type=float, default=1.0, help="that all machines share")
    parser.add_argument("--memory-gib", type=float, default=64.0, help="of the driver's machine")
    parser.add_argument("--disk-tb", type=float, default=100.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        megabytes, shard_rows, folder = asked.one
        print(json.dumps(one(int(megabytes), int(shard_rows), asked.size, Path(folder))))
        return
    path = asked.costs or Path(__file__).with_name(f"scale_costs-{asked.size}.json")
    if not path.exists():
        text = json.dumps(asdict(measured(asked.size)), indent=2)
        path.write_text(text + "\n", encoding="utf-8")
    costs = costs_of(json.loads(path.read_text(encoding="utf-8")))
    limits = Limits(asked.cores, asked.disk_gb_s * 1e9, asked.memory_gib * GIB, asked.disk_tb * TB)
    if asked.json:
        found = [predicted(costs, rows, n, limits) for rows in ROWS for n in MACHINES]
        print(json.dumps({"predicted": found, "breaks": breaking(costs, limits)}))
        return
    print(*table(costs, limits), sep="\n")


def costs_of(values: dict[str, Any]) -> Costs:
    """Return costs as they were measured and kept."""
    lines = {name: Line(**values[name]) for name in ("making", "publishing", "memory", "disk")}
    return Costs(**{**values, **lines})


if __name__ == "__main__":
    main()
