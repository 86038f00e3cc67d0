"""The plan: one row per output image, drawn before any pixel is made.

A dataset has sections. The first holds what is made of one source image each, round by round, each
round in source order; round 0 is the originals. Each mix stage adds a section of its own, copy by
copy, again in source order. Unlabelled images, where there are any, make the last section.
``turns.py`` says which original leads a row, in another order where classes have their own numbers
of rows; ``draw.py`` draws the rows.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.pipeline.partners import ClassRows
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import method_of
from augfactory.records import BLOCK_ROWS, Float32Array, Int64Array
from augfactory.vae.samplers.registry import SAMPLERS

SHARD_BYTES = 64 * 2**20
SHARD_ROWS = 4096
NONE = -1
UNLABELLED = "pseudo-label"  # what makes the rows of unlabelled images
REASONS = ("unread", "blank", "copy")  # why a decoded row is drawn again


@dataclass(frozen=True)
class PlanRows:
    """Consecutive rows of one section of a plan, as columns.

    Attributes:
        stage: the number of the section's mix stage, counted from 1; 0 for the first section, one
            more than the mix stages for that of the unlabelled images.
        row: int64 [n], the row's number in the dataset.
        method: str [n], "original" or the name of what makes the row.
        round: int32 [n]; in the first section 0 for originals, then 1, 2, …; in a mix stage
            0 for the first copy of each source image, then 1, 2, …
        view: int32 [n], 0, or 1, 2, … for the views that AugMix makes of one image.
        source_index: int64 [n, P], positions among the source rows, and behind these among the
            unlabelled images; -1 where unused.
        parent_row: int64 [n, P], the rows of this dataset that are mixed; -1 where originals are.
        weight: float32 [n, P], the share of each source in the label; rows sum to 1.
        noise_key: int64 [n], the key of a decoded row's own noise; -1 for other rows.
        draws: column name -> float64 [n], every other number that was drawn for the row.
    """

    stage: int
    row: Int64Array
    method: npt.NDArray[np.str_]
    round: npt.NDArray[np.int32]
    view: npt.NDArray[np.int32]
    source_index: Int64Array
    parent_row: Int64Array
    weight: Float32Array
    noise_key: Int64Array
    draws: dict[str, npt.NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class Section:
    """Rows ``start`` to ``stop`` (excluded); ``stage`` is that of ``PlanRows``."""

    stage: int
    start: int
    stop: int


@dataclass(frozen=True)
class Origin:
    """What a plan needs to know of its source: classes and the images' shape.

    ``unlabelled`` are the positions of the unlabelled images that serve, in the order of their
    rows.
    """

    class_rows: ClassRows
    image_shape: tuple[int, int, int]
    unlabelled: Int64Array | None = None


def sections(recipe: Recipe, sources: int) -> list[Section]:
    """Return the sections of a dataset in row order."""
    rows = recipe.section_rows(sources)
    if recipe.pseudo_label is not None:
        rows.append(recipe.pseudo_label.copies * sources)
    ends = np.cumsum(rows).tolist()
    starts = [0, *ends[:-1]]
    return [Section(*found) for found in zip(range(len(rows)), starts, ends, strict=True)]


def count_rows(recipe: Recipe, sources: int) -> int:
    """Return how many rows the dataset has."""
    return sections(recipe, sources)[-1].stop


def count_stored(recipe: Recipe, sources: int) -> int:
    """Return how many rows a version holds: all that are made but those that are left out."""
    return count_rows(recipe, sources) - len(recipe.left_out)


def parents(recipe: Recipe) -> int:
    """Return how many source images at most a row is made from."""
    paired = recipe.vae is not None and SAMPLERS[recipe.vae.sampler].needs_partner
    mixed = [method.parents(parameters) for method, parameters in map(method_of, recipe.mix)]
    return max(2 if paired else 1, *mixed, 1)


def rows_of_a_shard(image_shape: tuple[int, int, int]) -> int:
    """Return how many rows a shard holds, unless it is the last of its section."""
    fitting = min(SHARD_ROWS, SHARD_BYTES // math.prod(image_shape))
    return max(BLOCK_ROWS, fitting // BLOCK_ROWS * BLOCK_ROWS)


def shard_ranges(recipe: Recipe, sources: int, image_shape: tuple[int, int, int]) -> list[Section]:
    """Cut the sections into shards: whole blocks, at most 4,096 rows or 64 MiB of pixels each."""
    rows = rows_of_a_shard(image_shape)
    return [
        Section(section.stage, start, min(start + rows, section.stop))
        for section in sections(recipe, sources)
        for start in range(section.start, section.stop, rows)
    ]


def stored_ranges(recipe: Recipe, sources: int, image_shape: tuple[int, int, int]) -> list[Section]:
    """Return the rows of each shard of a version; without some of its rows it has no sections."""
    if not recipe.left_out:
        return shard_ranges(recipe, sources, image_shape)
    rows, stop = rows_of_a_shard(image_shape), count_stored(recipe, sources)
    return [Section(0, start, min(start + rows, stop)) for start in range(0, stop, rows)]


def draw_columns(recipe: Recipe) -> list[str]:
    """Return the names of all that is drawn for a row of any section."""
    names = []
    if recipe.geometry is not None:
        method, parameters = method_of(recipe.geometry)
        names += [f"geometry_{name}" for name in method.fields(parameters)]
    for number, changed in enumerate(recipe.vary, 1):
        method, parameters = method_of(changed)
        names += [f"vary{number}_{name}" for name in method.fields(parameters)]
    if recipe.vae is not None:
        names += [f"vae_{name}" for name in SAMPLERS[recipe.vae.sampler].fields]
        names += [f"vae_{reason}" for reason in REASONS if recipe.vae.filter]
    for number, stage in enumerate(recipe.mix, 1):
        method, parameters = method_of(stage)
        names += [f"mix{number}_{name}" for name in method.fields(parameters)]
    return names


def join(plans: Sequence[PlanRows]) -> PlanRows:
    """Put consecutive rows of one section after each other."""
    if len(plans) == 1:
        return plans[0]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(plan, name) for plan in plans]) for name in _COLUMNS
    }
    return replace(
        plans[0],
        **columns,
        draws={
            name: np.concatenate([plan.draws[name] for plan in plans]) for name in plans[0].draws
        },
    )


def merged(plans: Mapping[int, PlanRows], which: Int64Array) -> PlanRows:
    """Return a block of which each row is that of the plan ``which`` [n] names; all are alike."""
    number, *others = plans
    whole = plans[number]
    if not others:
        return whole
    rows = {other: np.flatnonzero(which == other) for other in others}

    def column(of: Callable[[PlanRows], np.ndarray]) -> np.ndarray:
        values = of(whole).astype(np.result_type(*(of(plan) for plan in plans.values())))
        for other in others:
            values[rows[other]] = of(plans[other])[rows[other]]
        return values

    columns: dict[str, Any] = {name: column(attrgetter(name)) for name in _COLUMNS}
    draws = {name: column(partial(_drawn, name)) for name in whole.draws}
    return replace(whole, **columns, draws=draws)


def _drawn(name: str, plan: PlanRows) -> np.ndarray:
    return plan.draws[name]


def cut(plan: PlanRows, count: int) -> PlanRows:
    """Return the first ``count`` rows."""
    return chosen(plan, slice(count))


def chosen(plan: PlanRows, rows: Int64Array | slice) -> PlanRows:
    """Return the rows at the positions ``rows``."""
    columns: dict[str, Any] = {name: getattr(plan, name)[rows] for name in _COLUMNS}
    return replace(
        plan,
        **columns,
        draws={name: values[rows] for name, values in plan.draws.items()},
    )


_COLUMNS = (
    "row", "method", "round", "view", "source_index", "parent_row", "weight", "noise_key",
)  # fmt: skip
