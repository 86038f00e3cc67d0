"""``augfactory expand --reject``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.errors import RecipeError

Reject = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Draw the rows anew that FILE lists, as the page of `preview --html` saves it; all "
        "others stay. Name the version in place of SOURCE, or repeat the options that made it.",
    ),
]
OF_VERSIONS = {
    *("source", "reject", "model", "workers", "engine", "dry_run"),
    *("lock", "json", "quiet", "debug"),
}


def check_of_version(context: typer.Context) -> None:
    """Refuse options beside a version, which says itself how it was made.

    Raises:
        RecipeError: naming one.
    """
    for option in context.command.params:
        name = option.name or ""
        given = context.get_parameter_source(name)
        if given is not None and given.name == "COMMANDLINE" and name not in OF_VERSIONS:
            raise RecipeError(
                option.opts[0],
                "is beside --reject and a version, which says itself how it was made",
                "Leave it out; or give --out and all options that made the version.",
            )
