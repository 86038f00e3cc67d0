"""``augfactory preview``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show
from augfactory.cli.versions.name import Name


def preview(
    dataset: Name,
    out: Annotated[Path | None, typer.Option(help="PNG file to write.")] = None,
    sources: Annotated[int, typer.Option(min=1, max=200, help="Rows of the contact sheet.")] = 10,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a contact sheet: originals on the left, what was made from them on the right.

    \b
    Example:
      augfactory preview digits-x10 --sources 20 --out sheet.png
    """
    with session(as_json=json, quiet=quiet, debug=debug):
        from augfactory.commands.opening.sheet import preview as command

        path = out or Path(f"{Path(dataset).name.replace('@', '-')}-preview.png")
        lines = command(dataset, path, sources)
        if json:
            print_json({"path": str(path), "lines": lines})
        else:
            show(path)
