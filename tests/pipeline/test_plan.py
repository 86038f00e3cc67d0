"""The plan: exactly K rows per source, any block without the others, everything drawn is in it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from augfactory.pipeline import draw as drawing
from augfactory.pipeline import plan as planning
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.recipes.recipe import Recipe, recipe_id, rendering_versions
from augfactory.pipeline.recipes.stages import MIXING, MixStage, geometry_stage, mix_stage
from augfactory.records import BLOCK_ROWS, Int64Array
from tests.pipeline.stages import vae_stage

SHAPE = (5, 7, 3)
SAME_CLASS = vae_stage("test", "same-class", {})
LABELS = np.arange(50, dtype=np.int64) % 3


def origin_of(labels: Int64Array) -> planning.Origin:
    return planning.Origin(rows_by_class(labels, 3), SHAPE)


def whole_plan(recipe: Recipe, labels: Int64Array) -> list[planning.PlanRows]:
    """Return the plan of each section."""
    return [
        planning.join(list(drawing.draw_rows(recipe, origin_of(labels), section)))
        for section in planning.sections(recipe, len(labels))
    ]


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    sampler = draw(st.sampled_from(["same-class", "posterior", None]))
    methods = draw(st.lists(st.sampled_from(sorted(MIXING)), max_size=3))
    return Recipe(
        factor=draw(st.integers(1, 6)),
        originals=draw(st.booleans()),
        seed=draw(st.integers(0, 2**40)),
        geometry=geometry_stage("test", {}) if sampler is None or draw(st.booleans()) else None,
        vae=vae_stage("test", sampler, {}) if sampler else None,
        mix=tuple(stage(method, draw(st.integers(1, 3))) for method in methods),
    )


def stage(method: str, copies: int, **parameters: Any) -> MixStage:
    if method == "grid":  # a class of one image has no partner, which is refused beforehand
        parameters = {"pairing": "any", **parameters}
    return mix_stage("test", method, copies, "expanded", parameters)


@given(recipe=recipes(), labels=st.lists(st.integers(0, 2), min_size=4, max_size=50))
def test_every_source_leads_exactly_its_rows(recipe: Recipe, labels: list[int]) -> None:
    array = np.array(labels, dtype=np.int64)
    first, *mixed = whole_plan(recipe, array)
    rows = np.concatenate([plan.row for plan in (first, *mixed)])
    assert np.array_equal(rows, np.arange(planning.count_rows(recipe, len(labels))))
    assert np.bincount(first.source_index[:, 0]).tolist() == [recipe.factor] * len(labels)
    originals = first.method == "original"
    assert originals.sum() == (len(labels) if recipe.originals else 0)
    assert np.array_equal(originals, first.round == 0)
    for plan, mixing in zip(mixed, recipe.mix, strict=True):
        assert np.bincount(plan.source_index[:, 0]).tolist() == [mixing.copies] * len(labels)
        assert set(plan.method) == {mixing.method}
        copies = plan.view - 1 if mixing.method == "augmix" else plan.round
        assert np.array_equal(copies, np.repeat(np.arange(mixing.copies), len(labels)))
    for plan in (first, *mixed):
        assert plan.source_index.shape == (len(plan), planning.parents(recipe))
        assert np.allclose(plan.weight.sum(axis=1), 1, atol=1e-6)
        assert set(plan.draws) <= set(planning.draw_columns(recipe))


@given(recipe=recipes(), labels=st.lists(st.integers(0, 2), min_size=4, max_size=50))
def test_what_is_mixed_is_an_expanded_image_of_the_source(
    recipe: Recipe, labels: list[int]
) -> None:
    array = np.array(labels, dtype=np.int64)
    first, *mixed = whole_plan(recipe, array)
    assert (first.parent_row == planning.NONE).all()
    for plan in mixed:
        used = plan.parent_row != planning.NONE
        assert np.array_equal(used, plan.source_index != planning.NONE)
        assert np.array_equal(first.source_index[plan.parent_row[used], 0], plan.source_index[used])


@given(recipe=recipes(), labels=st.lists(st.integers(0, 2), min_size=4, max_size=50))
def test_vae_partners_are_of_the_same_class(recipe: Recipe, labels: list[int]) -> None:
    assume(recipe.vae is not None and recipe.vae.sampler != "posterior")
    array = np.array(labels, dtype=np.int64)
    first = whole_plan(recipe, array)[0]
    partners = first.source_index[:, 1]
    assert np.array_equal(partners == planning.NONE, first.method == "original")
    made = partners != planning.NONE
    assert np.array_equal(array[partners[made]], array[first.source_index[made, 0]])


@pytest.mark.parametrize("section", [0, 1, 2])
def test_a_block_needs_none_of_the_others(section: int) -> None:
    recipe = Recipe(
        factor=9,
        seed=4,
        vae=SAME_CLASS,
        geometry=geometry_stage("test", {}),
        mix=(stage("mixup", 7, parents=3), stage("ricap", 6, scope="batch", batch_size=48)),
    )
    whole = whole_plan(recipe, LABELS)[section]
    start = int(whole.row[0]) + 128
    shard = planning.Section(section, start, start + 70)
    alone = planning.join(list(drawing.draw_rows(recipe, origin_of(LABELS), shard)))
    for name in ("row", "source_index", "parent_row", "weight", "noise_key"):
        assert np.array_equal(getattr(alone, name), getattr(whole, name)[128:198])
    for name, values in alone.draws.items():
        assert np.array_equal(values, whole.draws[name][128:198], equal_nan=True)


def equal_plans(one: planning.PlanRows, other: planning.PlanRows) -> bool:
    names = ("row", "method", "round", "view", "source_index", "parent_row", "weight", "noise_key")
    return (
        all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
        and one.draws.keys() == other.draws.keys()
        and all(
            np.array_equal(values, other.draws[name], equal_nan=True)
            for name, values in one.draws.items()
        )
    )


def drawn_block_by_block(recipe: Recipe, labels: Int64Array) -> list[planning.PlanRows]:
    """Return the plan of each section, each block of it drawn by itself."""
    found = []
    for section in planning.sections(recipe, len(labels)):
        parts = [
            planning.Section(section.stage, start, min(start + BLOCK_ROWS, section.stop))
            for start in range(section.start, section.stop, BLOCK_ROWS)
        ]
        plans = [drawing.draw_rows(recipe, origin_of(labels), part) for part in parts]
        found.append(planning.join([plan for (plan,) in plans]))
    return found


@given(
    recipe=recipes(),
    labels=st.lists(st.integers(0, 2), min_size=5, max_size=50),
    distinct=st.booleans(),
    rejected=st.sets(st.integers(0, 19), max_size=4),
)
def test_blocks_drawn_together_are_as_each_alone(
    recipe: Recipe, labels: list[int], distinct: bool, rejected: set[int]
) -> None:
    rounds = (tuple((row, 0) for row in sorted(rejected)),) if rejected else ()
    further = {"geometry": recipe.geometry or geometry_stage("test", {}), "factor": 6}
    recipe = recipe.model_copy(update={"distinct": distinct, "redrawn": rounds, **further})
    array = np.array(labels, dtype=np.int64)
    together, alone = whole_plan(recipe, array), drawn_block_by_block(recipe, array)
    assert all(map(equal_plans, together, alone))


@pytest.mark.parametrize("pairing", ["any", "same", "other", "balanced"])
@pytest.mark.parametrize("method", ["mixup", "ricap"])
def test_partners_drawn_together_are_as_each_alone(method: str, pairing: str) -> None:
    """Of few images: many a partner is drawn again because it is in the mixture already."""
    labels = np.arange(15) % 3
    recipe = Recipe(factor=2, mix=(stage(method, 40, pairing=pairing),), distinct=True)
    together, alone = whole_plan(recipe, labels), drawn_block_by_block(recipe, labels)
    assert all(map(equal_plans, together, alone))


def test_larger_numbers_begin_with_the_smaller_ones() -> None:
    small, large = (
        whole_plan(Recipe(factor=factor, vae=SAME_CLASS, mix=(stage("mixup", factor),)), LABELS)
        for factor in (4, 9)
    )
    for few, many in zip(small, large, strict=True):
        assert np.array_equal(few.source_index, many.source_index[: len(few)])
    assert np.array_equal(small[1].weight, large[1].weight[: len(small[1])])


def test_seeds_differ() -> None:
    one, two = (
        whole_plan(Recipe(factor=4, seed=seed, vae=SAME_CLASS), LABELS)[0] for seed in (0, 1)
    )
    assert not np.array_equal(one.source_index, two.source_index)
    decoded = one.method == "vae"
    assert not np.isin(one.noise_key[decoded], two.noise_key).any()
    assert (one.noise_key[~decoded] == -1).all()


def test_two_stages_of_one_method_differ() -> None:
    recipe = Recipe(factor=1, mix=(stage("mixup", 2), stage("mixup", 2)))
    _, one, two = whole_plan(recipe, LABELS)
    assert not np.array_equal(one.weight, two.weight)


@pytest.mark.parametrize(
    ("shape", "rows"), [((28, 28, 1), 4096), ((224, 224, 3), 384), ((4000, 4000, 3), 64)]
)
def test_shards_are_whole_blocks_of_bounded_size(shape: tuple[int, int, int], rows: int) -> None:
    recipe = Recipe(factor=100, vae=SAME_CLASS, mix=(stage("mixup", 50),))
    ranges = planning.shard_ranges(recipe, 101, shape)
    assert (ranges[0].start, ranges[0].stop) == (0, rows)
    assert ranges[-1].stop == 15_150
    assert [shard.stop for shard in ranges[:-1]] == [shard.start for shard in ranges[1:]]
    assert 10_100 in [shard.start for shard in ranges if shard.stage == 1]


def test_equal_requests_have_equal_ids_and_others_not() -> None:
    base = Recipe(factor=4, vae=SAME_CLASS)
    same = Recipe(factor=4, vae=vae_stage("elsewhere", "same-class", {"reach": 0.5}))
    others = [
        Recipe(factor=5, vae=SAME_CLASS),
        Recipe(factor=4, seed=1, vae=SAME_CLASS),
        Recipe(factor=4, originals=False, vae=SAME_CLASS),
        Recipe(factor=4, vae=vae_stage("test", "same-class", {"reach": 0.4})),
        Recipe(factor=4, vae=vae_stage("test", "posterior", {})),
        Recipe(factor=4, vae=SAME_CLASS, format="png"),
        Recipe(factor=4, vae=SAME_CLASS, geometry=geometry_stage("test", {})),
        Recipe(factor=4, vae=SAME_CLASS, mix=(stage("mixup", 1),)),
        Recipe(factor=4, vae=SAME_CLASS, mix=(stage("mixup", 2),)),
    ]

    def identity(recipe: Recipe, source: str = "a", model: str | None = "b") -> str:
        return recipe_id(recipe, rendering_versions(recipe), source, model)

    assert identity(base) == identity(same)
    ids = {identity(recipe) for recipe in (base, *others)}
    ids |= {identity(base, "x"), identity(base, "a", "x"), identity(base, "a", None)}
    ids.add(recipe_id(base, {"rendering": 0}, "a", "b"))
    assert len(ids) == len(others) + 5


def test_views_of_a_source_are_views_of_one_image() -> None:
    recipe = Recipe(factor=5, geometry=geometry_stage("test", {}), mix=(stage("augmix", 4),))
    views = whole_plan(recipe, LABELS)[1]
    parents = views.parent_row[:, 0].reshape(4, len(LABELS))
    assert (parents == parents[0]).all()
    assert len(np.unique(parents[0] // len(LABELS))) == 5, "every expanded image has its chance"
    assert views.view.reshape(4, -1)[:, 0].tolist() == [1, 2, 3, 4]
