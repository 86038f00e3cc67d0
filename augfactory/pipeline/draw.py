"""Draw the rows of a plan, section by section.

A section is drawn in blocks of 64 rows, each from random numbers keyed by (seed, stage, block): any
process can draw any block without the others. Many are drawn side by side, because that costs less.
Rows that were rejected are drawn by another seed.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from augfactory.keyed_random import generator, key_of
from augfactory.methods.method import Draws
from augfactory.methods.registry import METHODS
from augfactory.pipeline.drawn import again as again_key
from augfactory.pipeline.drawn import columns, keyed_blocks, noise_keys, padded, slots
from augfactory.pipeline.partners import mixing_groups, mixing_partners, same_class_partners
from augfactory.pipeline.plan import (
    NONE,
    UNLABELLED,
    Origin,
    PlanRows,
    Section,
    cut,
    merged,
    parents,
    sections,
)
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import MixStage, method_of
from augfactory.pipeline.redraw import draw_of, seed_of
from augfactory.pipeline.settle import Settle, draw_number, rejected_columns
from augfactory.pipeline.shares import decoded_rows
from augfactory.pipeline.turns import turns_of
from augfactory.records import BLOCK_ROWS, Int64Array
from augfactory.vae.samplers.registry import SAMPLERS

# With less of another image in it, a mixture can be equal to its parent, rounded to bytes.
LEAST_SHARE = 0.01
REDRAWS = 32
AT_ONCE = 64 * BLOCK_ROWS


def draw_rows(
    recipe: Recipe, origin: Origin, shard: Section, settle: Settle | None = None
) -> Iterator[PlanRows]:
    """Draw the plan of a shard in pieces; ``settle`` says which decoded rows are filtered."""
    sources = len(origin.class_rows.labels)
    section = sections(recipe, sources)[shard.stage]
    draw, at_once = partial(_draw_anew, _draw_mixed if shard.stage else _draw_first), AT_ONCE
    if shard.stage > len(recipe.mix):
        draw = partial(_draw_anew, _draw_unlabelled)
    elif shard.stage == 0 and settle is not None:
        draw, at_once = partial(_draw_settled, settle), BLOCK_ROWS
    for start in range(shard.start, shard.stop, at_once):
        rows = min(at_once, shard.stop - start)
        # Drawn for whole blocks, then cut: the last block begins like a full one.
        whole = -(-rows // BLOCK_ROWS) * BLOCK_ROWS
        within = np.arange(start - section.start, start - section.start + whole)
        yield cut(draw(recipe, origin, section, within), rows)


def _draw_anew(
    draw: Callable[..., PlanRows],
    recipe: Recipe,
    origin: Origin,
    section: Section,
    within: Int64Array,
    *more: Int64Array | None,
) -> PlanRows:
    """Draw blocks, each row by the seed of its draw, which is another after a rejection."""
    number = draw_of(recipe.redrawn, section.start + within)
    plans = {
        each: draw(recipe, origin, section, within, seed_of(recipe.seed, each), *more)
        for each in np.unique(number).tolist()
    }
    return merged(plans, number)


def _draw_settled(
    settle: Settle, recipe: Recipe, origin: Origin, section: Section, within: Int64Array
) -> PlanRows:
    def draw(number: Int64Array | None) -> PlanRows:
        return _draw_anew(_draw_first, recipe, origin, section, within, number)

    rejected = settle(draw)
    plan = draw(draw_number(rejected))
    plan.draws.update(rejected_columns(rejected, plan.method == "vae"))
    return plan


def _draw_first(
    recipe: Recipe,
    origin: Origin,
    section: Section,
    within: Int64Array,
    seed: int,
    number: Int64Array | None = None,
) -> PlanRows:
    """Draw rows of one original each; of the decoded ones, the draw ``number`` of each.

    ``number`` is int64 [n], 0 for a first draw; None where all are.
    """
    number = np.zeros_like(within) if number is None else number
    turns = turns_of(recipe, origin.class_rows, 0)
    round_, source = turns.of(within)
    if not recipe.originals:
        round_ += 1
    made = round_ > 0
    decoded = made & decoded_rows(recipe, turns, source, round_)
    source_index = np.full((len(within), parents(recipe)), NONE, dtype=np.int64)
    source_index[:, 0] = source
    draws = _varied_draws(recipe, seed, "geometry", origin, within, round_, made)
    if recipe.vae is not None:
        sampler = SAMPLERS[recipe.vae.sampler]
        params = sampler.params.model_validate(recipe.vae.parameters)
        drawn = np.empty((len(within), len(sampler.fields)))
        for draw in np.unique(number).tolist():
            own, key = number == draw, again_key(draw)
            if sampler.needs_partner:
                keyed = keyed_blocks(seed, "vae partner", within, *key)
                partners = same_class_partners(origin.class_rows, source, len(within), keyed)
                source_index[own & decoded, 1] = partners[own & decoded]
            keyed = keyed_blocks(seed, "vae draw", within, *key)
            drawn[own] = sampler.draw(params, len(within), keyed)[own]
        draws |= columns("vae", sampler.fields, drawn, decoded)
    method = np.select([decoded, made], ["vae", "geometry"], "original")
    return _of_one_image(seed, section, within, method, round_, source_index, draws, number)


def _draw_mixed(
    recipe: Recipe, origin: Origin, section: Section, within: Int64Array, seed: int
) -> PlanRows:
    stage = recipe.mix[section.stage - 1]
    method, parameters = method_of(stage)
    turns = turns_of(recipe, origin.class_rows, section.stage)
    copy, lead = turns.of(within)
    name, used = f"mix {section.stage}", method.parents(parameters)
    chosen, alike = lead[:, None], None
    if used > 1:
        keyed, pairing = keyed_blocks(seed, f"{name} partner", within), method.pairing(parameters)
        if turns.by_class:
            led = section.stop - section.start - int(within[0])
            partners, alike = mixing_groups(origin.class_rows, lead, led, used - 1, pairing, keyed)
        else:
            partners = mixing_partners(origin.class_rows, lead, used - 1, pairing, keyed)
        chosen = np.concatenate([chosen, partners], axis=1)
    drawn = _mixture_draws(recipe, seed, name, origin, within, copy, stage)
    if (stage.share is not None or turns.by_class) and method.largest_first is not None:
        # A mixture among the images of its lead is labelled most as that, so that every image and
        # class has its ``factor`` of them whatever was drawn.
        drawn = method.largest_first(drawn)
    if alike is not None:
        drawn = drawn[alike]
    weight = method.weights(parameters, drawn, origin.image_shape)
    views = method.views
    return PlanRows(
        stage=section.stage,
        row=section.start + within,
        method=np.full(len(within), stage.method),
        round=np.where(views, 0, copy).astype(np.int32),
        view=np.where(views, copy + 1, 0).astype(np.int32),
        source_index=padded(chosen, parents(recipe), NONE),
        parent_row=padded(
            _parent_rows(recipe, seed, origin, stage, name, within, chosen), parents(recipe), NONE
        ),
        weight=padded(weight, parents(recipe), 0),
        noise_key=np.full(len(within), NONE, dtype=np.int64),
        draws=columns(
            f"mix{section.stage}", method.fields(parameters), drawn, np.ones(len(within), bool)
        ),
    )


def _mixture_draws(
    recipe: Recipe,
    seed: int,
    name: str,
    origin: Origin,
    within: Int64Array,
    copy: Int64Array,
    stage: MixStage,
) -> Draws:
    """Draw how rows are mixed; where ``distinct``, those that would be copies are drawn again."""
    method, parameters = method_of(stage)
    drawn = method.draw(parameters, slots(seed, name, origin, within, copy))
    if recipe.distinct and method.parents(parameters) > 1:
        for again in range(1, REDRAWS):
            shares = method.weights(parameters, drawn, origin.image_shape)
            copies = shares.max(axis=1) > 1 - LEAST_SHARE
            if not copies.any():
                break
            blocks = copies.reshape(-1, BLOCK_ROWS).any(axis=1).repeat(BLOCK_ROWS)
            more = slots(seed, f"{name} again {again}", origin, within[blocks], copy[blocks])
            drawn[copies] = method.draw(parameters, more)[copies[blocks]]
    return drawn


def _draw_unlabelled(
    recipe: Recipe, origin: Origin, section: Section, within: Int64Array, seed: int
) -> PlanRows:
    """Draw rows of unlabelled images: all of them once, then all of them varied, and again."""
    if origin.unlabelled is None:
        raise ValueError("rows of unlabelled images need to know which of them serve")
    round_, place = np.divmod(within, len(origin.unlabelled))
    source_index = np.full((len(within), parents(recipe)), NONE, dtype=np.int64)
    source_index[:, 0] = len(origin.class_rows.labels) + origin.unlabelled[place]
    draws = _varied_draws(recipe, seed, UNLABELLED, origin, within, round_, round_ > 0)
    method = np.full(len(within), UNLABELLED)
    first = np.zeros_like(within)
    return _of_one_image(seed, section, within, method, round_, source_index, draws, first)


def _varied_draws(
    recipe: Recipe,
    seed: int,
    name: str,
    origin: Origin,
    within: Int64Array,
    round_: Int64Array,
    used: npt.NDArray[np.bool_],
) -> dict[str, npt.NDArray[np.float64]]:
    """Draw how the rows that are ``used`` are varied, by geometry and what comes after it."""
    draws: dict[str, npt.NDArray[np.float64]] = {}
    if recipe.geometry is not None:
        method, parameters = method_of(recipe.geometry)
        drawn = method.draw(parameters, slots(seed, name, origin, within, round_))
        draws |= columns("geometry", method.fields(parameters), drawn, used)
    for number, stage in enumerate(recipe.vary, 1):
        method, parameters = method_of(stage)
        own = f"{name} vary {number}"
        drawn = method.draw(parameters, slots(seed, own, origin, within, round_))
        keyed = keyed_blocks(seed, f"{own} share", within)
        changed = used & (keyed.random(len(within)) < stage.share)
        draws |= columns(f"vary{number}", method.fields(parameters), drawn, changed)
    return draws


def _of_one_image(
    seed: int,
    section: Section,
    within: Int64Array,
    method: npt.NDArray[np.str_],
    round_: Int64Array,
    source_index: Int64Array,
    draws: dict[str, npt.NDArray[np.float64]],
    number: Int64Array,
) -> PlanRows:
    """Return rows whose label is that of the first of their sources, by draw ``number`` of each."""
    weight = np.zeros(source_index.shape, dtype=np.float32)
    weight[:, 0] = 1
    return PlanRows(
        stage=section.stage,
        row=section.start + within,
        method=method,
        round=round_.astype(np.int32),
        view=np.zeros(len(within), dtype=np.int32),
        source_index=source_index,
        parent_row=np.full_like(source_index, NONE),
        weight=weight,
        noise_key=noise_keys(seed, section.start + within, number, method == "vae"),
        draws=draws,
    )


def order_of_unlabelled(recipe: Recipe, kept: npt.NDArray[np.bool_]) -> Int64Array:
    """Return the positions of the unlabelled images that serve, shuffled: the first will do."""
    return generator(recipe.seed, UNLABELLED, "order").permutation(np.flatnonzero(kept))


def _parent_rows(
    recipe: Recipe,
    seed: int,
    origin: Origin,
    stage: MixStage,
    name: str,
    within: Int64Array,
    chosen: Int64Array,
) -> Int64Array:
    """Choose which of its images stands for each chosen source, where expanded ones are mixed."""
    if stage.source == "originals":
        return np.full_like(chosen, NONE)
    turns = turns_of(recipe, origin.class_rows, 0)
    there = turns.kept + turns.rows_of(chosen)
    if METHODS[stage.method].views:
        # All views of a source are views of one image, which the Jensen-Shannon loss compares.
        keys = [[key_of(recipe.seed, name, "view of", lead)] for (lead,) in chosen.tolist()]
        rounds = np.array(keys) % there
    else:
        keyed = keyed_blocks(seed, f"{name} round", within)
        rounds = keyed.integers(0, there if turns.by_class else recipe.single, chosen.shape)
    return turns.row(rounds, chosen)
