"""``augfactory verify``."""

from typing import Annotated

import typer

from augfactory.cli.options.source import (
    FileColumn,
    Fit,
    FollowLinks,
    Grey,
    LabelColumn,
    Labels,
    Rgb,
    Root,
    Size,
    source_spec,
)
from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show
from augfactory.cli.versions.name import Name
from augfactory.errors import RecipeError


def verify(
    dataset: Name,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Also prove that no image of SOURCE, such as photos:test, is in it. They are "
            "converted as the images were that the version was made from.",
        ),
    ] = None,
    content_hash: Annotated[
        str | None,
        typer.Option(
            metavar="HASH",
            help="Also compare with a content hash that you kept elsewhere: all 64 digits, as "
            "`info` prints them.",
        ),
    ] = None,
    size: Size = None,
    fit: Fit = None,
    grey: Grey = False,
    rgb: Rgb = False,
    labels: Labels = None,
    root: Root = None,
    file_column: FileColumn = None,
    label_column: LabelColumn = None,
    follow_links: FollowLinks = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Check a dataset version as a whole; exit code 4 if anything is not as published.

    Every entry of its folder, every file's hash and every row is compared with its manifest. Who
    changed the manifest and the checksums together is found with --content-hash alone.
    With --against also if an image of that source is in the version, pixel for pixel.

    \b
    Examples:
      augfactory verify digits-x10
      augfactory verify digits-x10@v1 --against sample:test
      augfactory verify digits-x10@v1 --content-hash HASH
    """
    with session(as_json=json, quiet=quiet, debug=debug) as progress:
        from augfactory.commands.versions import verify as command

        found = command.verify(dataset, progress, expected_hash=content_hash)
        unshared = None
        if against is not None:
            read = {
                "fit": fit, "labels": labels, "root": root, "file_column": file_column,
                "label_column": label_column, "follow_links": follow_links,
            }  # fmt: skip
            spec = source_spec(against, size, grey, rgb, False, sized=True, **read)
            unshared = command.verify_against(dataset, spec, progress)
        elif size or grey or rgb:
            raise RecipeError(
                "--size --grey --rgb", "convert images of a source", "Name it with --against."
            )
        if json:
            more = {} if unshared is None else {"against": vars(unshared)}
            print_json({"verified": True, **vars(found), **more})
            return
        show(
            f"{found.name}@{found.version} is as published: "
            f"{found.files:,} files, {found.rows:,} rows"
        )
        if unshared is not None:
            show(f"none of the {unshared.images:,} images of {unshared.source} is in it")
