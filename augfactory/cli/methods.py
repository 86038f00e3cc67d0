"""``augfactory methods``."""

from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show


def methods(
    name: Annotated[
        str | None, typer.Argument(help="Name of a method; without one, all are listed.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the augmentation methods, or print the card of one.

    \b
    Examples:
      augfactory methods
      augfactory methods mixup
    """
    with session(as_json=json, quiet=quiet, debug=debug):
        from augfactory.commands import methods as command

        if name is None:
            summaries = {each: command.summary(each) for each in command.names()}
            if json:
                print_json({"methods": summaries})
            else:
                show("\n".join(f"{each:12s} {text}" for each, text in summaries.items()))
        elif json:
            print_json({"name": name, "card": command.card(name)})
        else:
            show(command.card(name))
