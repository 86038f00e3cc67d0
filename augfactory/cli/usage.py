"""Errors in the command line itself, which are found before a command runs."""

import sys
from typing import Any

import typer

from augfactory.cli.session import print_json_error

# Not `click.UsageError`: newer releases of typer bring a click of their own.
UsageError: Any = typer.BadParameter.__mro__[1]


_MissingParameter: Any = vars(sys.modules[typer.BadParameter.__module__])["MissingParameter"]


def missing_option(context: typer.Context, name: str) -> Exception:
    """Return the error of a command without the option ``name``, which some of its uses need."""
    (option,) = (each for each in context.command.params if each.name == name)
    error: Exception = _MissingParameter(ctx=context, param=option)
    return error


# What pydantic, by which typer reads options, calls a problem: what is said of it, and an example.
NUMBERS = {"int_parsing": ("no whole number", "10"), "float_parsing": ("no number", "0.5")}


def show_usage_error(error: Any) -> int:
    """Tell a ``UsageError`` on stderr and, with --json, on stdout; return the exit code."""
    _say_plainly(error)
    error.show()
    if "--json" in sys.argv[1:]:
        inside = error.ctx is not None and error.ctx.parent is not None
        command = f"augfactory {error.ctx.info_name}" if inside else "augfactory"
        print_json_error(
            _place(error) or command,
            error.format_message(),
            f"Run `{command} --help` to see what it takes.",
            error.exit_code,
        )
    return int(error.exit_code)


def _say_plainly(error: Any) -> None:
    """Say of a word in place of a number what is expected, with an example."""
    found: list[Any] = getattr(error.__cause__, "errors", list)()
    if found and (told := NUMBERS.get(found[0]["type"])) is not None:
        what, example = told
        default = getattr(error.param, "default", None)
        usual = default if type(default) in (int, float) else example
        error.message = f"{found[0]['input']!r} is {what}; write it like {_place(error)} {usual}"


def _place(error: Any) -> str | None:
    """Return the option or argument that is wrong, where it is one."""
    parameter = getattr(error, "param", None)
    if parameter is None:
        return getattr(error, "option_name", None)
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name)
