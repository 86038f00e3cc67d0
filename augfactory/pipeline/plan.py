"""The plan: one row per output image, drawn before any pixel is made.

A dataset has sections. The first holds what is made of one source image each, round by round, each
round in source order; round 0 is the originals. Each mix stage adds a section of its own, copy by
copy, again in source order. A section is drawn in blocks of 64 rows, each from random numbers keyed
by (seed, stage, block): any process can draw any block without the others.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from augfactory.keyed_random import generator, key_of
from augfactory.methods.method import Draws, Slots
from augfactory.methods.registry import METHODS
from augfactory.pipeline.partners import ClassRows, mixing_partners, same_class_partners
from augfactory.pipeline.recipe import MixStage, Recipe, method_of
from augfactory.pipeline.shares import decoded_rows
from augfactory.records import Float32Array, Int64Array
from augfactory.vae.samplers.registry import SAMPLERS

BLOCK_ROWS = 64
SHARD_BYTES = 64 * 2**20
SHARD_ROWS = 4096
NONE = -1
# With less of another image in it, a mixture can be equal to its parent, rounded to bytes.
LEAST_SHARE = 0.01
REDRAWS = 32


@dataclass(frozen=True)
class PlanRows:
    """Consecutive rows of one section of a plan, as columns.

    Attributes:
        stage: the number of the section's mix stage, counted from 1; 0 for the first section.
        row: int64 [n], the row's number in the dataset.
        method: str [n], "original" or the name of what makes the row.
        round: int32 [n]; in the first section 0 for originals, then 1, 2, …; in a mix stage
            0 for the first copy of each source image, then 1, 2, …
        view: int32 [n], 0, or 1, 2, … for the views that AugMix makes of one image.
        source_index: int64 [n, P], positions among the source rows; -1 where unused.
        parent_row: int64 [n, P], the rows of this dataset that are mixed; -1 where originals are.
        weight: float32 [n, P], the share of each source in the label; rows sum to 1.
        noise_key: int64 [n], the key of the row's own noise.
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
    """Rows ``start`` to ``stop`` (excluded); ``stage`` numbers the mix stages from 1, 0 is none."""

    stage: int
    start: int
    stop: int


@dataclass(frozen=True)
class Origin:
    """What a plan needs to know of its source: classes and the images' shape."""

    class_rows: ClassRows
    image_shape: tuple[int, int, int]


def sections(recipe: Recipe, sources: int) -> list[Section]:
    """Return the sections of a dataset in row order."""
    rows = [recipe.single, *(stage.copies for stage in recipe.mix)]
    ends = np.cumsum(np.array(rows) * sources).tolist()
    starts = [0, *ends[:-1]]
    return [Section(*found) for found in zip(range(len(rows)), starts, ends, strict=True)]


def count_rows(recipe: Recipe, sources: int) -> int:
    """Return how many rows the dataset has."""
    return sections(recipe, sources)[-1].stop


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


def draw_rows(recipe: Recipe, origin: Origin, shard: Section) -> Iterator[PlanRows]:
    """Draw the plan of a shard, block by block."""
    sources = len(origin.class_rows.labels)
    section = sections(recipe, sources)[shard.stage]
    draw = _draw_first if shard.stage == 0 else _draw_mixed
    for start in range(shard.start, shard.stop, BLOCK_ROWS):
        # Drawn for whole blocks, then cut: the last block begins like a full one.
        within = np.arange(start - section.start, start - section.start + BLOCK_ROWS)
        plan = draw(recipe, origin, section, within)
        yield _cut(plan, min(BLOCK_ROWS, shard.stop - start))


def draw_columns(recipe: Recipe) -> list[str]:
    """Return the names of all that is drawn for a row of any section."""
    names = []
    if recipe.geometry is not None:
        names += [f"geometry_{name}" for name in _geometry_fields(recipe)]
    if recipe.vae is not None:
        names += [f"vae_{name}" for name in SAMPLERS[recipe.vae.sampler].fields]
    for number, stage in enumerate(recipe.mix, 1):
        method, parameters = method_of(stage)
        names += [f"mix{number}_{name}" for name in method.fields(parameters)]
    return names


def join(plans: Sequence[PlanRows]) -> PlanRows:
    """Put consecutive blocks of one section after each other."""
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


def _draw_first(recipe: Recipe, origin: Origin, section: Section, within: Int64Array) -> PlanRows:
    round_, source = np.divmod(within, len(origin.class_rows.labels))
    if not recipe.originals:
        round_ += 1
    made, block = round_ > 0, int(within[0]) // BLOCK_ROWS
    decoded = made & decoded_rows(recipe, origin.class_rows, source, round_)
    source_index = np.full((len(within), parents(recipe)), NONE, dtype=np.int64)
    source_index[:, 0] = source
    draws: dict[str, npt.NDArray[np.float64]] = {}
    if recipe.geometry is not None:
        method = METHODS["geometry"]
        parameters = method.parameters.model_validate(recipe.geometry.parameters)
        drawn = method.draw(parameters, _slots(recipe, "geometry", origin, within, round_))
        draws |= _columns("geometry", method.fields(parameters), drawn, made)
    if recipe.vae is not None:
        sampler = SAMPLERS[recipe.vae.sampler]
        if sampler.needs_partner:
            partner_generator = generator(recipe.seed, "vae partner", block)
            partners = same_class_partners(origin.class_rows, source, BLOCK_ROWS, partner_generator)
            source_index[:, 1] = np.where(decoded, partners, NONE)
        params = sampler.params.model_validate(recipe.vae.parameters)
        drawn = sampler.draw(params, BLOCK_ROWS, generator(recipe.seed, "vae draw", block))
        draws |= _columns("vae", sampler.fields, drawn, decoded)
    weight = np.zeros(source_index.shape, dtype=np.float32)
    weight[:, 0] = 1
    return PlanRows(
        stage=section.stage,
        row=section.start + within,
        method=np.select([decoded, made], ["vae", "geometry"], "original"),
        round=round_.astype(np.int32),
        view=np.zeros(len(within), dtype=np.int32),
        source_index=source_index,
        parent_row=np.full_like(source_index, NONE),
        weight=weight,
        noise_key=_noise_keys(recipe, section.start + within),
        draws=draws,
    )


def _draw_mixed(recipe: Recipe, origin: Origin, section: Section, within: Int64Array) -> PlanRows:
    stage = recipe.mix[section.stage - 1]
    method, parameters = method_of(stage)
    copy, lead = np.divmod(within, len(origin.class_rows.labels))
    name, block = f"mix {section.stage}", int(within[0]) // BLOCK_ROWS
    used = method.parents(parameters)
    chosen = lead[:, None]
    if used > 1:
        partners = mixing_partners(
            origin.class_rows,
            lead,
            used - 1,
            parameters.pairing,
            generator(recipe.seed, f"{name} partner", block),
        )
        chosen = np.concatenate([chosen, partners], axis=1)
    drawn = method.draw(parameters, _slots(recipe, name, origin, within, copy))
    if recipe.distinct and used > 1:
        for again in range(1, REDRAWS):
            shares = method.weights(parameters, drawn, origin.image_shape)
            copies = shares.max(axis=1) > 1 - LEAST_SHARE
            if not copies.any():
                break
            slots = _slots(recipe, f"{name} again {again}", origin, within, copy)
            drawn[copies] = method.draw(parameters, slots)[copies]
    if stage.share is not None and method.largest_first is not None:
        # A mixture among the images of its lead is labelled most as that, so that every image and
        # class has its ``factor`` of them whatever was drawn.
        drawn = method.largest_first(drawn)
    weight = method.weights(parameters, drawn, origin.image_shape)
    views = stage.method == "augmix"
    return PlanRows(
        stage=section.stage,
        row=section.start + within,
        method=np.full(len(within), stage.method),
        round=np.where(views, 0, copy).astype(np.int32),
        view=np.where(views, copy + 1, 0).astype(np.int32),
        source_index=_padded(chosen, parents(recipe), NONE),
        parent_row=_padded(
            _parent_rows(recipe, origin, stage, name, block, chosen), parents(recipe), NONE
        ),
        weight=_padded(weight, parents(recipe), 0),
        noise_key=_noise_keys(recipe, section.start + within),
        draws=_columns(
            f"mix{section.stage}", method.fields(parameters), drawn, np.ones(len(within), bool)
        ),
    )


def _parent_rows(
    recipe: Recipe, origin: Origin, stage: MixStage, name: str, block: int, chosen: Int64Array
) -> Int64Array:
    """Choose which of its images stands for each chosen source, where expanded ones are mixed."""
    if stage.source == "originals":
        return np.full_like(chosen, NONE)
    if stage.method == "augmix":
        # All views of a source are views of one image, which the Jensen-Shannon loss compares.
        rounds = np.array(
            [
                [key_of(recipe.seed, name, "view of", lead) % recipe.single]
                for (lead,) in chosen.tolist()
            ]
        )
    else:
        keyed = generator(recipe.seed, f"{name} round", block)
        rounds = keyed.integers(0, recipe.single, chosen.shape)
    rows: Int64Array = rounds * len(origin.class_rows.labels) + chosen
    return rows


def _slots(
    recipe: Recipe, name: str, origin: Origin, within: Int64Array, round_: Int64Array
) -> Slots:
    def keyed(what: str, number: int) -> np.random.Generator:
        return generator(recipe.seed, name, what, number)

    return Slots(within, round_, origin.image_shape, keyed)


def _noise_keys(recipe: Recipe, rows: Int64Array) -> Int64Array:
    return np.array([key_of(recipe.seed, "noise", row) for row in rows.tolist()], dtype=np.int64)


def _columns(
    prefix: str, fields: Sequence[str], drawn: Draws, used: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.float64]]:
    return {
        f"{prefix}_{field}": np.where(used, drawn[:, column], np.nan)
        for column, field in enumerate(fields)
    }


def _geometry_fields(recipe: Recipe) -> tuple[str, ...]:
    if recipe.geometry is None:
        return ()
    method = METHODS["geometry"]
    return method.fields(method.parameters.model_validate(recipe.geometry.parameters))


def _padded(values: np.ndarray, width: int, filler: int) -> np.ndarray:
    padding = np.full((len(values), width - values.shape[1]), filler, dtype=values.dtype)
    return np.concatenate([values, padding], axis=1)


def _cut(plan: PlanRows, count: int) -> PlanRows:
    columns: dict[str, Any] = {name: getattr(plan, name)[:count] for name in _COLUMNS}
    return replace(
        plan,
        **columns,
        draws={name: values[:count] for name, values in plan.draws.items()},
    )


_COLUMNS = (
    "row", "method", "round", "view", "source_index", "parent_row", "weight", "noise_key",
)  # fmt: skip
