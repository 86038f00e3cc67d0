"""Errors in the command line itself, which are found before a command runs."""

import sys
from typing import Any

import typer

from augfactory.cli.session import print_json_error

# Not `click.UsageError`: newer releases of typer bring a click of their own.
UsageError: Any = typer.BadParameter.__mro__[1]


def show_usage_error(error: Any) -> int:
    """Tell a ``UsageError`` on stderr and, with --json, on stdout; return the exit code."""
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


def _place(error: Any) -> str | None:
    """Return the option or argument that is wrong, where it is one."""
    parameter = getattr(error, "param", None)
    if parameter is None:
        return getattr(error, "option_name", None)
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name)
