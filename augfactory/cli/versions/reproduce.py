"""``augfactory reproduce``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show
from augfactory.cli.versions.name import Name


def reproduce(
    dataset: Name,
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Where the source is now.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="MODEL_DIR", help="Where the model is now.")
    ] = None,
    with_validation: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Where your own validation images are now."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; by default one per core.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Render a version again from its manifest and compare; exit code 4 if a pixel differs.

    Recipe, seed, source rows and model are those of the manifest. Source and model are looked for
    first where they lie as told from the version's folder, then as they were typed, from the
    working folder; --source and --model name another place. The rows are rendered into the folder
    for temporary files (TMPDIR), compared with the content hash and with the version's files, and
    removed. Images of val/ are read from their source again and compared; --with-validation names
    where your own are now. A source or model that changed or is gone is told with exit code 3;
    other versions of methods and libraries than those recorded are told before rendering.

    \b
    Examples:
      augfactory reproduce digits-x10@v1
      augfactory reproduce leaves-x10@v2 --source archive/leaves --model archive/models/leaves
    """
    with session(as_json=json, quiet=quiet, debug=debug) as progress:
        from augfactory.commands.versions.reproduce import reproduce as command
        from augfactory.engines.processes import default_workers

        found = command(
            dataset,
            progress,
            source=source,
            model=model,
            workers=workers or default_workers(),
            validation=with_validation,
        )
        if json:
            print_json({"identical": True, **vars(found)})
        else:
            held = f" and {found.validation:,} validation images" if found.validation else ""
            show(
                f"identical: {found.name}@{found.version}, {found.rows:,} rows{held}, "
                f"content {found.content_hash}"
            )
