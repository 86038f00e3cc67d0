"""Rows to pixels: a pure function of (plan rows, source, model, earlier rows)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from augfactory.keyed_random import from_keys
from augfactory.pipeline.plan import NONE, UNLABELLED, PlanRows
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import method_of
from augfactory.records import BLOCK_ROWS, Float32Array, Int64Array, Source, UInt8Array
from augfactory.vae.samplers.registry import SAMPLERS

if TYPE_CHECKING:
    from augfactory.vae.checkpoint import Model

ReadRows = Callable[[Int64Array], UInt8Array]
MIXED_BYTES = 2**19  # of results at once, whose parents then stay in the processor's cache


@dataclass
class EncodedSource:
    """The latent vectors of a source's images, each encoded once, in fixed blocks of source rows.

    A network's last bit can depend on the batch a row stands in; the batch here is a matter of the
    source alone, so whoever encodes a row gets the same vector.
    """

    source: Source
    model: "Model"
    latents: dict[int, tuple[Float32Array, Float32Array]] = field(default_factory=dict)

    def read(self, rows: Int64Array) -> tuple[Float32Array, Float32Array]:
        """Return the means and log-variances of ``rows`` [n], each float32 [n, latent]."""
        from augfactory.vae.coding import encode  # torch: only where there is a model

        for block in np.unique(rows // BLOCK_ROWS).tolist():
            if block not in self.latents:
                first = block * BLOCK_ROWS
                inside = np.arange(first, min(first + BLOCK_ROWS, len(self.source)))
                images = self.source.read_images(inside)
                self.latents[block] = encode(
                    self.model, images, self.source.read_soft_labels(inside)
                )
        places = list(zip((rows // BLOCK_ROWS).tolist(), (rows % BLOCK_ROWS).tolist(), strict=True))
        means = np.stack([self.latents[block][0][place] for block, place in places])
        log_variances = np.stack([self.latents[block][1][place] for block, place in places])
        return means, log_variances


def render_block(
    recipe: Recipe,
    plan: PlanRows,
    source: Source,
    encoded: EncodedSource | None,
    read_rows: ReadRows,
) -> tuple[UInt8Array, Float32Array]:
    """Make the images uint8 [n, H, W, C] and soft labels float32 [n, K] of some rows of a plan.

    They are of one section, and where some are decoded, all of one block.
    ``source`` holds the unlabelled images, too, behind the others, with the labels given to them.
    ``read_rows`` reads finished rows of this dataset, which a mix stage may build on.
    """
    images = np.empty((len(plan), *source.image_shape), dtype=np.uint8)
    for method in sorted({*plan.method.tolist()}):
        rows = np.flatnonzero(plan.method == method)
        if method == "original":
            images[rows] = source.read_images(plan.source_index[rows, 0])
        elif method == "geometry":
            images[rows] = _varied(recipe, plan, rows, source, plan.source_index[rows, 0])
        elif method == "vae":
            images[rows] = decoded_images(recipe, plan, rows, encoded)
        elif method == UNLABELLED:
            images[rows] = source.read_images(plan.source_index[rows, 0])
            again = rows[plan.round[rows] > 0]
            if len(again):
                images[again] = _varied(recipe, plan, again, source, plan.source_index[again, 0])
        else:
            _mix(recipe, plan, source, read_rows, images)
    _vary_further(recipe, plan, images)
    return images, soft_labels(plan, source)


def soft_labels(plan: PlanRows, source: Source) -> Float32Array:
    """Mix the labels of each row's sources by the row's weights: float32 [n, K]."""
    mixed = np.zeros((len(plan), len(source.class_names)), dtype=np.float64)
    for parent in range(plan.source_index.shape[1]):
        used = (plan.source_index[:, parent] != NONE) & (plan.weight[:, parent] > 0)
        if used.any():
            labels = source.read_soft_labels(plan.source_index[used, parent])
            mixed[used] += plan.weight[used, parent, None].astype(np.float64) * labels
    return mixed.astype(np.float32)


def _varied(
    recipe: Recipe, plan: PlanRows, rows: Int64Array, source: Source, which: Int64Array
) -> UInt8Array:
    images = source.read_images(which)
    if recipe.geometry is None:
        return images
    method, parameters = method_of(recipe.geometry)
    draws = _draws(plan, "geometry", method.fields(parameters), rows)
    return method.apply(parameters, images[:, None], draws)


def _vary_further(recipe: Recipe, plan: PlanRows, images: UInt8Array) -> None:
    """Change those of ``images`` uint8 [n, H, W, C] for which the plan has drawn a change."""
    for number, stage in enumerate(recipe.vary, 1):
        method, parameters = method_of(stage)
        fields = method.fields(parameters)
        if f"vary{number}_{fields[0]}" not in plan.draws:
            continue  # a section of mixtures
        drawn = _draws(plan, f"vary{number}", fields, np.arange(len(plan)))
        rows = np.flatnonzero(~np.isnan(drawn[:, 0]))
        if len(rows):
            images[rows] = method.apply(parameters, images[rows][:, None], drawn[rows])


def decoded_images(
    recipe: Recipe, plan: PlanRows, rows: Int64Array, encoded: EncodedSource | None
) -> UInt8Array:
    """Return the images uint8 [n, H, W, C] of ``rows`` of a block, all of which are decoded."""
    from augfactory.vae.coding import decode, encode  # torch: only where there is a model

    if recipe.vae is None or encoded is None:
        raise ValueError("rows of method 'vae' need a model and a recipe with a vae stage")
    sampler = SAMPLERS[recipe.vae.sampler]
    source, anchors = encoded.source, plan.source_index[rows, 0]
    labels = source.read_soft_labels(anchors)
    partners = plan.source_index[rows, 1] if sampler.needs_partner else None
    partner_mean = None
    if recipe.geometry is None or not recipe.vae.varied:
        images = source.read_images(anchors)
        mean, log_variance = encoded.read(anchors)
        if partners is not None:
            partner_mean = encoded.read(partners)[0]
    else:
        # Both are varied alike, so that the way between them is a matter of style, not of pose.
        images = _varied(recipe, plan, rows, source, anchors)
        mean, log_variance = encode(encoded.model, images, labels)
        if partners is not None:
            varied = _varied(recipe, plan, rows, source, partners)
            partner_mean = encode(encoded.model, varied, labels)[0]
    noise = np.stack(
        [
            keyed.standard_normal(mean.shape[1], dtype=np.float32)
            for keyed in from_keys(plan.noise_key[rows].tolist())
        ]
    )
    params = sampler.params.model_validate(recipe.vae.parameters)
    draws = _draws(plan, "vae", sampler.fields, rows)
    latents = sampler.move(params, mean, log_variance, partner_mean, draws, noise)
    decoded = decode(encoded.model, latents, labels)
    if recipe.vae.decode == "full":
        return decoded
    change = decoded.astype(np.int16) - decode(encoded.model, mean, labels)
    return np.clip(images + change, 0, 255).astype(np.uint8)


def _mix(
    recipe: Recipe, plan: PlanRows, source: Source, read_rows: ReadRows, images: UInt8Array
) -> None:
    """Mix all rows into ``images``: a mix stage's section holds rows of one method only."""
    stage = recipe.mix[plan.stage - 1]
    method, parameters = method_of(stage)
    used = method.parents(parameters)
    originals = stage.source == "originals"
    read = source.read_images if originals else read_rows
    parents = (plan.source_index if originals else plan.parent_row)[:, :used]
    fields = method.fields(parameters)
    draws = _draws(plan, f"mix{plan.stage}", fields, np.arange(len(plan)))
    at_once = mixed_at_once(source.image_shape)
    for start in range(0, len(plan), at_once):
        part = slice(start, start + at_once)
        gathered = read(parents[part].reshape(-1)).reshape(-1, used, *source.image_shape)
        images[part] = method.apply(parameters, gathered, draws[part])


def mixed_at_once(image_shape: tuple[int, int, int]) -> int:
    """Return how many rows are gathered and mixed together."""
    return max(1, MIXED_BYTES // math.prod(image_shape))


def _draws(
    plan: PlanRows, prefix: str, fields: tuple[str, ...], rows: Int64Array
) -> npt.NDArray[np.float64]:
    if not fields:
        return np.empty((len(rows), 0))
    return np.stack([plan.draws[f"{prefix}_{name}"][rows] for name in fields], axis=1)
