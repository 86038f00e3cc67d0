"""``augfactory study``."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.options.engine import Address, EngineName, chosen_engine
from augfactory.cli.options.source import SOURCE_HELP, Download, Fit, Size, SkipBroken
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


def study(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Study file.")],
    out: Annotated[Path, typer.Option(help="Folder of models, datasets and results.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Small version: minutes on two cores.")
    ] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="Full size: the whole grid and longer training; needs a GPU."),
    ] = False,
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help=f"Instead of the file's. {SOURCE_HELP}")
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Test images instead of the file's.")
    ] = None,
    unlabelled: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Unlabelled images instead of the file's.")
    ] = None,
    size: Size = None,
    fit: Fit = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="File of weights that classifiers start from, instead of the file's."),
    ] = None,
    freeze: Annotated[
        str | None,
        typer.Option(
            metavar="N|NAME|last",
            help="With weights, what stays fixed, instead of the file's: see `evaluate`.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be trained, and stop.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; by default one per core.")
    ] = None,
    engine: EngineName = "local",
    address: Address = None,
    download: Download = False,
    skip_broken: SkipBroken = False,
    lock: Lock = "flock",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run a grid of arms over draws of originals and seeds; write tables, figures and a report.

    The file says what is compared. Whatever is finished in the folder is kept: after an
    interruption the same command continues where it stopped.

    \b
    Examples:
      augfactory study studies/003-vae-mnist.toml --out vae-mnist --quick
      augfactory study studies/001-ricap.toml --source photos:train --test photos:test --out ricap
      augfactory study studies/004-augmix.toml --source my:train --test my:test --size 64 --out o
      augfactory study own.toml --weights kept.safetensors --freeze 4 --out transfer
    """
    with (
        session(
            as_json=json, quiet=quiet, debug=debug, resumes=True, room=ROOM_TO_TRAIN
        ) as progress,
        chosen_engine(engine, address, workers) as chosen,
    ):
        from augfactory.commands.study import described
        from augfactory.commands.study import study as command
        from augfactory.commands.study.data import StudyRequest
        from augfactory.commands.study.file import Size as WhichSize
        from augfactory.commands.study.file import read_study
        from augfactory.errors import RecipeError
        from augfactory.evaluation.training.settings import read_freeze
        from augfactory.guarded.text import escaped
        from augfactory.report.tables import table
        from augfactory.store.disk.lock import read_lock

        if quick and full:
            raise RecipeError("--quick --full", "these are two sizes", "Choose one.")
        which: WhichSize = "quick" if quick else "full" if full else "default"
        given = {
            "source": source,
            "test": test,
            "unlabelled": unlabelled,
            "size": size,
            "fit": fit,
            "weights": weights,
            "freeze": None if freeze is None else read_freeze(freeze),
        }
        instead = {key: value for key, value in given.items() if value is not None}
        asked = read_study(file, which, instead)
        request = StudyRequest(
            asked,
            which,
            out,
            chosen.workers,
            download,
            read_lock(lock),
            skip_broken,
            chosen.engine,
        )
        if dry_run:
            prepared = command.prepare(request, progress)
            command.check_classifiers(asked, prepared)
            left_out = described.left_out(asked, read_study(file, "default", instead))
            if json:
                print_json({**described.plan(request, prepared), "left_out": left_out})
                return
            show(*map(escaped, described.plan_text(request, prepared, left_out)), sep="\n")
            return
        result = command.study(request, progress)
        if json:
            print_json(command.as_json(result))
            return
        for group in result.groups:
            show(f"\n{group.n_train:,} originals")
            show(table(group.arms))
        show()
        for path in result.files:
            show(escaped(str(path)))
