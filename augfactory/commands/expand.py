"""Make datasets from source images: plan, render shard by shard, publish as versions."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from augfactory.commands.ingredients import Ingredients, gather
from augfactory.commands.orders import Order
from augfactory.commands.progress import Progress
from augfactory.commands.publish import publish
from augfactory.commands.render import ShardTask, render_shard, write_job
from augfactory.engines import processes
from augfactory.errors import RecipeError, ResourceError, unknown_name
from augfactory.pipeline.partners import check_pairing, rows_by_class
from augfactory.pipeline.recipe import (
    Format,
    MixStage,
    Recipe,
    default_geometry,
    geometry_stage,
    method_of,
    vae_stage,
)
from augfactory.records import SourceSpec
from augfactory.store import shards
from augfactory.store.atomic import only_writer
from augfactory.store.manifest import read_manifest
from augfactory.store.png import check_class_names
from augfactory.store.versions import find_recipe, next_version

SPARE_BYTES = 64 * 2**20
WORKER_BYTES = 2 * 2**20


@dataclass(frozen=True)
class ExpandRequest:
    """What `augfactory expand` was asked for; one dataset is made for each of ``factors``.

    ``out`` is NAME: the dataset of factor K is written to the folder ``NAME-xK``. ``geometry``
    holds what is not left to the preset of the source's colours; None varies nothing.
    ``sampler_parameters`` holds those of the sampler that are not left to its defaults.
    """

    source: SourceSpec
    out: Path
    factors: tuple[int, ...]
    model: Path | None = None
    checkpoint: str | None = None
    n_train: int | None = None
    originals: bool = True
    seed: int = 0
    geometry: Mapping[str, Any] | None = field(default_factory=dict)
    sampler: str = "same-class"
    sampler_parameters: Mapping[str, Any] = field(default_factory=dict)
    mix: tuple[MixStage, ...] = ()
    format: Format = "hdf5"
    workers: int = 1


@dataclass(frozen=True)
class Dataset:
    """One dataset version that `expand` answers with."""

    name: str
    version: str
    path: Path
    rows: int
    content_hash: str
    existing: bool


@dataclass(frozen=True)
class Estimate:
    """What `expand --dry-run` says of one dataset; bytes are those of the data files."""

    name: str
    version: str
    path: Path
    rows: int
    counts: dict[str, int]
    bytes: int
    files: int
    disk_left: int
    existing: bool


def expand(request: ExpandRequest, progress: Progress) -> list[Dataset]:
    """Make every dataset of the request that does not exist yet.

    Raises:
        AugfactoryError: saying what is wrong with the request, the data or the disk.
    """
    orders = take_orders(request, progress)
    with processes.crew(request.workers) as run:
        return [_fulfil(order, run, progress) for order in orders]


def estimate(request: ExpandRequest, progress: Progress) -> list[Estimate]:
    """Say what `expand` would write, without writing anything."""
    return [_estimate(order) for order in take_orders(request, progress)]


def take_orders(request: ExpandRequest, progress: Progress) -> list[Order]:
    """Open what the request names and turn it into one order for each factor."""
    sampler = vae_stage("--sampler", request.sampler, request.sampler_parameters)
    geometry_stage("geometry", request.geometry or {})
    ingredients = gather(
        request.source, request.model, request.checkpoint, request.n_train, request.seed, progress
    )
    source = ingredients.source
    _check_mixing(request, ingredients)
    if request.format == "png":
        check_class_names(source.class_names)
    geometry = None
    if request.geometry is not None:
        preset = default_geometry(source.image_shape).parameters["preset"]
        geometry = geometry_stage("geometry", {"preset": preset, **request.geometry})
    orders = []
    for factor in request.factors:
        further = factor > 1 or not request.originals
        if further and geometry is None and ingredients.model is None:
            raise RecipeError(
                f"--factor {factor} --no-geometry",
                "without geometry and without a model there is nothing to make images with",
                f"Train one with `augfactory vae-train {request.source.text} --out MODEL_DIR` and "
                "expand MODEL_DIR, or leave --no-geometry out.",
            )
        recipe = Recipe(
            factor=factor,
            originals=request.originals,
            seed=request.seed,
            geometry=geometry if further else None,
            vae=sampler if further and ingredients.model is not None else None,
            mix=request.mix,
            format=request.format,
        )
        folder = request.out.with_name(f"{request.out.name}-x{factor}")
        orders.append(Order(folder, recipe, ingredients))
    return orders


def _check_mixing(request: ExpandRequest, ingredients: Ingredients) -> None:
    source = ingredients.source
    class_rows = rows_by_class(source.labels, len(source.class_names))
    for stage in request.mix:
        method, parameters = method_of(stage)
        partners = method.parents(parameters) - 1
        if partners:
            check_pairing(class_rows, partners, parameters.pairing, source.class_names)


def _estimate(order: Order) -> Estimate:
    existing = find_recipe(order.folder, order.identity)
    version = existing.name if existing else next_version(order.folder)
    size, files = order.expected_size()
    disk = next(path for path in order.folder.resolve().parents if path.is_dir())
    return Estimate(
        name=order.folder.name,
        version=version,
        path=order.folder / version,
        rows=order.rows,
        counts=order.counts(),
        bytes=size,
        files=files,
        disk_left=shutil.disk_usage(disk).free,
        existing=existing is not None,
    )


def _fulfil(order: Order, run: processes.Run, progress: Progress) -> Dataset:
    existing = find_recipe(order.folder, order.identity)
    if existing is None:
        with only_writer(order.folder):
            existing = find_recipe(order.folder, order.identity)  # made by another just now?
            if existing is None:
                return _answer(_make(order, run, progress), existing=False)
    progress.say(f"{order.folder.name}@{existing.name} exists already: same recipe, source, seed")
    return _answer(existing, existing=True)


def _make(order: Order, run: processes.Run, progress: Progress) -> Path:
    began = time.monotonic()
    name, building, ranges = order.folder.name, order.building, order.ranges
    shards.begin(building, order.recipe.format, order.class_names)
    waiting = [
        index for index in range(len(ranges)) if shards.finished_shard(building, index) is None
    ]
    missing = sum(ranges[index].stop - ranges[index].start for index in waiting)
    _check_disk(order, missing / order.rows)
    write_job(building, order.recipe, order.ingredients)
    done = order.rows - missing
    if done:
        progress.say(f"{name}: {done:,} of {order.rows:,} rows stand from an earlier run")
    with progress.bar(f"making {name}", order.rows, "row", done) as bar:
        for indices in _phases(order, waiting):
            tasks = [ShardTask(building.resolve(), index) for index in indices]
            for _, rows in run(render_shard, tasks, _useful_workers(order, missing)):
                bar.advance(rows)
    progress.say(f"{name}: publishing")
    return publish(order, time.monotonic() - began)


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


def _answer(folder: Path, *, existing: bool) -> Dataset:
    manifest = read_manifest(folder)
    return Dataset(
        manifest.name, manifest.version, folder, manifest.rows, manifest.content_hash, existing
    )


def _check_disk(order: Order, share: float) -> None:
    size, files = order.expected_size()
    needed = int(size * share) + SPARE_BYTES
    free = shutil.disk_usage(order.folder).free
    if needed > free:
        raise ResourceError(
            order.folder,
            f"this dataset needs about {needed / 2**20:,.0f} MiB, "
            f"and the disk has {free / 2**20:,.0f} MiB left",
            "Free some space, lower --factor, or name another disk with --out.",
        )
    nodes = os.statvfs(order.folder)
    if nodes.f_files and files * share > nodes.f_favail:
        raise ResourceError(
            order.folder,
            f"this dataset needs {files:,} files, and the disk can hold {nodes.f_favail:,} more",
            "Write --format hdf5, which needs few files.",
        )


def read_format(text: str) -> Format:
    """Check a storage format.

    Raises:
        RecipeError: there is none of this name.
    """
    if text in ("parquet", "webdataset"):
        raise RecipeError(
            f"--format {text}", "comes with a later release", "Write --format hdf5 or png."
        )
    for known in get_args(Format):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise unknown_name("--format", "format", text, get_args(Format))


def default_workers() -> int:
    """Return one process per core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def estimates_text(estimates: Sequence[Estimate]) -> str:
    """Return what ``--dry-run`` prints."""
    lines = []
    for estimate_ in estimates:
        counts = ", ".join(f"{count:,} {name}" for name, count in estimate_.counts.items() if count)
        lines.append(
            f"{estimate_.name}@{estimate_.version}  {estimate_.rows:,} rows ({counts}), "
            f"about {estimate_.bytes / 2**20:,.1f} MiB in {estimate_.files:,} file(s), "
            f"disk left {estimate_.disk_left / 2**30:,.1f} GiB"
            + (" - exists already" if estimate_.existing else "")
        )
    return "\n".join([*lines, "Nothing was written."])


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
