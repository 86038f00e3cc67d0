"""``augfactory inspect``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.options.source import (
    SOURCE_HELP,
    Download,
    FileColumn,
    FollowLinks,
    Grey,
    LabelColumn,
    Labels,
    Rgb,
    Root,
    Size,
    read_of,
    source_spec,
)
from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show


def inspect(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw it too: contact-sheet, classes and sizes as PNG."),
    ] = None,
    size: Size = None,
    grey: Grey = False,
    rgb: Rgb = False,
    labels: Labels = None,
    root: Root = None,
    file_column: FileColumn = None,
    label_column: LabelColumn = None,
    follow_links: FollowLinks = False,
    download: Download = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Look at every image of a source: what is there, and what would hinder or mislead.

    Prints the classes with their counts, sizes and colours, every file that cannot be read and
    every one that is passed over, with the reason, and the exact copies, those in two classes
    apart. Nothing is changed. All commands that read a source look in the same way first and say
    the short of it.

    \b
    Examples:
      augfactory inspect leaves/
      augfactory inspect leaves:test --out leaves-figures
      augfactory inspect leaves/ --json
    """
    with session(as_json=json, quiet=quiet, debug=debug) as progress:
        from augfactory.commands import inspect as command

        spec = source_spec(source, size, grey, rgb, download, **read_of(locals()))
        found = command.inspect(spec, out, progress)
        if json:
            print_json(command.as_json(found))
        else:
            show(command.as_text(found))
