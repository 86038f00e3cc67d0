"""``augfactory demo``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.session import ROOM_TO_TRAIN, Debug, Json, Quiet, print_json, session, show


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")] = Path(
        "augfactory-demo"
    ),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; by default one per core.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show the whole story on the bundled digits, in minutes.

    A VAE is trained on 100 digits. Three datasets fifty times as large are made: of decoded images
    alone, of geometry with a quarter decoded, and one with 2,000 more digits that classifiers of
    the 100 have labelled. Classifiers trained on these, and on the digits alone, are tested on
    5,000 other digits. Ends by naming every file and with what to train on.

    \b
    Example:
      augfactory demo --out /tmp/demo
    """
    with session(
        as_json=json, quiet=quiet, debug=debug, resumes=True, room=ROOM_TO_TRAIN
    ) as progress:
        from augfactory.commands import demo as command
        from augfactory.engines.processes import default_workers
        from augfactory.evaluation.comparison.verdict_words import lead_and_rest
        from augfactory.report.tables import table

        result = command.demo(out, workers or default_workers(), progress)
        if json:
            print_json(command.as_json(result))
            return
        show(table(result.evaluation.arms))
        show()
        for name, path in command.files(result).items():
            show(f"{name:30s} {path}")
        show()
        verdict = result.evaluation.verdict
        for part in lead_and_rest(verdict.text, verdict.lead):
            show(part)
        show(f"Next: {result.evaluation.next_here}")
