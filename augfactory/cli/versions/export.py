"""``augfactory export``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Lock, Quiet, print_json, session, show
from augfactory.cli.versions.name import Name
from augfactory.names import FORMATS


def export(
    dataset: Name,
    to: Annotated[str, typer.Option(metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="NAME", help="Dataset that it becomes a version of; else its own."),
    ] = None,
    lock: Lock = "flock",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Store a dataset version in another format: the same pixels, labels and content hash.

    The export is a version like any other, and the old one stays. The same export again is answered
    with the version that exists; after an interruption the same command continues where it stopped.

    \b
    Examples:
      augfactory export digits-x10@v1 --to parquet
      augfactory export digits-x10 --to webdataset --out digits-x10-tar
    """
    with session(as_json=json, quiet=quiet, debug=debug, resumes=True) as progress:
        from augfactory.commands.expand.expand import as_json
        from augfactory.commands.versions.export import export as command
        from augfactory.store.disk.lock import read_lock

        made = command(dataset, to, out, progress, lock=read_lock(lock))
        if json:
            print_json(as_json([made]))
        else:
            state = "exists already" if made.existing else f"{made.rows:,} rows"
            show(f"{made.name}@{made.version}  {made.path}  {state}")
