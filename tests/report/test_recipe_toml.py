"""The recipe in a report is the recipe file that asks for the same."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.commands.study.file import study_of
from augfactory.guarded.validation import checked
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.recipe_file import read_recipe
from augfactory.pipeline.recipes.stages import VaeStage, geometry_stage
from augfactory.report.recipe_toml import recipe_toml, study_toml
from tests.report.documents import recipe, study


@pytest.mark.parametrize(
    "whole",
    [recipe(10), recipe(3).model_copy(update={"geometry": None}), Recipe(factor=2, seed=5)],
)
def test_a_recipe_file_of_it_asks_for_the_same(whole: Recipe) -> None:
    asked = read_recipe(recipe_toml(whole.model_dump(mode="json")), "here")
    geometry = asked.geometry
    assert (asked.factor, asked.originals, asked.seed, asked.format) == (
        whole.factor, whole.originals, whole.seed, whole.format,
    )  # fmt: skip
    if whole.geometry is None:
        assert geometry is False
    else:
        assert isinstance(geometry, dict)
        assert geometry_stage("here", geometry) == whole.geometry
    if whole.vae is not None:
        assert checked(VaeStage, asked.vae or {}, "here") == whole.vae
    assert asked.mix == whole.mix


def test_a_study_file_of_it_asks_for_the_same() -> None:
    plain = study((20, 60), 4, 2, 3, corruptions=True)
    arms = [
        {"name": "originals"},
        {"name": "vae", "vae": True, "factor": 3, "originals": False, "geometry": False},
        {"name": "at loss", "vae": 31.5, "factor": 2, "geometry": {"preset": "digits"}},
        {
            "name": "near",
            "vae": {"at_loss": 28.0, "sampler": "same-class", "reach": 0.5},
            "factor": 2,
            "part": "synthetic",
            "real_share": 0.5,
            "mix": [{"method": "ricap", "copies": 2, "beta": 0.3}],
        },
        {
            "name": "online",
            "online": [{"method": "geometry"}, {"method": "ricap", "beta": 0.3}],
            "classifier": "vgg",
        },
        {"name": "frozen", "classifier": "resnet18", "weights": "w.pth", "freeze": True},
        {"name": "braces {{x}} }}{{", "factor": 2},
        {"name": "sampled", "vae": {"sampler": "same-class"}, "factor": 2, "order": "rounds"},
    ]
    base = {"title": 'a "title"', "source": "s", "test": "t", "n_train": [5], "vae": {"latent": 4}}
    for whole in (plain, study_of({**base, "arms": arms}, "here", "default")):
        text = study_toml(whole.model_dump(mode="json"))
        assert study_of(tomllib.loads(text), "here", "default") == whole


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.integers(-(2**63), 2**63 - 1)
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"]))
        | st.lists(st.floats(allow_nan=False, allow_infinity=False)),
        max_size=4,
    )
)
def test_any_values_are_toml(values: dict[str, object]) -> None:
    stage = {"sampler": "own", "parameters": {f"own {key}": own for key, own in values.items()}}
    found = tomllib.loads(recipe_toml({"factor": 2, "vae": stage, "mix": []}))
    vae = {"share": 1.0, "sampler": "own", **stage["parameters"]}  # type: ignore[dict-item]
    assert found == {"factor": 2, "vae": vae}
