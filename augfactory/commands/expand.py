"""Make datasets from source images: plan, render shard by shard, publish as versions."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from augfactory.commands.ingredients import gather
from augfactory.commands.orders import Order
from augfactory.commands.progress import Progress
from augfactory.commands.publish import publish
from augfactory.commands.render import ShardTask, render_shard, write_job
from augfactory.engines import processes
from augfactory.errors import RecipeError, ResourceError, unknown_name
from augfactory.pipeline.recipe import Format, Recipe, resolved_stage
from augfactory.records import SourceSpec
from augfactory.store import shards
from augfactory.store.atomic import only_writer
from augfactory.store.manifest import read_manifest
from augfactory.store.png import check_class_names
from augfactory.store.versions import find_recipe, next_version

SPARE_BYTES = 64 * 2**20
NOT_YET = "comes with the next release"


@dataclass(frozen=True)
class ExpandRequest:
    """What `augfactory expand` was asked for; one dataset is made for each of ``factors``.

    ``out`` is NAME: the dataset of factor K is written to the folder ``NAME-xK``.
    """

    source: SourceSpec
    out: Path
    factors: tuple[int, ...]
    model: Path | None = None
    checkpoint: str | None = None
    n_train: int | None = None
    originals: bool = True
    seed: int = 0
    sampler: str = "same-class"
    parameters: dict[str, float] = field(default_factory=dict)
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
    return [_fulfil(order, request.workers, progress) for order in take_orders(request, progress)]


def estimate(request: ExpandRequest, progress: Progress) -> list[Estimate]:
    """Say what `expand` would write, without writing anything."""
    return [_estimate(order) for order in take_orders(request, progress)]


def take_orders(request: ExpandRequest, progress: Progress) -> list[Order]:
    """Open what the request names and turn it into one order for each factor."""
    stage = resolved_stage(request.sampler, request.parameters)
    ingredients = gather(
        request.source, request.model, request.checkpoint, request.n_train, request.seed, progress
    )
    if ingredients.model is None:
        raise RecipeError(
            request.source.text,
            "this is a source without a model, and there is nothing else yet to make images with",
            f"Train one with `augfactory vae-train {request.source.text} --out MODEL_DIR`, "
            "then expand MODEL_DIR.",
        )
    if request.format == "png":
        check_class_names(ingredients.source.class_names)
    orders = []
    for factor in request.factors:
        recipe = Recipe(
            factor=factor,
            originals=request.originals,
            seed=request.seed,
            vae=stage,
            format=request.format,
        )
        folder = request.out.with_name(f"{request.out.name}-x{factor}")
        orders.append(Order(folder, recipe, ingredients))
    return orders


def _estimate(order: Order) -> Estimate:
    existing = find_recipe(order.folder, order.identity)
    version = existing.name if existing else next_version(order.folder)
    size, files = order.expected_size()
    originals = len(order.ingredients.source) if order.recipe.originals else 0
    disk = next(path for path in order.folder.resolve().parents if path.is_dir())
    return Estimate(
        name=order.folder.name,
        version=version,
        path=order.folder / version,
        rows=order.rows,
        counts={"original": originals, "vae": order.rows - originals},
        bytes=size,
        files=files,
        disk_left=shutil.disk_usage(disk).free,
        existing=existing is not None,
    )


def _fulfil(order: Order, workers: int, progress: Progress) -> Dataset:
    existing = find_recipe(order.folder, order.identity)
    if existing is None:
        with only_writer(order.folder):
            existing = find_recipe(order.folder, order.identity)  # made by another just now?
            if existing is None:
                return _answer(_make(order, workers, progress), existing=False)
    progress.say(f"{order.folder.name}@{existing.name} exists already: same recipe, source, seed")
    return _answer(existing, existing=True)


def _make(order: Order, workers: int, progress: Progress) -> Path:
    began = time.monotonic()
    name, building = order.folder.name, order.building
    shards.begin(building, order.recipe.format, order.class_names)
    tasks = [
        ShardTask(building.resolve(), index, start, stop)
        for index, (start, stop) in enumerate(order.ranges)
        if shards.finished_shard(building, index) is None
    ]
    waiting = sum(task.stop - task.start for task in tasks)
    _check_disk(order, waiting / order.rows)
    write_job(building, order.recipe, order.ingredients)
    done = order.rows - waiting
    if done:
        progress.say(f"{name}: {done:,} of {order.rows:,} rows stand from an earlier run")
    with progress.bar(f"making {name}", order.rows, "row", done) as bar:
        for _, rows in processes.run(render_shard, tasks, workers):
            bar.advance(rows)
    progress.say(f"{name}: publishing")
    return publish(order, time.monotonic() - began)


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


def refuse_unbuilt(options: Mapping[str, object], storage: str, engine: str) -> None:
    """Refuse what the contract names and this release does not do yet.

    Raises:
        RecipeError: naming the option.
    """
    for option, value in options.items():
        if value is not None:
            raise RecipeError(option, NOT_YET, "Leave it out: the VAE makes the further images.")
    if storage in ("parquet", "webdataset"):
        raise RecipeError(f"--format {storage}", NOT_YET, "Write --format hdf5 or --format png.")
    if engine != "local":
        raise RecipeError(f"--engine {engine}", NOT_YET, "Use --engine local.")


def read_format(text: str) -> Format:
    """Check a storage format.

    Raises:
        RecipeError: there is none of this name.
    """
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
