"""Shares are exact, spread evenly over images, classes and rounds, and known row by row."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augfactory.pipeline import draw as drawing
from augfactory.pipeline import plan as planning
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.recipes.recipe import Recipe, recipe_id, rendering_versions, with_copies
from augfactory.pipeline.recipes.stages import geometry_stage, mix_stage
from augfactory.pipeline.shares import count_decoded
from tests.pipeline.stages import vae_stage

GEOMETRY = geometry_stage("test", {})


def recipe_of(share: float, factor: int = 9, **more: Any) -> Recipe:
    return Recipe(
        factor=factor,
        geometry=GEOMETRY,
        vae=vae_stage("test", "same-class", {}, share),
        **more,
    )


def first_section(recipe: Recipe, labels: list[int]) -> planning.PlanRows:
    origin = planning.Origin(rows_by_class(np.array(labels), 3), (5, 7, 3))
    section = planning.sections(recipe, len(labels))[0]
    return planning.join(list(drawing.draw_rows(recipe, origin, section)))


@given(
    share=st.floats(0, 1),
    factor=st.integers(2, 12),
    originals=st.booleans(),
    labels=st.lists(st.integers(0, 2), min_size=1, max_size=70),
    seed=st.integers(0, 2**40),
)
def test_counts_are_exact_and_every_image_has_its_part(
    share: float, factor: int, originals: bool, labels: list[int], seed: int
) -> None:
    recipe = recipe_of(share, factor, originals=originals, seed=seed)
    plan = first_section(recipe, labels)
    decoded = plan.method == "vae"
    assert decoded.sum() == count_decoded(recipe, len(labels))
    assert abs(decoded.sum() - share * recipe.further * len(labels)) <= 0.5
    assert not decoded[plan.round == 0].any()
    each = np.bincount(plan.source_index[decoded, 0], minlength=len(labels))
    wanted = decoded.sum() / len(labels)
    assert np.abs(each - wanted).max() <= 1
    by_class = np.bincount(np.array(labels)[plan.source_index[decoded, 0]], minlength=3)
    sizes = np.bincount(labels, minlength=3)
    assert np.abs(by_class - wanted * sizes).max() <= 1


def test_no_round_is_all_decoded_or_all_varied() -> None:
    plan = first_section(recipe_of(0.25, 9), [row % 3 for row in range(300)])
    shares = [(plan.method[plan.round == round_] == "vae").mean() for round_ in range(1, 9)]
    assert min(shares) > 0.15
    assert max(shares) < 0.35


def test_two_shares_of_a_quarter_differ_by_the_seed_only() -> None:
    labels = [row % 3 for row in range(40)]
    one, same, other = (first_section(recipe_of(0.25, seed=seed), labels) for seed in (1, 1, 2))
    assert (one.method == same.method).all()
    assert (one.method != other.method).any()


def test_varied_rows_are_those_of_a_set_without_a_model() -> None:
    """The draws of geometry do not depend on which rows are decoded."""
    labels = [row % 3 for row in range(40)]
    mixed, none = first_section(recipe_of(0.3), labels), first_section(recipe_of(0), labels)
    assert set(none.method.tolist()) == {"original", "geometry"}
    for name in none.draws:
        if name.startswith("geometry_"):
            np.testing.assert_array_equal(mixed.draws[name], none.draws[name])
    varied = mixed.method == "geometry"
    assert (mixed.source_index[varied, 1] == planning.NONE).all()
    assert np.isnan(mixed.draws["vae_lambda"][varied]).all()


def test_huge_datasets_do_not_overflow() -> None:
    recipe = recipe_of(0.25, 100_000)
    assert count_decoded(recipe, 10**7) == round(0.25 * 99_999 * 10**7)
    origin = planning.Origin(rows_by_class(np.arange(10**5) % 3, 3), (5, 7, 3))
    section = planning.sections(recipe, 10**5)[0]
    start = section.stop - 64 * 200
    part = planning.Section(0, start, section.stop)
    plan = planning.join(list(drawing.draw_rows(recipe, origin, part)))
    assert abs((plan.method == "vae").mean() - 0.25) < 0.02


@given(
    factor=st.integers(1, 300),
    shares=st.lists(st.floats(0.01, 1), max_size=3),
    originals=st.booleans(),
)
def test_mixtures_by_share_are_among_the_factor(
    factor: int, shares: list[float], originals: bool
) -> None:
    asked = [mix_stage("test", "mixup", 0, "expanded", {}, share) for share in shares]
    mix = with_copies(asked, factor, originals=originals)
    recipe = Recipe(factor=factor, originals=originals, geometry=GEOMETRY, mix=mix)
    assert planning.count_rows(recipe, 7) == 7 * factor
    assert recipe.single >= 1
    further = factor - 1 if originals else factor
    mixed = sum(stage.copies for stage in mix)
    assert mixed == min(int(sum(shares) * further + 1e-9), factor - 1)
    for stage in mix:
        assert stage.share is not None
        assert stage.copies < stage.share * further + 1


def test_half_of_ten_is_four_mixtures_beside_five_images_and_the_original() -> None:
    asked = [mix_stage("test", "mixup", 0, "expanded", {}, 0.5)]
    (stage,) = with_copies(asked, 10, originals=True)
    recipe = Recipe(factor=10, geometry=GEOMETRY, mix=(stage,))
    assert (stage.copies, recipe.single, recipe.further) == (4, 6, 5)


def test_a_recipe_of_before_keeps_its_name() -> None:
    """Keys of their defaults are left out, so that the same request finds its old version."""
    recipe = Recipe(
        factor=3,
        geometry=GEOMETRY,
        vae=vae_stage("test", "same-class", {}),
        mix=(mix_stage("test", "mixup", 2, "expanded", {}),),
    )
    values = recipe.model_dump(mode="json")
    assert not {"distinct"} & set(values)
    assert set(values["vae"]) == {"sampler", "parameters"}
    assert set(values["mix"][0]) == {"method", "copies", "source", "parameters"}
    assert Recipe.model_validate(values) == recipe
    versions = rendering_versions(recipe)
    other = recipe.model_copy(update={"distinct": True})
    assert recipe_id(recipe, versions, "f", None) != recipe_id(other, versions, "f", None)


@given(
    alpha=st.sampled_from([0.05, 0.2, 1.0]), method=st.sampled_from(["mixup", "ricap", "cutmix"])
)
def test_distinct_mixtures_hold_something_of_another_image(alpha: float, method: str) -> None:
    name = "beta" if method == "ricap" else "alpha"
    stage = mix_stage("test", method, 3, "originals", {name: alpha})
    labels = np.arange(50) % 3
    origin = planning.Origin(rows_by_class(labels, 3), (23, 31, 3))

    def largest(distinct: bool) -> Any:
        recipe = Recipe(factor=1, mix=(stage,), distinct=distinct)
        section = planning.sections(recipe, 50)[1]
        return planning.join(list(drawing.draw_rows(recipe, origin, section))).weight.max(axis=1)

    before, after = largest(False), largest(True)
    assert (after <= 1 - drawing.LEAST_SHARE + 1e-6).all()
    kept = before <= 1 - drawing.LEAST_SHARE
    np.testing.assert_array_equal(before[kept], after[kept])


@given(
    labels=st.lists(st.integers(0, 2), min_size=4, max_size=40),
    seed=st.integers(0, 2**40),
    parents=st.integers(2, 4),
    share=st.sampled_from([0.5, None]),
)
def test_a_mixture_among_the_factor_is_labelled_most_as_its_lead(
    labels: list[int], seed: int, parents: int, share: float | None
) -> None:
    copies = 0 if share else 4
    stage = mix_stage("test", "mixup", copies, "expanded", {"parents": parents}, share)
    mix = with_copies([stage], 9, originals=True)
    recipe = Recipe(factor=9, seed=seed, geometry=GEOMETRY, mix=mix)
    origin = planning.Origin(rows_by_class(np.array(labels), 3), (23, 31, 3))
    section = planning.sections(recipe, len(labels))[1]
    plan = planning.join(list(drawing.draw_rows(recipe, origin, section)))
    assert (plan.source_index[:, 0] == np.arange(len(plan)) % len(labels)).all()
    largest = plan.weight.argmax(axis=1) == 0
    assert largest.all() if share else not largest.all()
