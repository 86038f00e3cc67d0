"""``augfactory methods``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from augfactory.cli.options.source import SOURCE_HELP, Grey, Rgb, Size, source_spec
from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show
from augfactory.errors import RecipeError


def methods(
    name: Annotated[
        str | None, typer.Argument(help="Name of a method; without one, all are listed.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Draw what NAME makes of --source as a PNG; nothing else is stored."),
    ] = None,
    source: Annotated[
        str, typer.Option(metavar="SOURCE", help=f"Images of the sheet. {SOURCE_HELP}")
    ] = "sample",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter of NAME; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the sheet.")] = 0,
    size: Size = None,
    grey: Grey = False,
    rgb: Rgb = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the augmentation methods, print the card of one, or draw what it does.

    The sheet of a method that can draw once for a batch has a batch in each line, with one draw for
    all of it on the left and a draw for each image on the right.

    \b
    Examples:
      augfactory methods
      augfactory methods mixup
      augfactory methods ricap --sheet ricap.png --source photos --set beta=0.5
    """
    with session(as_json=json, quiet=quiet, debug=debug):
        from augfactory.commands import methods as command

        if sheet is not None:
            from augfactory.commands.method_sheet import write_method_sheet
            from augfactory.guarded.text import escaped

            if name is None:
                raise RecipeError("--sheet", "of which method?", "Name one: methods ricap --sheet.")
            made = write_method_sheet(
                name, source_spec(source, size, grey, rgb, False), sheet, _set(set_), seed
            )
            if json:
                print_json({"name": name, "sheet": str(sheet), "images": made})
            else:
                show(f"{escaped(str(sheet))}: {made} images")
        elif name is None:
            summaries = {each: command.summary(each) for each in command.names()}
            if json:
                print_json({"methods": summaries})
            else:
                show("\n".join(f"{each:12s} {text}" for each, text in summaries.items()))
        elif json:
            print_json({"name": name, "card": command.card(name)})
        else:
            show(command.card(name))


def _set(texts: list[str] | None) -> dict[str, Any]:
    """Read parameters that are written as in a recipe; a bare word is a text.

    Raises:
        RecipeError: one is none.
    """
    from augfactory.pipeline.recipes.recipe_file import tables_of

    found: dict[str, Any] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise RecipeError("--set", f"{text!r} is not KEY=VALUE", "Write such as beta=0.5.")
        try:
            found |= {key: tables_of(f"value = {value}", "--set")["value"]}
        except RecipeError:
            found[key] = value
    return found
