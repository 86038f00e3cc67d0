"""``augfactory expand``."""

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

LATER = "Comes with the next release."


def expand(
    source: Annotated[str, typer.Argument(metavar="SOURCE|MODEL_DIR", help=SOURCE_HELP)],
    out: Annotated[Path, typer.Option(help="NAME of the dataset: NAME-xK/v1 is written.")],
    factor: Annotated[list[int], typer.Option(min=1, help="Images per source image; repeatable.")],
    model: Annotated[Path | None, typer.Option(help="Folder of a trained VAE.")] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="A checkpoint of the model, such as 'loss-120'.")
    ] = None,
    n_train: Annotated[
        int | None, typer.Option(min=1, help="Use a stratified subset of so many images.")
    ] = None,
    originals: Annotated[bool, typer.Option(help="Keep the originals among the K.")] = True,
    sampler: Annotated[
        str, typer.Option(help="How to move about an encoded image: same-class, posterior.")
    ] = "same-class",
    temperature: Annotated[
        float | None, typer.Option(help="Noise around a code, in its standard deviations.")
    ] = None,
    reach: Annotated[
        float | None, typer.Option(help="same-class: farthest move, as a share of the way.")
    ] = None,
    geometry: Annotated[bool | None, typer.Option(help=LATER)] = None,
    mixup: Annotated[int | None, typer.Option(help=LATER)] = None,
    ricap: Annotated[int | None, typer.Option(help=LATER)] = None,
    cutmix: Annotated[int | None, typer.Option(help=LATER)] = None,
    augmix: Annotated[int | None, typer.Option(help=LATER)] = None,
    recipe: Annotated[Path | None, typer.Option(help=LATER)] = None,
    format: Annotated[str, typer.Option(help="hdf5 or png.")] = "hdf5",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; the default is one per core.")
    ] = None,
    engine: Annotated[str, typer.Option(help="local.")] = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and stop.")
    ] = False,
    size: Size = None,
    grey: Grey = False,
    rgb: Rgb = False,
    download: Download = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Turn a few labelled images into K times as many, stored as an immutable version.

    The same request again is answered at once with the version that exists; after an interruption
    the same command goes on where it stood.

    \b
    Examples:
      augfactory vae-train sample --n-train 100 --out models/digits
      augfactory expand models/digits --factor 10 --factor 50 --out digits
      augfactory expand models/digits --factor 250 --out digits --dry-run
    """
    with session(as_json=json, quiet=quiet, debug=debug, resumes=True) as progress:
        from augfactory.commands import expand as command

        later = {
            "--geometry": geometry,
            "--mixup": mixup,
            "--ricap": ricap,
            "--cutmix": cutmix,
            "--augmix": augmix,
            "--recipe": recipe,
        }
        command.refuse_unbuilt(later, format, engine)
        parameters = {"temperature": temperature, "reach": reach}
        request = command.ExpandRequest(
            source=source_spec(source, size, grey, rgb, download),
            out=out,
            factors=tuple(dict.fromkeys(factor)),
            model=model,
            checkpoint=checkpoint,
            n_train=n_train,
            originals=originals,
            seed=seed,
            sampler=sampler,
            parameters={name: value for name, value in parameters.items() if value is not None},
            format=command.read_format(format),
            workers=workers or command.default_workers(),
        )
        if dry_run:
            estimates = command.estimate(request, progress)
            print_json(command.as_json(estimates)) if json else print(
                command.estimates_text(estimates)
            )
            return
        datasets = command.expand(request, progress)
        if json:
            print_json(command.as_json(datasets))
            return
        for dataset in datasets:
            state = "exists already" if dataset.existing else f"{dataset.rows:,} rows"
            print(f"{dataset.name}@{dataset.version}  {dataset.path}  {state}")
