"""``augfactory info``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show
from augfactory.cli.versions.name import Name
from augfactory.commands.progress import Progress
from augfactory.errors import RecipeError


def info(
    dataset: Name,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality",
            help="Compare what each method made with the originals: precision, recall, density, "
            "coverage, and the share that is authentic, no copy of an original.",
        ),
    ] = False,
    held_out: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Images that nothing was made from; says how near new ones come to the originals. "
            "Implies --quality.",
        ),
    ] = None,
    quality_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.parquet",
            help="Write the nearest original of each generated row. Implies --quality.",
        ),
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Show where row N comes from: method, parents, random draws."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="With --row: draw it beside what it was made from."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show what a dataset version is: rows per method and class, source, model, hashes.

    With --quality also how good its generated images are, as far as that can be said before a
    classifier is trained on them. The version itself does not change.

    \b
    Columns of --quality:
      read         share of rows whose class is named by a
                   classifier that never saw their original
      sharpness    fine detail over that of the originals of the
                   class; 1 is theirs, less is blur
      own          median distance to the row's own original;
                   nearest: to any; in the features of that
                   classifier, where 1 is how far originals lie
                   apart
      coverage     share of originals with a row near, up to the
                   k-th nearest other of the class
      rows, real   what was made, originals; near: up to an
                   image's k-th nearest other
      precision    share of rows near originals; density: to how
                   many, over k
      recall       share of originals near rows; coverage: that
                   have a row near
      authentic    share of rows that are not near-copies of an
                   original; high is good
      distance     median to the nearest original, in features of
                   a random network (random-cnn)
      of held-out  distance over that of new real images; near 1
                   is good, well below 1: copies

    \b
    Examples:
      augfactory info digits-x10@v1
      augfactory info digits-x10 --row 123 --out row.png
      augfactory info digits-x10 --quality --held-out sample:test --quality-out rows.parquet
    """
    with session(as_json=json, quiet=quiet, debug=debug) as progress:
        from augfactory.commands.versions import info as command

        if row is not None:
            if quality or held_out or quality_out:
                raise RecipeError("--row", "quality is that of all rows", "Leave one out.")
            _print_row(dataset, row, out, json)
            return
        if out is not None:
            raise RecipeError("--out", "draws one row", "Name it with --row N.")
        folder, manifest = command.info(dataset)
        measured = None
        if quality or held_out or quality_out:
            measured = _measure(str(folder), held_out, quality_out, progress)
        if json:
            answer = command.as_json(folder, manifest)
            print_json(answer if measured is None else {**answer, "quality": measured[0]})
        else:
            show(command.as_text(folder, manifest))
            if measured is not None:
                show(f"\n{measured[1]}")


def _print_row(dataset: str, row: int, out: Path | None, as_json: bool) -> None:
    from augfactory.commands.versions import info_row as command

    found = command.info_row(dataset, row, out)
    if as_json:
        print_json(command.as_json(found))
    else:
        show(command.as_text(found))


def _measure(
    dataset: str, held_out: str | None, out: Path | None, progress: Progress
) -> tuple[dict[str, Any], str]:
    """Return the quality as JSON and as text, and write its rows to ``out``."""
    from augfactory.commands.evaluate import quality_tables as tables
    from augfactory.commands.evaluate.quality import quality
    from augfactory.records import SourceSpec

    if out is not None:
        tables.check_rows_path(out)
    measured = quality(dataset, progress, SourceSpec(held_out) if held_out else None)
    if out is not None:
        tables.write_rows(measured, out)
    return tables.as_json(measured), tables.as_text(measured)
