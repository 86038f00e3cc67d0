"""Further images varied once more, by the stages of ``[[vary]]``."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from augfactory import names
from augfactory.errors import RecipeError
from augfactory.methods.registry import METHODS
from augfactory.pipeline import draw as drawing
from augfactory.pipeline import plan as planning
from augfactory.pipeline import render
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.recipes import composition
from augfactory.pipeline.recipes.content import looks_of
from augfactory.pipeline.recipes.recipe import Recipe, recipe_id, rendering_versions
from augfactory.pipeline.recipes.stages import Origin, geometry_stage, mix_stage
from augfactory.pipeline.recipes.vary import VARYING, VaryStage, vary_stage
from augfactory.pipeline.render import render_block
from augfactory.records import Source, UInt8Array, one_hot

SHAPE = (14, 18, 3)
LABELS = np.arange(12) % 3
IMAGES = np.random.default_rng(0).integers(0, 256, (12, *SHAPE)).astype(np.uint8)
GEOMETRY = geometry_stage("test", {"preset": "photo"})
FACTOR = 5


def source_of(images: UInt8Array) -> Source:
    labels = np.arange(len(images)) % 3
    return Source(
        name="memory",
        split=None,
        class_names=("a", "b", "c"),
        image_shape=images.shape[1:],
        labels=labels,
        read_images=lambda rows: images[rows],
        read_soft_labels=lambda rows: one_hot(labels[rows], 3),
        row_name=str,
    )


def made(
    vary: Sequence[VaryStage], section: int = 0, **more: Any
) -> tuple[planning.PlanRows, UInt8Array]:
    """Draw and render a section of a recipe; mixtures are made of the first section's rows."""
    recipe = Recipe(factor=FACTOR, geometry=GEOMETRY, vary=tuple(vary), **more)
    origin = planning.Origin(rows_by_class(LABELS, 3), SHAPE)
    source = source_of(IMAGES)

    def rendered(number: int) -> tuple[planning.PlanRows, UInt8Array]:
        (plan,) = drawing.draw_rows(recipe, origin, planning.sections(recipe, 12)[number])
        earlier = (lambda rows: first[rows]) if number else source.read_images
        return plan, render_block(recipe, plan, source, None, earlier)[0]

    plan, first = rendered(0)
    return rendered(section) if section else (plan, first)


def test_each_further_image_is_that_of_geometry_changed_by_what_was_drawn_for_it() -> None:
    stages = [vary_stage("test", "jitter", {}), vary_stage("test", "erasing", {"smallest": 0.2})]
    _, expected = made([])
    plan, found = made(stages)
    for number, stage in enumerate(stages, 1):
        method = METHODS[stage.method]
        parameters = method.parameters.model_validate(stage.parameters)
        drawn = np.stack(
            [plan.draws[f"vary{number}_{field}"] for field in method.fields(parameters)], axis=1
        )
        assert np.isnan(drawn[:12]).all(), "originals stay what they are"
        expected[12:] = method.apply(parameters, expected[12:, None], drawn[12:])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found[:12], IMAGES)
    assert (plan.method[12:] == "geometry").all()


def test_a_share_says_how_probable_it_is_that_an_image_is_changed() -> None:
    (_, plain), (plan, found) = made([]), made([vary_stage("test", "jitter", {"share": 0.5})])
    changed = (plain != found).any(axis=(1, 2, 3))
    drawn = ~np.isnan(plan.draws["vary1_brightness"])
    np.testing.assert_array_equal(changed, drawn)
    assert 12 <= changed[12:].sum() <= 36  # of 48; 24 expected, 3.5 the standard deviation
    assert not changed[:12].any()


def test_mixtures_are_made_of_images_so_varied_and_not_varied_themselves() -> None:
    mix = (mix_stage("test", "cutmix", 1, "expanded", {}),)
    plan, found = made([vary_stage("test", "erasing", {})], section=1, mix=mix)
    assert not any(name.startswith("vary") for name in plan.draws)
    _, first = made([vary_stage("test", "erasing", {})], mix=mix)
    for image, (one, other) in zip(found, plan.parent_row[:, :2], strict=True):
        ours = (image == first[one]) | (image == first[other])
        assert ours.all()


@pytest.mark.parametrize("method", ["mixup", "cutmix", "ricap", "grid", "augmix"])
@pytest.mark.parametrize("mixed_from", ["originals", "expanded"])
def test_a_mixture_is_the_same_however_many_are_mixed_together(
    monkeypatch: pytest.MonkeyPatch, method: str, mixed_from: Origin
) -> None:
    mix = (mix_stage("test", method, 1, mixed_from, {}),)
    together = []
    apply = METHODS[method].apply

    def counted(parameters: Any, images: UInt8Array, draws: Any) -> UInt8Array:
        together.append(len(images))
        return apply(parameters, images, draws)

    _, whole = made([], section=1, mix=mix)
    monkeypatch.setitem(METHODS, method, replace(METHODS[method], apply=counted))
    monkeypatch.setattr(render, "MIXED_BYTES", 5 * 14 * 18 * 3 + 1)
    _, parts = made([], section=1, mix=mix)
    np.testing.assert_array_equal(parts, whole)
    assert together == [5, 5, 2]


def test_another_share_is_another_request_and_none_at_all_is_that_of_older_versions() -> None:
    def named(*vary: VaryStage) -> str:
        recipe = Recipe(factor=FACTOR, geometry=GEOMETRY, vary=vary)
        return recipe_id(recipe, rendering_versions(recipe), "source", None)

    stroke = vary_stage("test", "stroke", {})
    assert "vary" not in Recipe(factor=FACTOR, geometry=GEOMETRY).model_dump(mode="json")
    assert len({named(), named(stroke), named(vary_stage("test", "stroke", {"share": 0.5}))}) == 3
    assert "stroke" in rendering_versions(Recipe(factor=2, vary=(stroke,)))


def test_help_names_the_methods_that_change_one_image() -> None:
    assert sorted(names.VARYING) == sorted(VARYING)
    assert not {"mixup", "cutmix", "ricap", "grid", "augmix", "geometry"} & set(VARYING)


@pytest.mark.parametrize(
    ("stage", "what"),
    [
        ({"method": "mixup"}, "no method 'mixup'"),
        ({"method": "strok"}, "no method 'strok'"),
        ({"method": "stroke", "share": 0}, "greater than 0"),
        ({"method": "stroke", "thiker": 1}, "thiker"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(stage: dict[str, Any], what: str) -> None:
    name = stage.pop("method")
    with pytest.raises(RecipeError) as caught:
        vary_stage("[[vary]]", name, stage)
    assert what in str(caught.value)


def drawings(ground: int, ink: int, noise: int = 0) -> UInt8Array:
    """Strokes of one ink: uint8 [12, 20, 30, 1]."""
    random = np.random.default_rng(1)
    images = np.full((12, 20, 30, 1), ground, dtype=np.int64)
    for image in images:
        top, left = random.integers(3, 12, 2)
        image[top : top + 3, 3:27] = ink
        image[3:17, left : left + 3] = ink
    images += random.integers(-noise, noise + 1, images.shape)
    return images.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("images", "drawn"),
    [
        (drawings(0, 255), True),
        (drawings(230, 20, noise=15), True),
        (drawings(100, 140), False),
        (drawings(128, 255, noise=90), False),
        (np.random.default_rng(2).integers(0, 256, (12, 20, 30, 1)).astype(np.uint8), False),
        (np.full((12, 20, 30, 1), 7, dtype=np.uint8), False),
        (np.repeat(drawings(0, 255), 3, axis=3), False),
    ],
    ids=["white on black", "ink on paper", "faint", "noisy", "noise", "nothing", "in colour"],
)
def test_drawings_are_told_from_other_images(images: UInt8Array, drawn: bool) -> None:
    assert (looks_of(source_of(images)) == "drawn") == drawn


@pytest.mark.parametrize("shape", [(3, 5), (28, 42), (90, 64), (600, 700), (5000, 4000)])
def test_drawings_of_any_size_have_a_variation_that_its_methods_take(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "looks_of", lambda _: "drawn")
    source = source_of(np.zeros((1, *shape, 1), dtype=np.uint8))
    variation = composition.default_variation("digits", source)
    geometry_stage("the default", {"preset": "digits", **variation.geometry})
    (stroke,) = variation.vary
    assert stroke.parameters["thicker"] == pytest.approx(2 * stroke.parameters["thinner"], abs=0.02)
    if shape == (28, 42):
        assert variation.geometry == {"elastic_alpha": 30, "elastic_sigma": 4}
    if shape == (90, 64):  # in proportion to the shorter side: 64 / 28
        assert stroke.parameters["thicker"] == 2.29


@pytest.mark.parametrize(
    ("preset", "count", "varied"),
    [("clothes", 300, True), ("clothes", 301, False), ("photo", 301, True), ("texture", 9, False)],
)
def test_randaugment_is_for_photographs_and_for_few_clothes(
    preset: str, count: int, varied: bool
) -> None:
    source = source_of(np.zeros((count, 3, 5, 1), dtype=np.uint8))
    assert len(source.class_names) == 3
    variation = composition.default_variation(preset, source)
    assert [stage.method for stage in variation.vary] == ["randaugment"] * varied
