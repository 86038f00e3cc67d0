"""Render one shard: what every engine runs, in any process, in any order."""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from augfactory.commands.ingredients import Ingredients
from augfactory.commands.opening import open_any
from augfactory.guarded.documents import read_json
from augfactory.pipeline import plan as planning
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.recipe import Recipe
from augfactory.pipeline.render import EncodedSource, ReadRows, render_block
from augfactory.records import Rows, Source, SourceSpec
from augfactory.store.atomic import write_file
from augfactory.store.reader import reader_under_construction
from augfactory.store.shards import STATE, publish_shard
from augfactory.store.storage_format import Shard
from augfactory.store.tables import Columns

JOB = f"{STATE}/job.json"


@dataclass(frozen=True)
class ShardTask:
    """Shard ``index`` of the dataset under construction in ``building``."""

    building: Path
    index: int


@dataclass(frozen=True)
class Job:
    """All that a shard is made from."""

    recipe: Recipe
    source: Source
    origin: planning.Origin
    shards: list[planning.Section]
    encoded: EncodedSource | None
    read_rows: ReadRows


def write_job(building: Path, recipe: Recipe, ingredients: Ingredients) -> None:
    """Leave beside the shards what a process needs to render any of them."""
    job = {
        "recipe": recipe.model_dump(mode="json"),
        "source": asdict(ingredients.spec),
        "rows": ingredients.rows.tolist(),
        "model": ingredients.model_folder and str(ingredients.model_folder.resolve()),
        "checkpoint": ingredients.checkpoint,
    }
    _read_job.cache_clear()  # it may hold readers of shards that were damaged since
    write_file(building / JOB, json.dumps(job).encode())


def render_shard(task: ShardTask) -> int:
    """Make and publish one shard; return its number of rows."""
    job = _read_job(task.building)
    shard = job.shards[task.index]
    plans = list(planning.draw_rows(job.recipe, job.origin, shard))
    made = [
        render_block(job.recipe, plan, job.source, job.encoded, job.read_rows) for plan in plans
    ]
    plan = planning.join(plans)
    rows = Rows(
        image=np.concatenate([images for images, _ in made]),
        soft_label=np.concatenate([labels for _, labels in made]),
        method=plan.method,
        round=plan.round,
        view=plan.view,
        source_index=plan.source_index,
        weight=plan.weight,
    )
    publish_shard(
        task.building,
        job.recipe.format,
        Shard(task.index, len(job.shards), shard.start, job.source.class_names),
        rows,
        _plan_columns(job.recipe, plan),
    )
    return len(rows)


@lru_cache(maxsize=1)
def _read_job(building: Path) -> Job:
    values = read_json(building / JOB, follow=False)
    spec = values["source"]
    size = tuple(spec["size"]) if spec["size"] else None
    whole = open_any(SourceSpec(**{**spec, "size": size}))
    source = whole.restricted_to(np.asarray(values["rows"], dtype=np.int64))
    encoded = None
    if values["model"]:
        from augfactory.vae.checkpoint import load_model  # torch: only where there is a model

        encoded = EncodedSource(source, load_model(Path(values["model"]), values["checkpoint"]))
    recipe = Recipe.model_validate(values["recipe"])
    ranges = planning.shard_ranges(recipe, len(source), source.image_shape)
    return Job(
        recipe=recipe,
        source=source,
        origin=planning.Origin(
            rows_by_class(source.labels, len(source.class_names)), source.image_shape
        ),
        shards=ranges,
        encoded=encoded,
        read_rows=reader_under_construction(
            building,
            recipe.format,
            np.array([shard.stop for shard in ranges]),
            source.image_shape,
            source.class_names,
            lambda rows: source.labels[rows % len(source)],
        ),
    )


def _plan_columns(recipe: Recipe, plan: planning.PlanRows) -> Columns:
    nothing = np.full(len(plan), np.nan)
    return {
        "row": plan.row,
        "method": plan.method,
        "round": plan.round,
        "view": plan.view,
        "source_index": plan.source_index,
        "parent_row": plan.parent_row,
        "weight": plan.weight,
        "noise_key": plan.noise_key,
        **{name: plan.draws.get(name, nothing) for name in planning.draw_columns(recipe)},
    }
