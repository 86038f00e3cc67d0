"""Make datasets from source images: plan, render shard by shard, publish as versions."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.commands.expand.estimate import Estimate
from augfactory.commands.expand.orders import Order
from augfactory.commands.expand.publish import publish
from augfactory.commands.expand.request import ExpandRequest, take_orders
from augfactory.commands.expand.shard import ShardTask, render_shard, write_job
from augfactory.commands.progress import Progress
from augfactory.engines import processes
from augfactory.errors import ResourceError, VerificationError
from augfactory.pipeline.shares import is_filtered
from augfactory.store import shards
from augfactory.store.disk.atomic import write_file
from augfactory.store.disk.lock import Lock, drop_left_lock, only_writer
from augfactory.store.manifest import read_manifest
from augfactory.store.pseudo_label_table import PSEUDO_LABELS
from augfactory.store.versions import find_recipe

SPARE_BYTES = 64 * 2**20
WORKER_BYTES = 2 * 2**20


@dataclass(frozen=True)
class Dataset:
    """One dataset version that `expand` answers with."""

    name: str
    version: str
    path: Path
    rows: int
    content_hash: str
    existing: bool


def expand(request: ExpandRequest, progress: Progress) -> list[Dataset]:
    """Make every dataset of the request that does not exist yet.

    Raises:
        AugfactoryError: saying what is wrong with the request, the data or the disk.
    """
    return [*expand_all([request], request.workers, progress)]


def expand_all(
    requests: Sequence[ExpandRequest], workers: int, progress: Progress
) -> Iterator[Dataset]:
    """Carry out requests one by one, with one crew of ``workers`` for all; see ``expand``."""
    with processes.crew(workers) as run:
        for request in requests:
            learned: dict[str, bytes] = {}
            for order in take_orders(request, progress):
                yield _fulfil(order, run, progress, request.lock, learned)


def _fulfil(
    order: Order, run: processes.Run, progress: Progress, lock: Lock, learned: dict[str, bytes]
) -> Dataset:
    """Make an order's dataset; ``learned`` keeps what classifiers learned for the next order."""
    existing = find_recipe(order.folder, order.identity)
    if existing is None:
        with only_writer(order.folder, lock):
            existing = find_recipe(order.folder, order.identity)  # made by another just now?
            if existing is None:
                return answer(_make(order, run, progress, learned), existing=False)
    drop_left_lock(order.folder, lock)
    progress.say(f"{order.folder.name}@{existing.name} exists already: same recipe, source, seed")
    return answer(existing, existing=True)


def _make(order: Order, run: processes.Run, progress: Progress, learned: dict[str, bytes]) -> Path:
    began = time.monotonic()
    with damage_told_as_ours(order.building):
        if order.recipe.pseudo_label is not None:
            _label(order, run, progress, learned)
        if is_filtered(order.recipe, len(order.ingredients.source)):
            _teach(order, progress, learned)
        make_shards(order, run, progress)
        progress.say(f"{order.folder.name}: publishing")
        return publish(order, time.monotonic() - began)


def _label(order: Order, run: processes.Run, progress: Progress, learned: dict[str, bytes]) -> None:
    from augfactory.commands.expand.pseudo_labelling import label  # torch: only where there is need

    shards.begin(order.building, order.recipe.format, order.class_names)
    if "labels" not in learned:
        write_job(order.building, order.recipe, order.ingredients)
        learned["labels"] = label(order, run, progress)
    write_file(order.building / PSEUDO_LABELS, learned["labels"])


def _teach(order: Order, progress: Progress, learned: dict[str, bytes]) -> None:
    from augfactory.commands.expand.filtering import (  # torch: only where there is need
        JUDGES,
        judges_of,
    )

    shards.begin(order.building, order.recipe.format, order.class_names)
    if "judges" not in learned:
        learned["judges"] = judges_of(order, progress)
    write_file(order.building / JUDGES, learned["judges"])


@contextlib.contextmanager
def damage_told_as_ours(building: Path) -> Iterator[None]:
    """Tell what vanished from a dataset under construction as such: nothing is published yet.

    Raises:
        ResourceError: a file in ``building`` was missing or damaged.
    """
    try:
        yield
    except VerificationError as error:
        if not error.where.startswith((str(building), str(building.resolve()))):
            raise  # it is that of a source
        raise ResourceError(
            error.where,
            f"{error.what}, while the dataset was being made",
            "Leave this folder alone while it is written, and run the same command again.",
        ) from error


def make_shards(order: Order, run: processes.Run, progress: Progress) -> None:
    """Render every shard of the order that is not there yet, in its building folder.

    Raises:
        AugfactoryError: the source or the model cannot be read, or the disk or memory is full.
    """
    name, building, ranges = order.folder.name, order.building, order.ranges
    waiting = [
        index for index in range(len(ranges)) if shards.finished_shard(building, index) is None
    ]
    missing = sum(ranges[index].stop - ranges[index].start for index in waiting)
    check_disk(order.folder, *order.expected_size(), missing / order.rows)
    shards.begin(building, order.recipe.format, order.class_names)
    write_job(building, order.recipe, order.ingredients)
    done = order.rows - missing
    if done:
        progress.say(f"{name}: {done:,} of {order.rows:,} rows stand from an earlier run")
    with progress.bar(f"making {name}", order.rows, "row", done) as bar:
        for indices in _phases(order, waiting):
            tasks = [ShardTask(building.resolve(), index) for index in indices]
            for _, rows in run(render_shard, tasks, _useful_workers(order, missing)):
                bar.advance(rows)


def _useful_workers(order: Order, rows: int) -> int:
    """Starting a process takes as long as rendering some megabytes."""
    pixels = int(np.prod(order.ingredients.source.image_shape))
    return max(1, rows * pixels // WORKER_BYTES)


def _phases(order: Order, shards_to_make: list[int]) -> list[list[int]]:
    """Put off what is mixed from expanded images until these are there."""
    put_off = {
        number for number, stage in enumerate(order.recipe.mix, 1) if stage.source == "expanded"
    }
    ranges = order.ranges
    first = [index for index in shards_to_make if ranges[index].stage not in put_off]
    later = [index for index in shards_to_make if ranges[index].stage in put_off]
    return [indices for indices in (first, later) if indices]


def answer(folder: Path, *, existing: bool) -> Dataset:
    """Say which version stands in ``folder``."""
    manifest = read_manifest(folder)
    return Dataset(
        manifest.name, manifest.version, folder, manifest.rows, manifest.content_hash, existing
    )


def check_disk(folder: Path, size: int, files: int, share: float) -> None:
    """Hold the disk of ``folder`` to have room for ``share`` of a dataset of ``size`` bytes.

    Raises:
        ResourceError: it has not.
    """
    needed = int(size * share) + SPARE_BYTES
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise ResourceError(
            folder,
            f"this dataset needs about {needed / 2**20:,.0f} MiB, "
            f"and the disk has {free / 2**20:,.0f} MiB left",
            "Free some space, lower --factor, or name another disk with --out.",
        )
    nodes = os.statvfs(there)
    if nodes.f_files and files * share > nodes.f_favail:
        raise ResourceError(
            folder,
            f"this dataset needs {files:,} files, and the disk can hold {nodes.f_favail:,} more",
            "Choose the format hdf5, which needs few files.",
        )


def as_json(answers: Sequence[Dataset] | Sequence[Estimate]) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "datasets": [
            {
                name: str(value) if isinstance(value, Path) else value
                for name, value in vars(answer).items()
            }
            for answer in answers
        ]
    }
