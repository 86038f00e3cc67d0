"""Help: options in groups, each told once, values named as a reader would."""

import re

import pytest
import typer
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.cli.help import FEW, GROUPS

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def _help(name: str) -> str:
    return CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "80"}).output


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_is_told_once(name: str) -> None:
    told = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", _help(name).partition("Arguments:")[2], re.M)
    told = told or re.findall(r"^  (?:-\w, )?(--[a-z-]+)", _help(name), re.M)
    known = [max(p.opts, key=len) for p in COMMANDS[name].params if p.param_type_name == "option"]
    assert sorted(told) == sorted([*known, "--help"])


@pytest.mark.parametrize("name", COMMANDS)
def test_lines_fit_and_values_have_names(name: str) -> None:
    text = _help(name)
    examples = re.search(r"  Examples:\n((?:    .+\n)+)", text)
    lines = text.replace(examples[1] if examples else "", "").splitlines()
    assert max(map(len, lines)) <= 80
    assert not re.search(r"<(int|float|str|path|list)", text)


def test_only_long_commands_have_groups() -> None:
    for name, command in COMMANDS.items():
        headings = re.findall(r"^(\S.*):$", _help(name), re.M)
        grouped = set(headings) & set(GROUPS)
        assert bool(grouped) == (len(command.params) > FEW), (name, headings)


def test_what_is_required_comes_first() -> None:
    options = _help("evaluate").partition("\nOptions:\n")[2]
    assert options.lstrip().startswith("--test SOURCE")


def test_no_option_is_in_two_groups() -> None:
    named = [name for names in GROUPS.values() for name in names]
    assert len(named) == len(set(named))
    told = _help("vae-train").partition("\nTraining:\n")[2].partition("\n\n")[0]
    assert "--validation" in told


def test_every_name_of_a_group_is_an_option() -> None:
    known = {o.removeprefix("--") for c in COMMANDS.values() for p in c.params for o in p.opts}
    assert {name for names in GROUPS.values() for name in names} <= known | {"help"}
