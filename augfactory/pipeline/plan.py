"""The plan: one row per output image, drawn before any pixel is made.

Rows are numbered from 0. The first ``sources`` rows of a dataset that keeps its originals are the
originals; then come the rounds, each with one row per source image, in source order. A plan is
drawn in blocks of 64 rows, each from random numbers keyed by (seed, block): any process can draw
any block without the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augfactory.keyed_random import generator, key_of
from augfactory.pipeline.partners import ClassRows, same_class_partners
from augfactory.pipeline.recipe import Recipe
from augfactory.records import Float32Array, Int64Array
from augfactory.vae.samplers.registry import SAMPLERS

BLOCK_ROWS = 64
SHARD_BYTES = 64 * 2**20
SHARD_ROWS = 4096
NO_SOURCE = -1


@dataclass(frozen=True)
class PlanRows:
    """Consecutive rows of a plan, as columns.

    Attributes:
        row: int64 [n], the row's number in the dataset.
        method: str [n], "original" or the name of what makes the row.
        round: int32 [n], 0 for originals, then 1, 2, … for each further image of a source.
        view: int32 [n], 0 unless several rows are views of one image.
        source_index: int64 [n, P], positions among the source rows; ``NO_SOURCE`` where unused.
        weight: float32 [n, P], the share of each source in the label; rows sum to 1.
        noise_key: int64 [n], the key of the row's own noise.
        draws: column name -> float64 [n], every other number that was drawn for the row.
    """

    row: Int64Array
    method: npt.NDArray[np.str_]
    round: npt.NDArray[np.int32]
    view: npt.NDArray[np.int32]
    source_index: Int64Array
    weight: Float32Array
    noise_key: Int64Array
    draws: dict[str, npt.NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.row)


def count_rows(recipe: Recipe, sources: int) -> int:
    """Return how many rows the dataset has."""
    return sources * recipe.factor


def parents(recipe: Recipe) -> int:
    """Return how many source images at most a row is made from."""
    return 2 if recipe.vae is not None and SAMPLERS[recipe.vae.sampler].needs_partner else 1


def shard_ranges(
    recipe: Recipe, sources: int, image_shape: tuple[int, int, int]
) -> list[tuple[int, int]]:
    """Return the (first row, end) of each shard: whole blocks, at most 4,096 rows or 64 MiB."""
    per_image = int(np.prod(image_shape))
    rows = max(BLOCK_ROWS, min(SHARD_ROWS, SHARD_BYTES // per_image) // BLOCK_ROWS * BLOCK_ROWS)
    total = count_rows(recipe, sources)
    return [(start, min(start + rows, total)) for start in range(0, total, rows)]


def blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the (first row, end) of each block between ``start``, a block's edge, and ``stop``."""
    for first in range(start, stop, BLOCK_ROWS):
        yield first, min(first + BLOCK_ROWS, stop)


def draw_block(recipe: Recipe, class_rows: ClassRows, start: int, stop: int) -> PlanRows:
    """Draw the plan of the block whose rows are ``start`` to ``stop`` (excluded)."""
    block = start // BLOCK_ROWS
    row = np.arange(start, stop, dtype=np.int64)
    round_, source = np.divmod(row, len(class_rows.labels))
    if not recipe.originals:
        round_ = round_ + 1
    source_index = np.full((len(row), parents(recipe)), NO_SOURCE, dtype=np.int64)
    source_index[:, 0] = source
    weight = np.zeros(source_index.shape, dtype=np.float32)
    weight[:, 0] = 1
    draws: dict[str, npt.NDArray[np.float64]] = {}
    if recipe.vae is not None:
        sampler = SAMPLERS[recipe.vae.sampler]
        # Drawn for whole blocks, then cut: the last block draws what it would draw if it were full.
        if sampler.needs_partner:
            partner_generator = generator(recipe.seed, "vae partner", block)
            partners = same_class_partners(class_rows, source, BLOCK_ROWS, partner_generator)
            source_index[:, 1] = np.where(round_ > 0, partners, NO_SOURCE)
        parameters = sampler.params.model_validate(recipe.vae.parameters)
        drawn = sampler.draw(parameters, BLOCK_ROWS, generator(recipe.seed, "vae draw", block))
        for column, field in enumerate(sampler.fields):
            draws[f"vae_{field}"] = np.where(round_ > 0, drawn[: len(row), column], np.nan)
    return PlanRows(
        row=row,
        method=np.where(round_ > 0, "vae", "original"),
        round=round_.astype(np.int32),
        view=np.zeros(len(row), dtype=np.int32),
        source_index=source_index,
        weight=weight,
        noise_key=np.array([key_of(recipe.seed, "noise", int(r)) for r in row], dtype=np.int64),
        draws=draws,
    )


def join(plans: Sequence[PlanRows]) -> PlanRows:
    """Put consecutive blocks after each other."""
    columns = ("row", "method", "round", "view", "source_index", "weight", "noise_key")
    return PlanRows(
        **{name: np.concatenate([getattr(plan, name) for plan in plans]) for name in columns},
        draws={
            name: np.concatenate([plan.draws[name] for plan in plans]) for name in plans[0].draws
        },
    )
