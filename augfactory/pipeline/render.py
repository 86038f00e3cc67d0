"""Rows to pixels: a pure function of (plan rows, source, model)."""

from dataclasses import dataclass, field

import numpy as np

from augfactory.keyed_random import from_key
from augfactory.pipeline.plan import BLOCK_ROWS, NO_SOURCE, PlanRows
from augfactory.pipeline.recipe import Recipe
from augfactory.records import Float32Array, Int64Array, Source, UInt8Array
from augfactory.vae.checkpoint import Model
from augfactory.vae.coding import decode, encode
from augfactory.vae.samplers.registry import SAMPLERS


@dataclass
class EncodedSource:
    """The codes of a source's images, each encoded once, in fixed blocks of source rows.

    A network's last bit can depend on the batch a row stands in; the batch here is a matter of the
    source alone, so whoever encodes a row gets the same code.
    """

    source: Source
    model: Model
    codes: dict[int, tuple[Float32Array, Float32Array]] = field(default_factory=dict)

    def read(self, rows: Int64Array) -> tuple[Float32Array, Float32Array]:
        """Return the means and log-variances of ``rows`` [n], each float32 [n, latent]."""
        for block in np.unique(rows // BLOCK_ROWS).tolist():
            if block not in self.codes:
                first = block * BLOCK_ROWS
                inside = np.arange(first, min(first + BLOCK_ROWS, len(self.source)))
                images = self.source.read_images(inside)
                self.codes[block] = encode(self.model, images, self.source.read_soft_labels(inside))
        places = list(zip((rows // BLOCK_ROWS).tolist(), (rows % BLOCK_ROWS).tolist(), strict=True))
        means = np.stack([self.codes[block][0][place] for block, place in places])
        log_variances = np.stack([self.codes[block][1][place] for block, place in places])
        return means, log_variances


def render_block(
    recipe: Recipe, plan: PlanRows, source: Source, encoded: EncodedSource | None
) -> tuple[UInt8Array, Float32Array]:
    """Make the images uint8 [n, H, W, C] and soft labels float32 [n, K] of one block of a plan."""
    images = np.empty((len(plan), *source.image_shape), dtype=np.uint8)
    original = plan.method == "original"
    if original.any():
        images[original] = source.read_images(plan.source_index[original, 0])
    made = plan.method == "vae"
    if made.any():
        if encoded is None:
            raise ValueError("rows of method 'vae' need a model")
        images[made] = _decoded(recipe, plan, made, encoded)
    return images, soft_labels(plan, source)


def soft_labels(plan: PlanRows, source: Source) -> Float32Array:
    """Mix the labels of each row's sources by the row's weights: float32 [n, K]."""
    mixed = np.zeros((len(plan), len(source.class_names)), dtype=np.float64)
    for parent in range(plan.source_index.shape[1]):
        used = (plan.source_index[:, parent] != NO_SOURCE) & (plan.weight[:, parent] > 0)
        if used.any():
            labels = source.read_soft_labels(plan.source_index[used, parent])
            mixed[used] += plan.weight[used, parent, None].astype(np.float64) * labels
    return mixed.astype(np.float32)


def _decoded(
    recipe: Recipe, plan: PlanRows, made: np.ndarray, encoded: EncodedSource
) -> UInt8Array:
    if recipe.vae is None:
        raise ValueError("rows of method 'vae' need a recipe with a vae stage")
    sampler = SAMPLERS[recipe.vae.sampler]
    anchors = plan.source_index[made, 0]
    mean, log_variance = encoded.read(anchors)
    partner_mean = encoded.read(plan.source_index[made, 1])[0] if sampler.needs_partner else None
    noise = np.stack(
        [
            from_key(key).standard_normal(mean.shape[1], dtype=np.float32)
            for key in plan.noise_key[made].tolist()
        ]
    )
    draws = (
        np.stack([plan.draws[f"vae_{name}"][made] for name in sampler.fields], axis=1)
        if (sampler.fields)
        else np.empty((len(mean), 0))
    )
    parameters = sampler.params.model_validate(recipe.vae.parameters)
    codes = sampler.move(parameters, mean, log_variance, partner_mean, draws, noise)
    return decode(encoded.model, codes, encoded.source.read_soft_labels(anchors))
