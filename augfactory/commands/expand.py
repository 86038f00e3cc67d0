"""Make datasets from source images: plan, render shard by shard, publish as versions."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from augfactory.commands.ingredients import Ingredients, gather
from augfactory.commands.progress import Progress
from augfactory.commands.publish import publish
from augfactory.commands.render import ShardTask, render_shard, write_job
from augfactory.engines import processes
from augfactory.errors import RecipeError, ResourceError, unknown_name
from augfactory.pipeline import plan as planning
from augfactory.pipeline.recipe import Format, Recipe, VaeStage, recipe_id, resolved_stage
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
    ingredients, recipes = prepare(request, progress)
    return [
        _expand_one(dataset_folder(request.out, recipe), recipe, ingredients, request, progress)
        for recipe in recipes
    ]


def estimate(request: ExpandRequest, progress: Progress) -> list[Estimate]:
    """Say what `expand` would write, without writing anything."""
    ingredients, recipes = prepare(request, progress)
    estimates = []
    for recipe in recipes:
        folder = dataset_folder(request.out, recipe)
        existing = find_recipe(folder, _recipe_id(recipe, ingredients))
        rows = planning.count_rows(recipe, len(ingredients.source))
        size, files = _expected_size(recipe, ingredients)
        originals = len(ingredients.source) if recipe.originals else 0
        estimates.append(
            Estimate(
                name=folder.name,
                version=existing.name if existing else next_version(folder),
                path=existing or folder / next_version(folder),
                rows=rows,
                counts={"original": originals, "vae": rows - originals},
                bytes=size,
                files=files,
                disk_left=shutil.disk_usage(_existing_parent(folder)).free,
                existing=existing is not None,
            )
        )
    return estimates


def prepare(request: ExpandRequest, progress: Progress) -> tuple[Ingredients, list[Recipe]]:
    """Open what the request names and turn it into one recipe for each factor."""
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
    return ingredients, [_recipe(request, factor, stage) for factor in request.factors]


def dataset_folder(out: Path, recipe: Recipe) -> Path:
    """Return the folder of all versions of a dataset: ``NAME-x10``."""
    return out.with_name(f"{out.name}-x{recipe.factor}")


def _recipe(request: ExpandRequest, factor: int, stage: VaeStage) -> Recipe:
    return Recipe(
        factor=factor,
        originals=request.originals,
        seed=request.seed,
        vae=stage,
        format=request.format,
    )


def _recipe_id(recipe: Recipe, ingredients: Ingredients) -> str:
    model = ingredients.model
    return recipe_id(recipe, ingredients.fingerprint, model.sha256 if model else None)


def _expand_one(
    folder: Path,
    recipe: Recipe,
    ingredients: Ingredients,
    request: ExpandRequest,
    progress: Progress,
) -> Dataset:
    identity = _recipe_id(recipe, ingredients)
    existing = find_recipe(folder, identity)
    if existing is None:
        with only_writer(folder):
            existing = find_recipe(folder, identity)  # another process may just have made it
            if existing is None:
                made = _make(folder, identity, recipe, ingredients, request.workers, progress)
                return _answer(made, existing=False)
    progress.say(f"{folder.name}@{existing.name} exists already: same recipe, source and seed")
    return _answer(existing, existing=True)


def _make(
    folder: Path,
    identity: str,
    recipe: Recipe,
    ingredients: Ingredients,
    workers: int,
    progress: Progress,
) -> Path:
    began = time.monotonic()
    building = shards.building_folder(folder, identity)
    ranges = planning.shard_ranges(
        recipe, len(ingredients.source), ingredients.source.image_shape
    )
    shards.begin(building, recipe.format, list(ingredients.source.class_names))
    tasks = [
        ShardTask(building.resolve(), index, start, stop)
        for index, (start, stop) in enumerate(ranges)
        if shards.finished_shard(building, index) is None
    ]
    _check_disk(folder, recipe, ingredients, len(tasks) / len(ranges))
    write_job(building, recipe, ingredients)
    total = planning.count_rows(recipe, len(ingredients.source))
    done = total - sum(task.stop - task.start for task in tasks)
    if done:
        progress.say(f"{folder.name}: {done:,} of {total:,} rows stand from an earlier run")
    with progress.bar(f"making {folder.name}", total, "row", done) as bar:
        for _, rows in processes.run(render_shard, tasks, workers):
            bar.advance(rows)
    progress.say(f"{folder.name}: publishing")
    return publish(
        folder, building, len(ranges), identity, recipe, ingredients, time.monotonic() - began
    )


def _answer(folder: Path, *, existing: bool) -> Dataset:
    manifest = read_manifest(folder)
    return Dataset(
        manifest.name, manifest.version, folder, manifest.rows, manifest.content_hash, existing
    )


def _expected_size(recipe: Recipe, ingredients: Ingredients) -> tuple[int, int]:
    """Return (bytes, files) of the data, an upper bound for PNG, whose pixels compress."""
    source = ingredients.source
    rows = planning.count_rows(recipe, len(source))
    height, width, channels = source.image_shape
    per_row = height * width * channels + 4 * len(source.class_names) + 8 + 16 + 4 + 4 + 2 * 12
    if recipe.format == "png":
        block = 4096  # what a small file takes on most disks
        return rows * -(-(per_row + 100) // block) * block, rows + 1
    shard_count = len(planning.shard_ranges(recipe, len(source), source.image_shape))
    return rows * per_row + 8192 * shard_count, shard_count


def _check_disk(folder: Path, recipe: Recipe, ingredients: Ingredients, share: float) -> None:
    size, files = _expected_size(recipe, ingredients)
    needed = int(size * share) + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ResourceError(
            folder,
            f"this dataset needs about {needed / 2**20:,.0f} MiB, "
            f"and the disk has {free / 2**20:,.0f} MiB left",
            "Free some space, lower --factor, or name another disk with --out.",
        )
    nodes = os.statvfs(folder)
    if nodes.f_files and files * share > nodes.f_favail:
        raise ResourceError(
            folder,
            f"this dataset needs {files:,} files, and the disk can hold {nodes.f_favail:,} more",
            "Write --format hdf5, which needs few files.",
        )


def _existing_parent(folder: Path) -> Path:
    return next(path for path in (folder, *folder.resolve().parents) if path.is_dir())


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
            {name: str(value) if isinstance(value, Path) else value
             for name, value in vars(answer).items()}
            for answer in answers
        ]
    }
