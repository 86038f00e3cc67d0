"""``augfactory info``, ``verify`` and ``preview``: three views of a dataset version."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session

Name = Annotated[
    str, typer.Argument(metavar="NAME[@vN]", help="A dataset, its newest version unless @vN.")
]


def info(dataset: Name, json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """Show what a dataset version is: rows per method and class, source, model, hashes.

    \b
    Example:
      augfactory info digits-x10@v1
    """
    with session(as_json=json, quiet=quiet, debug=debug):
        from augfactory.commands import info as command

        folder, manifest = command.info(dataset)
        if json:
            print_json(command.as_json(folder, manifest))
        else:
            print(command.as_text(folder, manifest))


def verify(dataset: Name, json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """Check every file, hash and label of a dataset version; exit code 4 if one is wrong.

    \b
    Example:
      augfactory verify digits-x10
    """
    with session(as_json=json, quiet=quiet, debug=debug) as progress:
        from augfactory.commands.verify import verify as command

        found = command(dataset, progress)
        if json:
            print_json({"verified": True, **vars(found)})
        else:
            print(
                f"{found.name}@{found.version} is as published: "
                f"{found.files:,} files, {found.rows:,} rows"
            )


def preview(
    dataset: Name,
    out: Annotated[Path | None, typer.Option(help="Where to write the PNG.")] = None,
    sources: Annotated[int, typer.Option(min=1, max=200, help="Lines of the sheet.")] = 10,
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
        from augfactory.commands.preview import preview as command

        path = out or Path(f"{Path(dataset).name.replace('@', '-')}-preview.png")
        lines = command(dataset, path, sources)
        if json:
            print_json({"path": str(path), "lines": lines})
        else:
            print(path)
