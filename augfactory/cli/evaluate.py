"""``augfactory evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

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
    classifier: Annotated[
        str,
        typer.Option(help="vgg, resnet20, wrn40-2, allconv, or a torchvision name (resnet18)."),
    ] = "vgg",
    weights: Annotated[
        Path | None, typer.Option(help="Weights that a torchvision classifier starts from.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Classifiers trained on each arm.")] = 3,
    steps: Annotated[
        int, typer.Option(min=1, help="Optimiser steps, the same for every arm.")
    ] = 800,
    batch: Annotated[int, typer.Option(min=1, help="Images in a step.")] = 64,
    loss: Annotated[
        str,
        typer.Option(
            help="ce: cross entropy with soft labels; jsd: with AugMix's consistency of views, "
            "for the datasets that hold two views of an image."
        ),
    ] = "ce",
    order: Annotated[
        str,
        typer.Option(
            help="How datasets are read: shuffled; rounds, one after the other, as schedules "
            "need it; one-of-k, one image of each original in an epoch."
        ),
    ] = "shuffled",
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="Compare this too, repeatable: originals+geometry (varied online, the one to "
            "beat and the default), originals+geometry+mixup and the like, synthetic-only, "
            "real+synthetic."
        ),
    ] = None,
    baseline: Annotated[
        str, typer.Option(help="The arm that all others are compared with.")
    ] = "originals",
    real_share: Annotated[
        float, typer.Option(help="Originals in each batch of real+synthetic, 0 to 1.")
    ] = 0.5,
    held_out: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Labelled images for the temperature; training images that no dataset uses, if "
            "left out.",
        ),
    ] = None,
    corruptions: Annotated[
        str | None, typer.Option(help="Test on corrupted images too: mnist-c or cifar-c.")
    ] = None,
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
    lock: Lock = "flock",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a classifier on each dataset and on its originals alone, and say what was gained.

    Every arm gets the same number of optimiser steps and the same initial weights for the same
    seed. The table says what each gains over the originals, with a 95 % interval over the seeds;
    report.html shows the rest. Test images that stand in a training set are refused. After an
    interruption the same command goes on where it stood.

    \b
    Examples:
      augfactory evaluate digits-x10 digits-x50 --test sample:test
      augfactory evaluate leaves-x10@v2 --test leaves:test --classifier resnet20 --seeds 5
      augfactory evaluate leaves-x10 --test leaves:test --arm synthetic-only --arm real+synthetic
    """
    with session(
        as_json=json, quiet=quiet, debug=debug, resumes=True, room=ROOM_TO_TRAIN
    ) as progress:
        from augfactory.commands import evaluate as command
        from augfactory.commands.evaluation_arms import DEFAULT_ARMS
        from augfactory.commands.expand_request import default_workers
        from augfactory.guarded.text import escaped
        from augfactory.report.tables import table
        from augfactory.store.lock import read_lock

        request = command.EvaluateRequest(
            datasets=tuple(datasets),
            test=source_spec(test, size, grey, rgb, download),
            classifier=classifier,
            weights=weights,
            seeds=seeds,
            steps=steps,
            batch=batch,
            loss=loss,
            order=order,
            arms=DEFAULT_ARMS if arm is None else tuple(arm),
            baseline=baseline,
            real_share=real_share,
            held_out=None if held_out is None else source_spec(held_out, size, grey, rgb, download),
            corruptions=corruptions,
            workers=workers or default_workers(),
            out=out,
            lock=read_lock(lock),
        )
        result = command.evaluate(request, progress)
        if json:
            print_json(command.as_json(result))
            return
        show(table(result.document))
        show()
        show(*map(escaped, result.document["sentences"]), sep="\n")
        for path in result.files:
            show(escaped(str(path)))
