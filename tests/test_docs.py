"""The documents say what the program does."""

import dataclasses
import inspect
import json
import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

import augfactory
import augfactory.names
from augfactory import __version__
from augfactory.cli.app import app
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.methods import names
from augfactory.commands.study.arm import OWN_KEYS
from augfactory.commands.study.file import study_of
from augfactory.commands.study.keys import Study
from augfactory.commands.vae.train import VaeTrainRequest
from augfactory.keyed_random import generator
from augfactory.methods.geometry import PRESETS
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipes.recipe_file import AskedRecipe, read_recipe
from augfactory.pipeline.recipes.stages import MixStage, VaeStage
from tests.tools.loaded import load_tool

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCES = ("recipe.md", "study.md")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["methods.md", "cli.md", "recipe.md", "study.md", "python.md"])
def test_a_generated_page_is_what_the_program_says(name: str) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert page == load_tool("write_docs").pages()[name], f"docs/{name} is stale: run `make docs`"


def examples_of(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```toml\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", examples_of("recipe.md"))
def test_an_example_of_a_recipe_is_one(example: str) -> None:
    assert read_recipe(example, "docs/recipe.md").model_fields_set


def test_the_recipes_of_the_defaults_are_what_is_made_without_a_recipe(tmp_path: Path) -> None:
    page = (ROOT / "docs/recipe.md").read_text(encoding="utf-8")
    told = page.partition("## The defaults as recipes")[2].partition("\n## ")[0]
    written = re.findall(r"^```toml\n(.*?)^```$", told, flags=re.MULTILINE | re.DOTALL)
    recipes = {tomllib.loads(each)["geometry"]["preset"]: each for each in written}
    noise = generator("photographs").integers(0, 256, (12, 24, 20, 3), dtype=np.uint8)
    np.savez(tmp_path / "photo.npz", image=noise, label=np.arange(12) % 2)
    sources = {"photo": str(tmp_path / "photo.npz"), "digits": "sample"}
    for preset, source in sources.items():
        (tmp_path / "r.toml").write_text(recipes.pop(preset))
        made = []
        for way in (["--preset", preset, "--factor", "50"], ["--recipe", str(tmp_path / "r.toml")]):
            out = str(tmp_path / preset / way[0].strip("-"))
            asked = ["expand", source, *way, "--out", out, "--n-train", "10", "--json"]
            answer = CliRunner().invoke(app, [*asked, "--workers", "1"])
            assert answer.exit_code == 0, answer.output
            made.append(json.loads(answer.stdout)["datasets"][0]["content_hash"])
        assert made[0] == made[1]
    assert not recipes


@pytest.mark.parametrize("example", examples_of("study.md"))
def test_an_example_of_a_study_is_one(example: str) -> None:
    assert len(study_of(tomllib.loads(example), "docs/study.md", "default").arms) >= 2


def test_the_pages_have_every_key() -> None:
    recipe, study = ((ROOT / "docs" / name).read_text("utf-8") for name in REFERENCES)
    models: list[type[BaseModel]] = [
        AskedRecipe,
        *(method.parameters for method in METHODS.values()),
    ]
    keys = [key for model in models for key in model.model_fields]
    keys += [key for stage in (VaeStage, MixStage) for key in stage.written]
    assert not [key for key in keys if f"\n| `{key}` |" not in recipe]
    assert not [key for key in (*Study.model_fields, *OWN_KEYS) if f"\n| `{key}` |" not in study]
    assert "|  |\n" not in recipe + study, "a key has no description"


def test_the_cli_page_has_every_option_and_example() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        _, _, section = page.partition(f"## augfactory {name}\n")
        section = section.partition("\n## ")[0]
        assert f"\naugfactory {name}" in section
        for parameter in command.params:
            for option in parameter.opts:
                assert option in section or option == parameter.name, (name, option)


def test_help_names_every_preset() -> None:
    assert tuple(PRESETS) == augfactory.names.PRESETS


def test_the_python_page_has_every_function_and_argument() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for name in set(augfactory.__all__) - {"AugfactoryError", "__version__"}:
        _, _, section = page.partition(f"## augfactory.{name}\n")
        section = section.partition("\n## ")[0]
        for argument in inspect.signature(getattr(augfactory, name)).parameters:
            assert f"\n| `{argument}` |" in section, (name, argument)


def test_the_site_leads_to_every_page() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    for page in PAGES[1:]:
        assert f": docs/{page.name}\n" in nav, page.name


def test_the_readme_can_be_read_in_a_few_minutes() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("name", names())
def test_every_method_prints_its_card(name: str) -> None:
    printed = CliRunner().invoke(app, ["methods", name])
    assert printed.exit_code == 0
    assert "Parameters" in printed.stdout


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(command: str) -> None:
    printed = CliRunner().invoke(app, [command, "--help"])
    assert printed.exit_code == 0
    assert f"  augfactory {command}" in printed.stdout, "an example is missing"
    assert "--json" in printed.stdout


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"augfactory {command}" in README


@pytest.mark.parametrize(
    ("command", "request_type"), [("vae-train", VaeTrainRequest), ("evaluate", EvaluateRequest)]
)
def test_defaults_of_the_command_line_are_those_of_the_request(
    command: str, request_type: type
) -> None:
    options = {parameter.name: parameter.default for parameter in COMMANDS[command].params}
    compared = 0
    for field in dataclasses.fields(request_type):
        default = options.get(field.name)
        if field.default is not dataclasses.MISSING and default is not None:
            assert (tuple(default) if field.name == "save_at_loss" else default) == field.default
            compared += 1
    assert compared >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_exist_with_these_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = "\n".join(re.findall(r"^```\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL))
    shown = shown.replace("\\\n", " ")  # as a shell joins them
    lines = re.findall(r"^augfactory (.+?)(?:\s+#.*)?$", shown, flags=re.MULTILINE)
    lines += re.findall(r"`augfactory ([a-z]+ [^`]*--[^`]*)`", text)
    assert len(lines) > 5 or page.name != "README.md"
    for line in lines:
        command, *arguments = shlex.split(line)
        known = {option for parameter in COMMANDS[command].params for option in parameter.opts}
        known |= {o for parameter in COMMANDS[command].params for o in parameter.secondary_opts}
        used = {argument for argument in arguments if argument.startswith("--")}
        assert used <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_and_pages_that_a_page_names_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_leads_to_every_page() -> None:
    for page in PAGES:
        if page.parent.name == "docs":
            assert f"docs/{page.name}" in README, page.name


def test_architecture_names_every_room() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for path in (ROOT / "augfactory").iterdir():
        if path.name.startswith("__"):
            continue
        assert (f"  {path.name}/" if path.is_dir() else path.name) in page, path.name


def test_changelog_knows_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_tables_of_the_studies_page_are_those_that_were_measured() -> None:
    page = (ROOT / "studies" / "README.md").read_text(encoding="utf-8").splitlines()
    results = sorted((ROOT / "studies" / "results").glob("*/tables.md"))
    measured = {line for path in results for line in path.read_text("utf-8").splitlines()}
    shown = [line for line in page if line.startswith("|")]
    assert len(results) == 5
    assert set(shown) <= measured
    assert {line for line in measured if line.startswith("| ")} <= set(shown)
