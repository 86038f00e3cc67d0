"""The plan: exactly K rows per source, any block without the others, everything drawn is in it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.pipeline import plan as planning
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.recipe import Recipe, recipe_id, resolved_stage

SAMPLERS = st.sampled_from(["same-class", "posterior"])


def whole_plan(recipe: Recipe, labels: np.ndarray) -> planning.PlanRows:
    class_rows = rows_by_class(labels, 3)
    total = planning.count_rows(recipe, len(labels))
    return planning.join(
        [
            planning.draw_block(recipe, class_rows, start, stop)
            for start, stop in planning.blocks(0, total)
        ]
    )


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    return Recipe(
        factor=draw(st.integers(1, 9)),
        originals=draw(st.booleans()),
        seed=draw(st.integers(0, 2**40)),
        vae=resolved_stage(draw(SAMPLERS), {}),
    )


@given(recipe=recipes(), labels=st.lists(st.integers(0, 2), min_size=1, max_size=50))
def test_every_source_leads_exactly_factor_rows(recipe: Recipe, labels: list[int]) -> None:
    array = np.array(labels, dtype=np.int64)
    plan = whole_plan(recipe, array)
    assert np.array_equal(plan.row, np.arange(len(labels) * recipe.factor))
    assert np.bincount(plan.source_index[:, 0]).tolist() == [recipe.factor] * len(labels)
    originals = plan.method == "original"
    assert originals.sum() == (len(labels) if recipe.originals else 0)
    assert np.array_equal(originals, plan.round == 0)
    assert np.allclose(plan.weight.sum(axis=1), 1)
    assert len(np.unique(plan.noise_key)) == len(plan)


@given(recipe=recipes(), labels=st.lists(st.integers(0, 2), min_size=1, max_size=50))
def test_partners_are_of_the_same_class(recipe: Recipe, labels: list[int]) -> None:
    array = np.array(labels, dtype=np.int64)
    plan = whole_plan(recipe, array)
    if plan.source_index.shape[1] == 1:
        return
    partners = plan.source_index[:, 1]
    assert np.array_equal(partners == planning.NO_SOURCE, plan.method == "original")
    made = partners != planning.NO_SOURCE
    assert np.array_equal(array[partners[made]], array[plan.source_index[made, 0]])


def test_a_block_needs_none_of_the_others() -> None:
    recipe = Recipe(factor=9, seed=4, vae=resolved_stage("same-class", {}))
    labels = np.arange(50, dtype=np.int64) % 3
    class_rows = rows_by_class(labels, 3)
    plan = whole_plan(recipe, labels)
    alone = planning.draw_block(recipe, class_rows, 128, 192)
    assert np.array_equal(alone.source_index, plan.source_index[128:192])
    assert np.array_equal(alone.noise_key, plan.noise_key[128:192])
    for name, values in alone.draws.items():
        assert np.array_equal(values, plan.draws[name][128:192], equal_nan=True)


def test_a_larger_factor_begins_with_the_smaller_one() -> None:
    labels = np.arange(50, dtype=np.int64) % 3
    small, large = (
        whole_plan(Recipe(factor=factor, vae=resolved_stage("same-class", {})), labels)
        for factor in (4, 9)
    )
    assert np.array_equal(small.source_index, large.source_index[: len(small)])


def test_seeds_differ() -> None:
    labels = np.arange(50, dtype=np.int64) % 3
    stage = resolved_stage("same-class", {})
    one, two = (whole_plan(Recipe(factor=4, seed=seed, vae=stage), labels) for seed in (0, 1))
    assert not np.array_equal(one.source_index, two.source_index)
    assert not np.isin(one.noise_key, two.noise_key).any()


@pytest.mark.parametrize(
    ("shape", "rows"), [((28, 28, 1), 4096), ((224, 224, 3), 384), ((4000, 4000, 3), 64)]
)
def test_shards_are_whole_blocks_of_bounded_size(shape: tuple[int, int, int], rows: int) -> None:
    recipe = Recipe(factor=100, vae=resolved_stage("posterior", {}))
    ranges = planning.shard_ranges(recipe, 101, shape)
    assert ranges[0] == (0, rows)
    assert ranges[-1][1] == 10_100
    assert [stop for _, stop in ranges[:-1]] == [start for start, _ in ranges[1:]]


def test_equal_requests_have_equal_ids_and_others_not() -> None:
    stage = resolved_stage("same-class", {})
    base = Recipe(factor=4, vae=stage)
    same = Recipe(factor=4, vae=resolved_stage("same-class", {"reach": 0.5}))
    others = [
        Recipe(factor=5, vae=stage),
        Recipe(factor=4, seed=1, vae=stage),
        Recipe(factor=4, originals=False, vae=stage),
        Recipe(factor=4, vae=resolved_stage("same-class", {"reach": 0.4})),
        Recipe(factor=4, vae=resolved_stage("posterior", {})),
        Recipe(factor=4, vae=stage, format="png"),
    ]
    assert recipe_id(base, "a", "b") == recipe_id(same, "a", "b")
    ids = {recipe_id(recipe, "a", "b") for recipe in (base, *others)}
    ids |= {recipe_id(base, "x", "b"), recipe_id(base, "a", "x"), recipe_id(base, "a", None)}
    assert len(ids) == len(others) + 4
