"""``augfactory diff``."""

from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show

HELP = "A dataset: its newest version, or @vN."


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=HELP)],
    b: Annotated[str, typer.Argument(metavar="B", help=HELP)],
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Say how dataset version B differs from A: rows, recipe, source, model, libraries.

    A row is the same where pixels and label are equal, wherever it stands. It is changed where the
    same method made another image or label from the same source images in the same round; any
    other row was removed or added. Equal content hashes settle it without reading rows.

    The exit code is 0 whether they differ or not; --json answers with "equal_content".

    \b
    Examples:
      augfactory diff digits-x10@v1 digits-x10@v2
      augfactory diff digits-x10 digits-x50 --json
    """
    with session(as_json=json, quiet=quiet, debug=debug) as progress:
        from augfactory.commands.versions import diff as command

        found = command.diff(a, b, progress)
        if json:
            print_json(command.as_json(found))
        else:
            show(command.as_text(found))
