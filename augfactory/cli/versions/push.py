"""``augfactory push``."""

from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show
from augfactory.cli.versions.name import Name


def push(
    dataset: Name,
    to: Annotated[
        str,
        typer.Argument(
            metavar="DEST",
            help="Where it goes: a path, an fsspec URL such as s3://BUCKET/NAME, or "
            "hf://datasets/OWNER/NAME.",
        ),
    ],
    public: Annotated[
        bool,
        typer.Option("--public", help="Let all see the new repository on the hub [it is private]."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be sent; change nothing.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Copy a dataset version with its card to another place, or to the Hugging Face hub.

    DEST becomes the version's folder. Its files are held to their hashes first; the manifest is
    sent last. Another version or other files at DEST are never overwritten; where the same version
    is there, nothing is sent. After an interruption the same command sends what is missing.

    The hub is asked with its own login (`hf auth login`, or HF_TOKEN). A repository that exists
    stays as private or public as it is; one that is public needs --public.

    \b
    Examples:
      augfactory push digits-x10@v1 /mnt/shared/digits-x10/v1
      augfactory push digits-x10 s3://bucket/digits-x10/v1 --dry-run
      augfactory push digits-x10 hf://datasets/me/digits-x10
    """
    with session(as_json=json, quiet=quiet, debug=debug, resumes=True) as progress:
        from augfactory.commands.versions.pushing import push as command

        pushed = command.push(dataset, to, progress, public=public, dry_run=dry_run)
        if json:
            print_json(command.as_json(pushed))
            return
        seen = f"  {pushed.visibility}" if pushed.visibility else ""
        size = sum(each.size for each in pushed.sent)
        if pushed.existing:
            state = "exists already"
        elif dry_run:
            for each in pushed.sent:
                show(f"{each.size:>15,}  {each.path}")
            state = f"{len(pushed.sent):,} files, {size:,} bytes would be sent"
        else:
            state = f"{len(pushed.sent):,} of {pushed.files:,} files sent, {size:,} bytes"
        show(f"{pushed.name}@{pushed.version}  {pushed.to}{seen}  {state}")
