"""Recipes are compared key by key, and told stage by stage."""

from augfactory.commands.differences import between, recipe_words
from augfactory.pipeline.recipe import Recipe, default_geometry, mix_stage, vae_stage


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
        vae=vae_stage("test", "same-class", {}),
        mix=(mix_stage("test", "ricap", 7, "expanded", {}),),
        format="png",
    )
    assert recipe_words(recipe.model_dump(mode="json")) == (
        "x10, no originals, geometry digits, vae same-class, ricap 7, seed 3, png"
    )
