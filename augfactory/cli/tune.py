"""``augfactory tune``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.options.engine import Address, EngineName, chosen_engine
from augfactory.cli.options.source import (
    SOURCE_HELP,
    Download,
    FileColumn,
    Fit,
    FollowLinks,
    Grey,
    LabelColumn,
    Labels,
    Rgb,
    Root,
    Size,
    SkipBroken,
    read_of,
    source_spec,
)
from augfactory.cli.options.training import Classifier, Freeze, Weights
from augfactory.cli.options.validation import Group
from augfactory.cli.session import (
    ROOM_TO_TRAIN,
    Debug,
    Json,
    Lock,
    Quiet,
    print_json,
    session,
    show,
)
from augfactory.evaluation.classifiers.registry import DEFAULT_CLASSIFIER


def tune(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)],
    out: Annotated[Path, typer.Option(metavar="FILE.toml", help="Recipe file to write.")],
    minutes: Annotated[
        float,
        typer.Option(
            help="About how many minutes to take; all recipes are tried once, whatever it takes."
        ),
    ] = 10.0,
    n_train: Annotated[
        int | None, typer.Option(help="Use only N images, evenly from the classes.")
    ] = None,
    factor: Annotated[int, typer.Option(help="Images per source image, in the recipe too.")] = 50,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps of each classifier.")] = 250,
    classifier: Classifier = DEFAULT_CLASSIFIER,
    weights: Weights = None,
    freeze: Freeze = None,
    vae: Annotated[
        bool,
        typer.Option("--vae/--no-vae", help="Try recipes with a VAE too, trained on every fold."),
    ] = False,
    group: Group = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; by default one per core.")
    ] = None,
    engine: EngineName = "local",
    address: Address = None,
    lock: Lock = "flock",
    size: Size = None,
    fit: Fit = None,
    grey: Grey = False,
    rgb: Rgb = False,
    labels: Labels = None,
    root: Root = None,
    file_column: FileColumn = None,
    label_column: LabelColumn = None,
    follow_links: FollowLinks = False,
    download: Download = False,
    skip_broken: SkipBroken = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find the recipe for some labelled images from these images alone.

    Recipes are tried by cross-validation: each makes datasets of two thirds of the images, and a
    classifier that is trained on them is measured on the other third. The worse half of the recipes
    is left out, and the others go on to further folds, until the minutes are spent. Another recipe
    than the default is chosen only where it is surely better. After an interruption the same
    command continues where it stopped.

    \b
    Examples:
      augfactory tune leaves/ --size 64 --minutes 30 --out leaves.toml
      augfactory expand leaves/ --size 64 --recipe leaves.toml --out leaves
      augfactory tune leaves/ --classifier resnet18 --weights resnet18.pth --out leaves.toml
      augfactory tune scans.csv --group patient --minutes 30 --out scans.toml
      augfactory tune sample --n-train 100 --minutes 10 --out digits.toml
    """
    with (
        session(
            as_json=json, quiet=quiet, debug=debug, resumes=True, room=ROOM_TO_TRAIN
        ) as progress,
        chosen_engine(engine, address, workers) as chosen,
    ):
        from augfactory.commands.tune import tune as command
        from augfactory.commands.tune.answer import table
        from augfactory.commands.tune.folds import TuneRequest
        from augfactory.evaluation.comparison.verdict_words import lead_and_rest
        from augfactory.guarded.text import escaped
        from augfactory.store.disk.lock import read_lock

        result = command.tune(
            TuneRequest(
                source=source_spec(
                    source, size, grey, rgb, download, sized=False, **read_of(locals())
                ),
                out=out,
                minutes=minutes,
                n_train=n_train,
                factor=factor,
                steps=steps,
                classifier=classifier,
                weights=weights,
                freeze=freeze,
                seed=seed,
                vae=vae,
                workers=chosen.workers,
                lock=read_lock(lock),
                runs_on=chosen.engine,
                group=group,
            ),
            progress,
        )
        if json:
            print_json(command.as_json(result))
            return
        show(table(result.tried))
        show()
        for path in result.files:
            show(escaped(str(path)))
        show()
        for part in lead_and_rest(result.text, result.lead):
            show(escaped(part))
        show(escaped(f"Next: {result.next}"))
