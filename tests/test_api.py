"""The commands as Python functions: examples that run, defaults that are the commands'."""

import contextlib
import doctest
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import augfactory
from augfactory import api
from augfactory.api import evaluation
from augfactory.cli.app import app
from augfactory.cli.options.engine import Chosen
from augfactory.commands.evaluate import evaluate as evaluating
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.engines.processes import worker_pool
from augfactory.errors import InputDataError, RecipeError
from augfactory.records import SourceSpec
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


def test_a_vae_is_trained_as_the_article_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = augfactory.train_vae(
        "sample", "m", n_train=20, steps=3, geometry=False, verdict=False, save_at_loss=[1e6],
        architecture="keras-mnist", optimiser="rmsprop", schedule="constant", warmup=0,
        clip=False, noise="batch", learning_rate=1e-3,
    )  # fmt: skip
    told = model.config.training
    assert (model.config.architecture, told.optimiser, told.schedule) == (
        "keras-mnist", "rmsprop", "constant",
    )  # fmt: skip
    assert (told.warmup, told.clip, told.noise) == (0, False, "batch")
    assert len(model.checkpoints) == 1
    with pytest.raises(RecipeError, match="there is no optimiser 'sgd'"):
        augfactory.train_vae("sample", "other", optimiser="sgd")  # type: ignore[arg-type]


def test_an_evaluation_is_of_groups_and_done_by_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(evaluating, "evaluate", lambda request, _: asked.append(request))
    augfactory.evaluate("d", "sample:test", group="patient", workers=1)
    assert (asked[0].group, asked[0].runs_on) == ("patient", worker_pool)
    first = asked.pop()
    assert first == EvaluateRequest(
        ("d",), SourceSpec("sample:test"), group="patient", workers=1
    )  # the command's defaults
    own: dict[str, Any] = {
        "loss": "jsd", "order": "rounds", "optimiser": "rmsprop", "learning_rate": 0.1,
        "weight_decay": 0.2, "label_smoothing": 0.3, "weights": Path("w"), "save_weights": True,
    }  # fmt: skip
    augfactory.evaluate("d", "sample:test", freeze=3, **own)
    assert {name: getattr(asked[0], name) for name in own} == own
    assert asked[0].freeze == "3"

    @contextlib.contextmanager
    def chosen(*named: Any) -> Iterator[Chosen]:
        yield Chosen(named, 5)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluation, "chosen_engine", chosen)
    augfactory.evaluate("d", "sample:test", engine="ray", address="head:6379")
    assert (asked[1].runs_on, asked[1].workers) == (("ray", "head:6379", None), 5)
    monkeypatch.undo()
    with pytest.raises(RecipeError, match="--address"):
        augfactory.evaluate("d", "sample:test", address="head:6379")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"size": "4xx8"}, "is not a size"),
        ({"size": (48, 64, 3)}, "is not a size"),
        ({"size": True}, "is not a size"),
        ({"size": (0, 3)}, "is not a size"),
        ({"size": 2.5}, "is not a size"),
        ({"colour": "color"}, "there is no colour 'color'"),
        ({"recipe": {"vary": "none"}}, r"Head each by \[\[vary\]\]"),
        ({"recipe": {"mix": "mixup"}}, r"Head each by \[\[mix\]\]"),
    ],
)
def test_a_wrong_argument_is_told_as_such(wrong: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(augfactory.AugfactoryError, match=told):
        augfactory.expand("sample", tmp_path / "a", factor=2, n_train=10, workers=1, **wrong)
    with pytest.raises(augfactory.AugfactoryError, match=told):
        augfactory.online("sample", 2, n_train=10, **wrong)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"mix": {"mixupp": 2}}, "there is no method 'mixupp'"),
        ({"mix": {"crop": -1}}, "says no number"),
        ({"mix": {"mixup": 1}, "mixup": 5}, "mixup is given twice"),
    ],
)
def test_wrong_mixing_is_told_and_never_left_out(
    wrong: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(augfactory.AugfactoryError, match=told):
        augfactory.expand("sample", tmp_path / "a", factor=2, n_train=10, workers=1, **wrong)


def test_further_sources_are_read_as_the_first_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `read` says holds for unlabelled and held-out images too, but for tables' columns."""
    read = {"skip_broken": True, "follow_links": True, "labels": "t.csv", "label_column": "kind"}
    asked: dict[str, Any] = {}

    def noting(request: Any, _: Any) -> Any:
        asked[type(request).__name__] = request
        raise RecipeError("here", "it is enough", "Stop.")

    monkeypatch.setattr("augfactory.api.datasets.expanding.expand", noting)
    monkeypatch.setattr("augfactory.api.evaluation.evaluating.evaluate", noting)
    monkeypatch.setattr("augfactory.api.models.vae_training.vae_train", noting)
    more: dict[str, Any] = {"unlabelled": tmp_path / "more", "read": read}
    with pytest.raises(RecipeError, match="it is enough"):
        augfactory.expand("images", tmp_path / "a", factor=2, pseudo_label=True, **more)
    with pytest.raises(RecipeError, match="it is enough"):
        augfactory.train_vae("images", tmp_path / "m", **more)
    with pytest.raises(RecipeError, match="it is enough"):
        augfactory.evaluate("d", "images:test", held_out="held", size=9, read=read)
    held = asked["EvaluateRequest"].held_out
    for spec in (asked["ExpandRequest"].unlabelled, asked["VaeTrainRequest"].unlabelled, held):
        assert (spec.skip_broken, spec.options.follow_links) == (True, True)
        assert spec.options.label_column is None
    assert (held.text, held.size) == ("held", (9, 9))


def test_sizes_and_ways_of_varying_are_taken_as_the_command_line_writes_them(
    tmp_path: Path,
) -> None:
    made = augfactory.expand(
        "sample", tmp_path / "a", factor=2, n_train=10, workers=1, size="20x24", vary="none"
    )
    assert augfactory.load(str(made.path))[0][0].shape == (1, 20, 24)
    assert augfactory.online("sample", 2, n_train=10, size=20)[0][0].shape == (1, 20, 20)
    with pytest.raises(augfactory.AugfactoryError, match="epochs: 0 is less than 1"):
        augfactory.online("sample", 0)
