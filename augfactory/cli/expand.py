"""``augfactory expand``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from augfactory.cli.engine_options import Address, EngineName, chosen_engine
from augfactory.cli.session import Debug, Json, Lock, Quiet, print_json, session, show
from augfactory.cli.source_options import (
    SOURCE_HELP,
    Download,
    FileColumn,
    Fit,
    FollowLinks,
    Grey,
    LabelColumn,
    Labels,
    Preset,
    Rgb,
    Root,
    Size,
    SkipBroken,
    read_of,
    source_spec,
)
from augfactory.cli.validation_options import Folds, Group, Share, WithValidation
from augfactory.errors import RecipeError
from augfactory.names import FORMATS, MIXING, SAMPLERS, VARYING

COPIES = "Further rows per source image, on top of the factor; 0 leaves mixtures out."


def expand(
    source: Annotated[str, typer.Argument(metavar="SOURCE|MODEL_DIR", help=SOURCE_HELP)],
    out: Annotated[Path, typer.Option(help="NAME of the dataset; NAME-xK/v1 is written.")],
    factor: Annotated[
        list[int] | None, typer.Option(help="Images per source image; repeatable.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Folder of a trained VAE.")] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="A checkpoint of the model, such as 'loss-120'.")
    ] = None,
    n_train: Annotated[
        int | None, typer.Option(help="Use only N images, evenly from the classes.")
    ] = None,
    originals: Annotated[
        bool | None,
        typer.Option("--originals/--no-originals", help="Keep the source images among the K."),
    ] = None,
    geometry: Annotated[
        bool | None,
        typer.Option(
            "--geometry/--no-geometry", help="Rotate, shift, scale, flip: as the preset says."
        ),
    ] = None,
    preset: Preset = None,
    share: Annotated[
        float | None,
        typer.Option(help="With a model: share of the unmixed further images that it makes."),
    ] = None,
    decode: Annotated[
        str | None,
        typer.Option(
            metavar="full|residual",
            help="With a model: the decoded image, or the real image plus the change.",
        ),
    ] = None,
    filter: Annotated[
        bool | None,
        typer.Option(
            "--filter/--no-filter",
            help="With a model: redraw images that classifiers read as another class.",
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(SAMPLERS), help="With a model: how latent vectors are sampled."
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            help="With a model: noise scale, in standard deviations of the latent vector."
        ),
    ] = None,
    reach: Annotated[
        float | None,
        typer.Option(help="With same-class: how far to interpolate to another image, 0 to 2."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD|none",
            help=f"Vary further images by this after geometry; repeatable: {', '.join(VARYING)}.",
        ),
    ] = None,
    mixup: Annotated[int | None, typer.Option(metavar="M", help=COPIES)] = None,
    ricap: Annotated[int | None, typer.Option(metavar="M", help=COPIES)] = None,
    cutmix: Annotated[int | None, typer.Option(metavar="M", help=COPIES)] = None,
    augmix: Annotated[int | None, typer.Option(metavar="M", help=COPIES)] = None,
    mix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD=M", help=f"The same by any method; repeatable: {', '.join(MIXING)}."
        ),
    ] = None,
    mix_from: Annotated[
        str | None,
        typer.Option(
            metavar="expanded|originals", help="Images to mix [expanded; augmix: originals]."
        ),
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Images without labels; any folder of images will do."),
    ] = None,
    pseudo_label: Annotated[
        bool,
        typer.Option(
            "--pseudo-label",
            help="Label the unlabelled images by classifiers, and add as many rows again.",
        ),
    ] = False,
    recipe: Annotated[
        Path | None, typer.Option(help="Recipe file (TOML); options that are given override it.")
    ] = None,
    auto: Annotated[
        bool,
        typer.Option("--auto", help="Find a recipe first: runs `augfactory tune` for 5 minutes."),
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(metavar="|".join(FORMATS), help="Storage format [hdf5]."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="For the card: licence, such as 'CC-BY-4.0'.")
    ] = None,
    description: Annotated[
        str | None, typer.Option(help="For the card: what the images show.")
    ] = None,
    author: Annotated[
        str | None, typer.Option(help="For the card: who answers for the dataset.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Random seed.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; by default one per core.")
    ] = None,
    engine: EngineName = "local",
    address: Address = None,
    validation: Share = None,
    folds: Folds = None,
    group: Group = None,
    with_validation: WithValidation = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be written, and stop.")
    ] = False,
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
    """Turn a few labelled images into K times as many, stored as an immutable version.

    The further K-1 images are varied by geometry, drawings also by bending and by thicker or
    thinner strokes (--vary); with a model it makes a quarter of them, in
    colour as changes to the real images (--share, --decode). Options such as --mixup put rows on
    top, and a recipe sets everything. With further images of the same kind that nobody has
    labelled, --unlabelled and --pseudo-label help most: classifiers trained on the labelled images
    label the others, and the surest become rows with soft labels.

    The same request again is answered at once with the version that exists; after an interruption
    the same command continues where it stopped.

    \b
    Examples:
      augfactory expand models/digits --factor 10 --factor 50 --out digits
      augfactory expand leaves/ --size 64 --factor 10 --mixup 5 --ricap 5 --out leaves
      augfactory expand scans/ --factor 10 --validation 0.2 --group '^(patient\\d+)' --out scans
      augfactory expand parts/ --unlabelled more/ --pseudo-label --factor 50 --out parts
      augfactory expand models/digits --recipe recipe.toml --out digits --dry-run
    """
    with (
        session(as_json=json, quiet=quiet, debug=debug, resumes=True) as progress,
        chosen_engine(engine, address, workers) as chosen,
    ):
        from augfactory.commands.expand import expand as command
        from augfactory.commands.expand.estimate import estimate, estimates_text
        from augfactory.commands.expand.options import ExpandOptions, build_request, read_copies
        from augfactory.commands.expand.validation import Held
        from augfactory.store.disk.lock import read_lock

        vae = {
            "share": share, "decode": decode, "sampler": sampler, "temperature": temperature,
            "reach": reach, "filter": filter,
        }  # fmt: skip
        more = None
        if unlabelled is not None:
            more = source_spec(unlabelled, None, False, False, download, skip_broken=skip_broken)
        flags = ExpandOptions(
            factors=tuple(dict.fromkeys(factor or ())),
            originals=originals,
            seed=seed,
            format=format,
            geometry=geometry,
            preset=preset,
            vae={name: value for name, value in vae.items() if value is not None},
            copies=read_copies(
                mix or (), {"mixup": mixup, "ricap": ricap, "cutmix": cutmix, "augmix": augmix}
            ),
            mix_from=mix_from,
            vary=vary or (),
            recipe=recipe,
            unlabelled=more,
            pseudo_label=pseudo_label,
            licence=licence,
            description=description,
            author=author,
        )
        read = read_of(locals())
        spec = source_spec(source, size, grey, rgb, download, sized=model is not None, **read)
        own = None
        if with_validation is not None:
            own = source_spec(
                with_validation, size, grey, rgb, download, fit=fit, skip_broken=skip_broken
            )
        if any(given is not None for given in (validation, folds, group, own)):
            held = Held(share=validation, folds=folds, group=group, source=own)
            flags = replace(flags, held=held)
        if auto and dry_run:
            raise RecipeError(
                "--auto --dry-run",
                "finding a recipe takes minutes, and writes it",
                "Run `augfactory tune` first, and give --recipe with --dry-run.",
            )
        if auto:
            from augfactory.commands.tune.auto import with_found_recipe

            flags = with_found_recipe(
                flags,
                spec,
                out,
                progress,
                model=model,
                n_train=n_train,
                workers=chosen.workers,
                lock=read_lock(lock),
                runs_on=chosen.engine,
            )
        request = build_request(
            flags,
            spec,
            out,
            model=model,
            checkpoint=checkpoint,
            n_train=n_train,
            workers=chosen.workers,
            lock=read_lock(lock),
            runs_on=chosen.engine,
        )
        if dry_run:
            estimates = estimate(request, progress)
            if json:
                print_json(command.as_json(estimates))
            else:
                show(estimates_text(estimates))
            return
        datasets = command.expand(request, progress)
        if json:
            print_json(command.as_json(datasets))
            return
        for dataset in datasets:
            state = "exists already" if dataset.existing else f"{dataset.rows:,} rows"
            show(f"{dataset.name}@{dataset.version}  {dataset.path}  {state}")
