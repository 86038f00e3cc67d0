"""Render one shard: what every engine runs, in any process, in any order."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.rendering.job import Given, read_given
from augfactory.engines import processes
from augfactory.pipeline import draw as drawing
from augfactory.pipeline import plan as planning
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.redraw import last_round, parents_as_of
from augfactory.pipeline.render import EncodedSource, ReadRows, render_block
from augfactory.pipeline.settle import (
    Settle,
    columns_of_rejected,
    count_rejected,
    rejected_of,
    settle_before,
)
from augfactory.pipeline.shares import is_filtered
from augfactory.pipeline.turns import turns_of
from augfactory.records import BLOCK_ROWS, Int64Array, Rows, Source, UInt8Array
from augfactory.store.beside.pseudo_label_table import read_pseudo_labels
from augfactory.store.formats.storage_format import Shard
from augfactory.store.reader import reader_under_construction
from augfactory.store.shards import publish_shard, wait_for_shard
from augfactory.store.tables import Columns

WORKER_BYTES = 2 * 2**20
RENDERED_BYTES = 2**20  # of what is made side by side


@dataclass(frozen=True)
class ShardTask:
    """Shard ``index`` of the dataset under construction in ``building``."""

    building: Path
    index: int


@dataclass(frozen=True)
class Job:
    """All that a shard is made from; ``source`` holds the unlabelled images, too, behind others."""

    recipe: Recipe
    source: Source
    origin: planning.Origin
    shards: list[planning.Section]
    encoded: EncodedSource | None
    read_rows: ReadRows
    settle: Settle | None

    @property
    def first_stop(self) -> int:
        """Where the first section ends: rows behind it are mixed, or of unlabelled images."""
        return max(shard.stop for shard in self.shards if shard.stage == 0)


def render_shards(build: Build, waiting: list[int], run: processes.Run) -> Iterator[int]:
    """Render shards of a build for which ``begin_job`` was called; yield the rows of each."""
    _read_job.cache_clear()  # it may hold readers of shards that were damaged since
    rows = sum(build.ranges[index].stop - build.ranges[index].start for index in waiting)
    # Starting a process takes as long as rendering some megabytes.
    workers = max(1, rows * int(np.prod(build.image_shape)) // WORKER_BYTES)
    for indices in in_two_parts(build, waiting):
        tasks = [ShardTask(build.building.resolve(), index) for index in indices]
        for task, made in run(render_shard, tasks, workers):
            wait_for_shard(tasks[task].building, tasks[task].index)
            yield made


def in_two_parts(build: Build, waiting: list[int]) -> tuple[list[int], list[int]]:
    """Return shards that can be made at once, and those that are mixed from expanded images."""
    mixed = {
        number for number, stage in enumerate(build.recipe.mix, 1) if stage.source == "expanded"
    }
    put_off = [index for index in waiting if build.ranges[index].stage in mixed]
    return [index for index in waiting if build.ranges[index].stage not in mixed], put_off


def render_shard(task: ShardTask) -> int:
    """Make and publish one shard; return its number of rows."""
    job = _read_job(task.building)
    shard = job.shards[task.index]
    plan = planning.join(list(drawing.draw_rows(job.recipe, job.origin, shard, job.settle)))
    images = np.empty((len(plan), *job.source.image_shape), dtype=np.uint8)
    labels = np.empty((len(plan), len(job.source.class_names)), dtype=np.float32)
    at_once = _rows_at_once(job, plan)
    for start in range(0, len(plan), at_once):
        part = slice(start, start + at_once)
        block = planning.chosen(plan, part)
        images[part], labels[part] = render_block(
            job.recipe, block, job.source, job.encoded, _parents_of(job, block)
        )
    rows = Rows(
        image=images,
        soft_label=labels,
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
        _rejected(job, plan),
    )
    return len(rows)


def _rows_at_once(job: Job, plan: planning.PlanRows) -> int:
    """Return how many rows are made side by side, in whole blocks."""
    if plan.stage == 0 and job.encoded is not None:
        return BLOCK_ROWS  # a network's last bit can depend on the batch
    return max(1, RENDERED_BYTES // int(np.prod(job.source.image_shape)) // BLOCK_ROWS) * BLOCK_ROWS


def _parents_of(job: Job, plan: planning.PlanRows) -> ReadRows:
    """Return what reads the rows that a block is mixed from, as they were when it was mixed.

    A parent that was rejected afterwards is made again as it was: the mixed row stays what it is.
    """
    rounds = job.recipe.redrawn
    if not rounds or not 0 < plan.stage <= len(job.recipe.mix):
        return job.read_rows
    as_of = parents_as_of(rounds, str(plan.method[0]), plan.row)

    def read(rows: Int64Array) -> UInt8Array:
        images = np.array(job.read_rows(rows))
        after = np.repeat(as_of, len(rows) // len(plan))
        changed = last_round(rounds, rows) > after
        for number in np.unique(after[changed]).tolist():
            own = np.flatnonzero(changed & (after == number))
            images[own] = _made_as_before(job, rows[own], number)
        return images

    return read


def _made_as_before(job: Job, rows: Int64Array, after: int) -> UInt8Array:
    """Make images of the first section as they were after round ``after``: uint8 [n, H, W, C]."""
    rounds = job.recipe.redrawn
    recipe = job.recipe.model_copy(update={"redrawn": rounds[:after]})
    settle = None if job.settle is None else settle_before(rounds, after)
    images = np.empty((len(rows), *job.source.image_shape), dtype=np.uint8)
    for block in np.unique(rows // BLOCK_ROWS).tolist():
        # Whole blocks: a network's last bit can depend on the batch.
        stop = min((block + 1) * BLOCK_ROWS, job.first_stop)
        part = planning.Section(0, block * BLOCK_ROWS, stop)
        (plan,) = drawing.draw_rows(recipe, job.origin, part, settle)
        made = render_block(recipe, plan, job.source, job.encoded, job.read_rows)[0]
        own = rows // BLOCK_ROWS == block
        images[own] = made[rows[own] % BLOCK_ROWS]
    return images


@lru_cache(maxsize=1)
def _read_job(building: Path) -> Job:
    given = read_given(building)
    recipe, source, both, unlabelled = given.recipe, given.source, given.source, None
    encoded = None
    if given.model is not None:
        from augfactory.vae.checkpoint import load_model  # torch: only where there is a model

        encoded = EncodedSource(source, load_model(given.model, given.checkpoint))
    if given.unlabelled is not None:
        table = read_pseudo_labels(building, len(given.unlabelled), len(source.class_names))
        both = source.followed_by(given.unlabelled.labelled(table.soft_label, source.class_names))
        unlabelled = drawing.order_of_unlabelled(recipe, table.kept)
    ranges = planning.shard_ranges(recipe, len(source), source.image_shape)
    class_rows = rows_by_class(source.labels, len(source.class_names))
    turns = turns_of(recipe, class_rows, 0)
    return Job(
        recipe=recipe,
        source=both,
        origin=planning.Origin(class_rows, source.image_shape, unlabelled),
        shards=ranges,
        encoded=encoded,
        read_rows=reader_under_construction(
            building,
            recipe.format,
            np.array([shard.stop for shard in ranges]),
            source.image_shape,
            source.class_names,
            lambda rows: source.labels[turns.of(rows)[1]],
        ),
        settle=_settle(given, encoded),
    )


def _settle(given: Given, encoded: EncodedSource | None) -> Settle | None:
    if encoded is None or not is_filtered(given.recipe, len(given.source)):
        return None
    from augfactory.commands.expand.filtering import settle_in  # torch: only where there is a model

    return settle_in(given.building, given.recipe, given.source, encoded)


def _rejected(job: Job, plan: planning.PlanRows) -> dict[str, dict[str, int]] | None:
    if job.settle is None or plan.stage != 0:
        return None
    drawn = np.stack([plan.draws[name] for name in columns_of_rejected()], axis=1)
    labels = job.source.labels[plan.source_index[:, 0]]
    return count_rejected(rejected_of(drawn), labels, job.source.class_names)


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
