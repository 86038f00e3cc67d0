"""``augfactory preview``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show
from augfactory.cli.versions.name import Name
from augfactory.errors import RecipeError


def preview(
    dataset: Name,
    out: Annotated[Path | None, typer.Option(help="PNG or HTML file to write.")] = None,
    sources: Annotated[int, typer.Option(min=1, max=200, help="Rows of the contact sheet.")] = 10,
    html: Annotated[
        bool,
        typer.Option(
            "--html", help="Write a page to look through the rows and mark those not wanted."
        ),
    ] = False,
    rows: Annotated[
        int | None,
        typer.Option(
            min=1, max=20_000, help="With --html: most rows on the page; 2,000 if left out."
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a contact sheet: originals on the left, what was made from them on the right.

    With --html it is one page without network: filters by class, method and label shares, each
    row's parents, weights and draws, and a reject list of marked rows that the page saves.

    \b
    Examples:
      augfactory preview digits-x10 --sources 20 --out sheet.png
      augfactory preview digits-x10 --html --rows 500
    """
    with session(as_json=json, quiet=quiet, debug=debug):
        if rows is not None and not html:
            raise RecipeError("--rows", "is for the page", "Add --html, or leave --rows out.")
        ending = "html" if html else "png"
        if out is not None and out.suffix.lower() not in ("", f".{ending}"):
            raise RecipeError(
                f"--out {out}",
                "a page is written" if html else "a picture is written, and with --html a page",
                f"Name it {out.with_suffix(f'.{ending}')}{'' if html else ', or add --html'}.",
            )
        path = out or Path(f"{Path(dataset).name.replace('@', '-')}-preview.{ending}")
        if html:
            from augfactory.commands.versions.rows.looking import ROWS, preview_page

            shown = preview_page(dataset, path, rows or ROWS)
            told = {"path": str(path), "rows": shown.rows, "of": shown.of}
        else:
            from augfactory.commands.opening.sheet import preview as command

            told = {"path": str(path), "lines": command(dataset, path, sources)}
        if json:
            print_json(told)
        elif html:
            show(f"{path}  {told['rows']:,} of {told['of']:,} rows")
        else:
            show(path)
