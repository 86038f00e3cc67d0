"""``augfactory expand``."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augfactory.cli.options.classes import Balance, PerClass
from augfactory.cli.options.decoding import (
    Decode,
    DecodedShare,
    Filter,
    Reach,
    Sampler,
    Temperature,
)
from augfactory.cli.options.engine import Address, EngineName, Through, chosen_engine
from augfactory.cli.options.labelling import (
    LabelClassifier,
    LabelWeights,
    PseudoLabel,
    Unlabelled,
)
from augfactory.cli.options.mixing import Copies, Mix, MixFrom, Mixup, Vary
from augfactory.cli.options.redrawing import Reject, check_of_version
from augfactory.cli.options.source import (
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
    further_spec,
    read_of,
    source_spec,
)
from augfactory.cli.options.validation import Folds, Group, Share, WithValidation
from augfactory.cli.session import Debug, Json, Lock, Quiet, print_json, session, show
from augfactory.cli.usage import missing_option
from augfactory.errors import RecipeError
from augfactory.names import FORMATS

if TYPE_CHECKING:  # numpy takes half of the time that `augfactory --help` may take
    from augfactory.commands.expand.build import Dataset
    from augfactory.commands.expand.estimate import Estimate


def expand(
    source: Annotated[str, typer.Argument(metavar="SOURCE|MODEL_DIR", help=SOURCE_HELP)],
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(
            help="NAME of the dataset; NAME-xK/v1 is written, with --balance NAME-xK-balanced/v1. "
            "Required, but with --reject."
        ),
    ] = None,
    factor: Annotated[
        list[int] | None, typer.Option(help="Images per source image; repeatable.")
    ] = None,
    per_class: PerClass = None,
    balance: Balance = False,
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
    share: DecodedShare = None,
    decode: Decode = None,
    filter: Filter = None,
    sampler: Sampler = None,
    temperature: Temperature = None,
    reach: Reach = None,
    vary: Vary = None,
    mixup: Mixup = None,
    ricap: Copies = None,
    cutmix: Copies = None,
    augmix: Copies = None,
    mix: Mix = None,
    mix_from: MixFrom = None,
    unlabelled: Unlabelled = None,
    pseudo_label: PseudoLabel = False,
    classifier: LabelClassifier = None,
    weights: LabelWeights = None,
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
    through: Through = None,
    validation: Share = None,
    folds: Folds = None,
    group: Group = None,
    with_validation: WithValidation = None,
    reject: Reject = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print what would be written, and how long labelling takes, and stop."
        ),
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
    thinner strokes, photographs and clothes by RandAugment (--vary), and of these half are
    mixtures; with a model it makes a quarter of them, in colour as changes to the real images
    (--share, --decode). Options such as --mixup put mixtures on top, in place of those, and a
    recipe sets everything. With further images of the same kind that nobody has labelled,
    --unlabelled and --pseudo-label may help where few are (docs/unlabelled.md): classifiers
    trained on the labelled images label the others, and the surest become rows with soft labels.
    Of uneven classes --balance makes as many rows each.

    The same request again is answered at once with the version that exists; after an interruption
    the same command continues where it stopped. With --reject rows of a version are drawn anew
    that were marked on the page of `augfactory preview --html`: the next version is made.

    \b
    Examples:
      augfactory expand models/digits --factor 10 --factor 50 --out digits
      augfactory expand leaves/ --size 64 --factor 50 --out leaves
      augfactory expand leaves/ --size 64 --factor 10 --mixup 5 --ricap 5 --out leaves
      augfactory expand scans/ --factor 10 --validation 0.2 --group '^(patient\\d+)' --out scans
      augfactory expand parts/ --factor 10 --balance --out parts
      augfactory expand parts/ --unlabelled more/ --pseudo-label --factor 50 --out parts
      augfactory expand models/digits --recipe recipe.toml --out digits --dry-run
      augfactory expand leaves-x10 --reject leaves-x10-v1-rejects.json
    """
    if out is None and reject is None:
        raise missing_option(context, "out")
    with (
        session(as_json=json, quiet=quiet, debug=debug, resumes=True) as progress,
        chosen_engine(engine, address, workers, through) as chosen,
    ):
        from augfactory.commands.expand import expand as command
        from augfactory.commands.expand.classes import ClassRule
        from augfactory.commands.expand.estimate import estimate
        from augfactory.commands.expand.in_place import read_copies
        from augfactory.commands.expand.options import ExpandOptions, build_request
        from augfactory.commands.expand.validation import Held
        from augfactory.commands.versions.rows.redraw_asked import redraw
        from augfactory.store.disk.lock import read_lock

        if out is None:
            assert reject is not None
            check_of_version(context)
            made = redraw(
                source, reject, progress, chosen.workers, read_lock(lock), model=model,
                dry_run=dry_run, runs_on=chosen.engine,
            )  # fmt: skip
            _answer([made], as_json=json)
            return
        vae = {
            "share": share, "decode": decode, "sampler": sampler, "temperature": temperature,
            "reach": reach, "filter": filter,
        }  # fmt: skip
        flags = ExpandOptions(
            factors=tuple(dict.fromkeys(factor or ())),
            classes=ClassRule(per_class, balance),
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
            unlabelled=further_spec(unlabelled, locals(), as_first=False),
            pseudo_label=pseudo_label,
            classifier=classifier,
            weights=weights,
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
        if auto and (dry_run or reject is not None):
            raise RecipeError(
                "--auto --dry-run" if dry_run else "--auto --reject",
                "finding a recipe takes minutes, and writes it",
                "Run `augfactory tune` first, and give --recipe in place of --auto.",
            )
        if through is not None and (auto or reject is not None):
            raise RecipeError(
                "--through --auto" if auto else "--through --reject",
                "only shards come through a place: classifiers of --auto need a shared folder, and "
                "--reject makes few rows",
                "Leave --through out here, and give --recipe in place of --auto.",
            )
        if auto:
            from augfactory.commands.tune.auto import with_found_recipe

            flags = with_found_recipe(
                flags, spec, out, progress, model=model, n_train=n_train,
                workers=chosen.workers, lock=read_lock(lock), runs_on=chosen.engine,
            )  # fmt: skip
        request = build_request(
            flags, spec, out, model=model, checkpoint=checkpoint, n_train=n_train,
            workers=chosen.workers, lock=read_lock(lock), runs_on=chosen.engine, through=through,
        )  # fmt: skip
        if reject is not None:
            made = redraw(
                request, reject, progress, chosen.workers, request.lock, dry_run=dry_run,
                runs_on=chosen.engine,
            )  # fmt: skip
            _answer([made], as_json=json)
        elif dry_run:
            _answer(estimate(request, progress), as_json=json)
        else:
            _answer(command.expand(request, progress), as_json=json, comparable=folds is None)


def _answer(
    answers: "Sequence[Dataset | Estimate]", *, as_json: bool, comparable: bool = True
) -> None:
    """Print datasets that were made, or what is known of them beforehand."""
    from augfactory.commands.expand import expand as command

    if as_json:
        print_json(command.as_json(answers))
    else:
        show(command.as_text(answers, comparable=comparable))
