"""Recipes are compared key by key, and told stage by stage."""

from pathlib import Path
from typing import Any

from augfactory.commands.versions.differences import between, in_words, recipe_words
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import default_geometry, mix_stage
from augfactory.pipeline.recipes.vary import vary_stage
from augfactory.source_rows import SourceRows
from augfactory.store.manifest import Manifest, read_manifest
from tests.commands.versions import write_source, write_version
from tests.evaluation.memory import patterns
from tests.pipeline.stages import vae_stage


def test_keys_are_dotted_and_stages_counted_from_one() -> None:
    mixup = mix_stage("test", "mixup", 5, "expanded", {})
    a = Recipe(factor=10, mix=(mixup,)).model_dump(mode="json")
    b = Recipe(
        factor=10,
        mix=(mix_stage("test", "mixup", 5, "originals", {"parents": 3}),),
        vae=vae_stage("test", "posterior", {}),
    ).model_dump(mode="json")
    found = {difference.key: difference.as_json() for difference in between(a, b)}
    assert found["mix.1.source"] == {"key": "mix.1.source", "a": "expanded", "b": "originals"}
    assert found["mix.1.parameters.parents"] == {"key": "mix.1.parameters.parents", "a": 2, "b": 3}
    assert found["vae.sampler"] == {"key": "vae.sampler", "b": "posterior"}
    assert set(found) - {"vae.sampler", "vae.parameters.temperature"} == {
        "mix.1.source",
        "mix.1.parameters.parents",
    }


def test_a_recipe_in_a_few_words() -> None:
    recipe = Recipe(
        factor=10,
        originals=False,
        seed=3,
        geometry=default_geometry((9, 7, 1)),
        vary=(vary_stage("test", "stroke", {}),),
        vae=vae_stage("test", "same-class", {}),
        mix=(mix_stage("test", "ricap", 7, "expanded", {}),),
        format="png",
    )
    assert recipe_words(recipe.model_dump(mode="json")) == (
        "x10, no originals, geometry digits, vae same-class, stroke, ricap 7, seed 3, png"
    )


def manifest(place: Path, recipe: Recipe, **changes: Any) -> Manifest:
    if not (place / "d").exists():
        source = write_source(place / "train.h5", *patterns("train", 40))
        write_version(place / "d/v1", source, list(range(20)), 2)
    plain = read_manifest(place / "d/v1")
    return plain.model_copy(update={"recipe": recipe.model_dump(mode="json"), **changes})


def test_what_changed_is_told_in_few_words(tmp_path: Path) -> None:
    mixup = mix_stage("test", "mixup", 5, "expanded", {})
    more = mix_stage("test", "mixup", 6, "expanded", {})
    ricap = mix_stage("test", "ricap", 7, "expanded", {})
    model = {"sha256": "a" * 64, "folder": "model"}
    a = manifest(tmp_path, Recipe(factor=2, mix=(mixup, ricap)), versions={"rendering": 1, "r": 1})
    b = manifest(
        tmp_path,
        Recipe(factor=2, vae=vae_stage("test", "posterior", {}), mix=(more,)),
        versions={"rendering": 2},
        model=model,
    )
    assert in_words(a, b) == [
        "mix.1.copies 5 → 6",
        "− ricap 7",
        "+ vae posterior",
        "version of rendering 1 → 2",
        "model none → aaaaaaaaaaaa",
    ]
    moved = manifest(tmp_path, Recipe(factor=2), model={**model, "folder": "elsewhere"})
    still = manifest(tmp_path, Recipe(factor=2), model=model)
    assert in_words(still, moved) == []


def test_stages_and_rules_of_classes_are_told_as_one_change_each(tmp_path: Path) -> None:
    stroke, erasing = (vary_stage("test", name, {}) for name in ("stroke", "erasing"))
    half = mix_stage("test", "mixup", 0, "expanded", {}, 0.5)
    a = manifest(tmp_path, Recipe(factor=2, vary=(stroke,)))
    images = {"a": 12, "b": 8}
    even = Recipe(factor=2, vary=(stroke, erasing), mix=(half,), balance=True, class_images=images)
    b = manifest(tmp_path, even)
    assert recipe_words(b.recipe) == "x2, balanced, stroke, erasing, mixup 50 %, seed 0"
    assert {*in_words(a, b)} == {"balance none → yes", "+ erasing", "+ mixup 50 %"}
    assert {*in_words(b, a)} == {"balance yes → none", "− erasing", "− mixup 50 %"}


def test_what_changed_in_the_source_is_told(tmp_path: Path) -> None:
    a = manifest(tmp_path, Recipe(factor=2))

    def other(**changes: Any) -> Manifest:
        source = SourceRows(**{**a.source.model_dump(), **changes})
        return a.model_copy(update={"source": source})

    text = a.source.text
    assert in_words(a, other(text="b.h5")) == [f"source text {text} → b.h5"]
    assert in_words(a, other(fingerprint="f" * 64)) == ["source images or labels changed"]
    assert in_words(a, other(roots=[[0]] * 20)) == []  # which follows from the source's rows
    rows = list(range(5, 40))
    assert in_words(a, other(rows=rows, fingerprint="f" * 64)) == ["source rows +20 −5"]
