"""``augfactory log``."""

from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show


def log(
    dataset: Annotated[
        str, typer.Argument(metavar="NAME[@vN]", help="A dataset; with @vN the versions up to it.")
    ],
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the versions of a dataset, newest first, and what changed in the request for each.

    \b
    Example:
      augfactory log digits-x10
    """
    with session(as_json=json, quiet=quiet, debug=debug):
        from augfactory.commands.versions import log as command

        entries = command.log(dataset)
        if json:
            print_json(command.as_json(entries))
        else:
            show(command.as_text(entries))
