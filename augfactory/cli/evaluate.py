"""``augfactory evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.session import Debug, Json, Quiet, print_json, session
from augfactory.cli.source_options import (
    SOURCE_HELP,
    Download,
    Grey,
    Rgb,
    Size,
    source_spec,
)


def evaluate(
    datasets: Annotated[list[str], typer.Argument(metavar="DATASET...", help="NAME or NAME@vN.")],
    test: Annotated[str, typer.Option(metavar="SOURCE", help=f"Test images. {SOURCE_HELP}")],
    classifier: Annotated[str, typer.Option(help="vgg.")] = "vgg",
    seeds: Annotated[int, typer.Option(min=1, help="Classifiers trained on each arm.")] = 3,
    steps: Annotated[
        int, typer.Option(min=1, help="Optimiser steps, the same for every arm.")
    ] = 800,
    loss: Annotated[str, typer.Option(help="ce: cross entropy with soft labels.")] = "ce",
    corruptions: Annotated[str | None, typer.Option(help="Comes with a later release.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the results; NAME-evaluation if left out.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; the default is one per core.")
    ] = None,
    size: Size = None,
    grey: Grey = False,
    rgb: Rgb = False,
    download: Download = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a classifier on each dataset and on its originals alone, and say what was gained.

    Every arm gets the same number of optimiser steps and the same initial weights for the same
    seed. Test images that stand in a training set are refused. After an interruption the same
    command goes on where it stood.

    \b
    Examples:
      augfactory evaluate digits-x10 digits-x50 --test sample:test
      augfactory evaluate leaves-x10@v2 --test leaves:test --seeds 5 --out results
    """
    with session(as_json=json, quiet=quiet, debug=debug, resumes=True) as progress:
        from augfactory.commands import evaluate as command
        from augfactory.commands.expand_request import default_workers
        from augfactory.report.tables import table

        request = command.EvaluateRequest(
            datasets=tuple(datasets),
            test=source_spec(test, size, grey, rgb, download),
            classifier=classifier,
            seeds=seeds,
            loss=loss,
            corruptions=corruptions,
            workers=workers or default_workers(),
            out=out,
            steps=steps,
        )
        result = command.evaluate(request, progress)
        if json:
            print_json(command.as_json(result))
            return
        print(table(result))
        for path in result.files:
            print(path)
