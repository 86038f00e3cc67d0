"""The commands as Python functions: examples that run, defaults that are the commands'."""

import doctest
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

import augfactory
from augfactory import api
from augfactory.cli.app import app
from augfactory.errors import InputDataError, RecipeError
from augfactory.store.manifest import read_manifest
from tests.report.undrawn import blank, draw_nothing

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "vae-train": augfactory.train_vae,
    "expand": augfactory.expand,
    "evaluate": augfactory.evaluate,
}
RENAMED = {"arms": "arm", "datasets": "datasets"}


@pytest.mark.parametrize(
    "function",
    [api.train_vae, api.expand, api.evaluate, augfactory.load, augfactory.loader],
    ids=lambda function: function.__name__,
)
def test_the_example_of_a_function_runs(
    function: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    (example,) = finder.find(function, globs={"augfactory": augfactory})
    assert len(example.examples) >= 2
    draw_nothing(monkeypatch, blank(40, 30))
    if function in (augfactory.load, augfactory.loader):
        augfactory.expand("sample", "digits", factor=3, n_train=20, workers=1)
    assert runner.run(example).failed == 0


@pytest.mark.parametrize("command", sorted(FUNCTIONS))
def test_defaults_are_those_of_the_command(command: str) -> None:
    told = {parameter.name: parameter for parameter in COMMANDS[command].params}
    compared = 0
    for name, parameter in inspect.signature(FUNCTIONS[command]).parameters.items():
        option = told.get(RENAMED.get(name, name))
        if option is None or parameter.default in (inspect.Parameter.empty, ()):
            continue
        assert option.default == parameter.default, name
        compared += 1
    assert compared >= 8


def test_everything_public_is_listed_and_documented() -> None:
    assert dir(augfactory) == sorted(augfactory.__all__)
    for name in augfactory.__all__:
        assert getattr(augfactory, name).__doc__, name


def test_a_recipe_may_be_a_mapping_and_arguments_override_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = {
        "factor": 4,
        "seed": 3,
        "mix": [{"method": "mixup", "copies": 1}],
        "geometry": {"rotation": 7.0},
    }
    dataset = augfactory.expand("sample", "d", n_train=10, recipe=recipe, seed=5, workers=1)
    assert (dataset.name, dataset.rows) == ("d-x4", 50)
    kept = read_manifest(dataset.path).recipe
    assert kept["seed"] == 5
    assert kept["geometry"]["parameters"]["rotation"] == 7.0
    with pytest.raises(RecipeError, match=r"the recipe: key 'fator' is unknown|the recipe"):
        augfactory.expand("sample", "d", factor=2, recipe={"fator": 2})
    with pytest.raises(InputDataError):
        augfactory.expand(tmp_path / "nowhere", "d", factor=2)


def test_rejected_rows_are_drawn_anew_and_the_card_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told: dict[str, Any] = {"licence": "CC-BY-4.0", "description": "digits", "author": "Ada"}
    first = augfactory.expand("sample", "d", factor=2, n_train=10, workers=1, **told)
    about = read_manifest(first.path).about
    assert about is not None
    assert about.model_dump() == told
    Path("rows.txt").write_text("12\n")
    second = augfactory.expand("d-x2@v1", reject="rows.txt", workers=1)
    assert (second.version, second.rows) == ("v2", 20)
    assert read_manifest(second.path).about == about
    again = augfactory.expand("sample", "d", factor=2, n_train=10, workers=1, reject="rows.txt")
    assert (again.version, again.existing) == ("v2", True)
    with pytest.raises(RecipeError, match="factor: is beside"):
        augfactory.expand("d-x2@v1", reject="rows.txt", factor=2)
    with pytest.raises(RecipeError, match="out: is missing"):
        augfactory.expand("sample", factor=2)
