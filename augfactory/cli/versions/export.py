"""``augfactory export``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.options.source import Grey, Rgb, Size, source_spec
from augfactory.cli.session import Debug, Json, Lock, Quiet, print_json, session, show
from augfactory.cli.versions.name import Name
from augfactory.errors import RecipeError
from augfactory.names import FORMATS, LAYOUTS


def export(
    dataset: Name,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(FORMATS), help="Storage format: a version in this format is made."
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(LAYOUTS),
            help="Layout that a trainer reads: a plain folder is made, which is not a version.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="NAME|DIR",
            help="With --to the dataset that it becomes a version of [its own]; with --layout the "
            "new folder.",
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", help="With --layout: images of the validation split, unchanged."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="largest|sampled",
            help="With --layout: the hard label is the class of the largest share, or drawn with "
            "the shares as probabilities [largest].",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="With --labels sampled: random seed.")
    ] = None,
    without: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Leave out the rows that FILE lists, as `preview --html` saves it, or one row "
            "number a line. Without --to and --layout a version in the same format is made.",
        ),
    ] = None,
    size: Size = None,
    grey: Grey = False,
    rgb: Rgb = False,
    lock: Lock = "flock",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Store a dataset version in another format, or lay it out as a trainer expects it.

    With --to the export is a version like any other, of the same pixels, labels and content hash,
    and the old one stays. The same export again is answered with the version that exists; after an
    interruption the same command continues where it stopped. With --without it holds fewer rows,
    under a content hash of its own, and its manifest tells which rows it lacks of which
    version.

    With --layout a plain folder is made, with nothing in it but what the trainer reads. It is there
    as a whole or not at all; a folder that exists is never overwritten. --size, --grey and --rgb
    convert the images of --validation; by default they are converted as the source was.

    \b
    Examples:
      augfactory export digits-x10@v1 --to parquet
      augfactory export digits-x10 --to webdataset --out digits-x10-tar
      augfactory export leaves-x10 --layout imagefolder --validation leaves:val --out for-timm
      augfactory export photos-x10 --without photos-x10-v1-rejects.json
      augfactory export photos-x10 --layout hf --without photos-x10-v1-rejects.json --out photos-hf
    """
    with session(as_json=json, quiet=quiet, debug=debug, resumes=True) as progress:
        _check_options(
            to, layout, validation, labels, seed, without, converts=bool(size or grey or rgb)
        )
        if layout is not None:
            from augfactory.commands.versions import lay_out as plain
            from augfactory.store.disk.lock import read_lock

            spec = None
            if validation is not None:
                spec = source_spec(validation, size, grey, rgb, download=False)
            laid_out = plain.lay_out(
                dataset,
                layout,
                _required(out, layout),
                progress,
                validation=spec,
                labels=labels or "largest",
                seed=seed or 0,
                without=without,
                lock=read_lock(lock),
            )
            if json:
                print_json(plain.as_json(laid_out))
            else:
                rows = ", ".join(
                    f"{name} {count:,} rows" for name, count in laid_out.splits.items()
                )
                show(f"{laid_out.name}@{laid_out.version}  {laid_out.path}  {rows}")
            return
        from augfactory.commands.expand.expand import as_json
        from augfactory.commands.versions.export import export as command
        from augfactory.store.disk.lock import read_lock

        made = command(dataset, to, out, progress, without=without, lock=read_lock(lock))
        if json:
            print_json(as_json([made]))
        else:
            state = "exists already" if made.existing else f"{made.rows:,} rows"
            show(f"{made.name}@{made.version}  {made.path}  {state}")


def _check_options(
    to: str | None,
    layout: str | None,
    validation: str | None,
    labels: str | None,
    seed: int | None,
    without: Path | None,
    *,
    converts: bool,
) -> None:
    """Refuse options that contradict each other.

    Raises:
        RecipeError: naming them.
    """
    fewer_rows = without is not None and layout is None  # of the format that the version has
    if (to is None) == (layout is None) and not (fewer_rows and to is None):
        both = to is not None
        raise RecipeError(
            "--to --layout",
            "are two different exports" if both else "one of the two is needed",
            f"Give --to FORMAT for another version ({', '.join(FORMATS)}), or --layout LAYOUT for "
            f"a folder that a trainer reads ({', '.join(LAYOUTS)}).",
        )
    given = {
        "--validation": validation,
        "--labels": labels,
        "--seed": seed,
    }
    unfit = [name for name, value in given.items() if value is not None and layout is None]
    if unfit:
        raise RecipeError(unfit[0], "belongs to --layout", "Leave it out, or give --layout.")
    if converts and validation is None:
        raise RecipeError(
            "--size --grey --rgb",
            "convert images of a validation split; those of the version stay as they are",
            "Name them with --validation SOURCE.",
        )
    if seed is not None and labels != "sampled":
        raise RecipeError("--seed", "is for labels that are drawn", "Add --labels sampled.")


def _required(out: Path | None, layout: str) -> Path:
    if out is None:
        raise RecipeError(
            "--out",
            "is missing: it names the new folder",
            f"Add --out DIR, such as --out {layout}.",
        )
    return out
