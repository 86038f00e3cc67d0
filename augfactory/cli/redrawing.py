"""``augfactory expand --reject``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augfactory.errors import RecipeError

if TYPE_CHECKING:  # numpy takes half of the time that `augfactory --help` may take
    from augfactory.commands.expand.request import ExpandRequest
    from augfactory.commands.progress import Progress

Reject = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Draw the rows anew that FILE lists, as the page of `preview --html` saves it; all "
        "others stay. Name the version in place of SOURCE, or repeat the options that made it.",
    ),
]
OF_VERSIONS = {
    *("source", "reject", "model", "workers", "engine", "dry_run"),
    *("lock", "json", "quiet", "debug"),
}


def check_of_version(context: typer.Context) -> None:
    """Refuse options beside a version, which says itself how it was made.

    Raises:
        RecipeError: naming one.
    """
    for option in context.command.params:
        name = option.name or ""
        given = context.get_parameter_source(name)
        if given is not None and given.name == "COMMANDLINE" and name not in OF_VERSIONS:
            raise RecipeError(
                option.opts[0],
                "is beside --reject and a version, which says itself how it was made",
                "Leave it out; or give --out and all options that made the version.",
            )


def redraw(
    asked: "str | ExpandRequest",
    reject: Path,
    progress: "Progress",
    workers: int,
    lock: str,
    *,
    model: Path | None = None,
    dry_run: bool = False,
) -> Any:
    """Draw rejected rows anew, or say what that would write.

    ``asked`` names the version they are of, or is the request that made it.
    """
    from augfactory.commands.expand.estimate import estimate_of
    from augfactory.commands.expand.inputs import build_of
    from augfactory.commands.versions.rows.redraw import make_redraw
    from augfactory.commands.versions.rows.redraw_asked import redraw_of_request, redraw_of_version
    from augfactory.store.disk.lock import read_lock

    about = None
    if isinstance(asked, str):
        anew, inputs = redraw_of_version(asked, reject, model, progress)
    else:
        anew, inputs = redraw_of_request(asked, reject, progress)
        about = asked.about
    if dry_run:
        return estimate_of(build_of(anew.dataset, anew.recipe, inputs))
    return make_redraw(anew, inputs, progress, workers=workers, lock=read_lock(lock), about=about)
