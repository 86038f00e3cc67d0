"""``augfactory vae-train``."""

from pathlib import Path
from typing import Annotated

import typer

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
from augfactory.vae.device import follows


def vae_train(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)],
    out: Annotated[Path, typer.Option(metavar="MODEL_DIR", help="Folder of the trained model.")],
    n_train: Annotated[
        int | None, typer.Option(help="Use only N images, evenly from the classes.")
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Images without labels to learn from as well."),
    ] = None,
    geometry: Annotated[
        bool,
        typer.Option(
            "--geometry/--no-geometry", help="Rotate, shift, scale, flip the images in every batch."
        ),
    ] = True,
    preset: Preset = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 1500,
    architecture: Annotated[
        str,
        typer.Option(
            metavar="conditional|keras-mnist",
            help="The network: given each image's class, or the VAE article's, which is not.",
        ),
    ] = "conditional",
    latent: Annotated[int, typer.Option(help="Size of the latent vector.")] = 20,
    batch: Annotated[int, typer.Option(help="Batch size.")] = 64,
    learning_rate: Annotated[float, typer.Option(help="Initial learning rate.")] = 2e-3,
    optimiser: Annotated[
        str,
        typer.Option(
            metavar="adam|rmsprop", help="What makes the steps; rmsprop has Keras' constants."
        ),
    ] = "adam",
    schedule: Annotated[
        str,
        typer.Option(
            metavar="cosine|constant", help="The learning rate falls to 0, or stays as it is."
        ),
    ] = "cosine",
    clip: Annotated[
        bool, typer.Option("--clip/--no-clip", help="Shorten gradients that are too long.")
    ] = True,
    noise: Annotated[
        str,
        typer.Option(
            metavar="image|batch",
            help="Latent noise of its own for each image, or the same for a batch, as the VAE "
            "article's code has it.",
        ),
    ] = "image",
    kl_weight: Annotated[float, typer.Option(help="Weight of the KL term after warm-up.")] = 1.0,
    warmup: Annotated[
        int | None, typer.Option(help="Steps of KL warm-up; by default a fifth of all.")
    ] = None,
    patience: Annotated[
        int, typer.Option(help="Stop after N intervals without improvement; 0 never stops.")
    ] = 20,
    validation: Annotated[
        float,
        typer.Option(
            help="Share of each class held out to choose the best weights.",
            rich_help_panel="Training",
        ),
    ] = 0.0,
    save_at_loss: Annotated[
        list[float] | None,
        typer.Option(help="Keep a checkpoint when this loss is reached; repeatable."),
    ] = None,
    verdict: Annotated[
        bool,
        typer.Option(
            "--verdict/--no-verdict",
            help="Measure how many decoded images a classifier still recognises.",
        ),
    ] = True,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to train.")] = "auto",
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
    lock: Lock = "flock",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a variational autoencoder on a few labelled images.

    The loss is reconstruction plus KL in nats per image. The model's folder records exactly which
    images were used, so that `augfactory expand MODEL_DIR` goes on from there. At the end,
    classifiers that did not learn an image tell whether they still read it when it is decoded, and
    what to do with the model then. After an interruption the same command continues where it
    stopped; a finished model is kept.

    \b
    Examples:
      augfactory vae-train sample --n-train 100 --out models/digits
      augfactory vae-train leaves/ --size 64 --out models/leaves --validation 0.1
      augfactory vae-train parts/ --unlabelled more/ --out models/parts
      augfactory vae-train sample --n-train 400 --save-at-loss 120 --save-at-loss 100 --out m
      torchrun --nproc-per-node 4 -m augfactory vae-train photos/ --size 64 --out models/photos
      augfactory vae-train sample --n-train 800 --architecture keras-mnist --optimiser rmsprop \\
        --learning-rate 0.001 --schedule constant --warmup 0 --no-clip --no-geometry --out m
    """
    quiet = quiet or follows()
    with session(
        as_json=json, quiet=quiet, debug=debug, resumes=True, room=ROOM_TO_TRAIN
    ) as progress:
        from augfactory.commands.vae.plan import VaeTrainRequest, plan_training
        from augfactory.store.disk.lock import read_lock

        request = VaeTrainRequest(
            source=source_spec(source, size, grey, rgb, download, sized=False, **read_of(locals())),
            out=out,
            n_train=n_train,
            unlabelled=further_spec(unlabelled, locals(), as_first=False),
            geometry=geometry,
            preset=preset,
            seed=seed,
            steps=steps,
            architecture=architecture,
            latent=latent,
            batch=batch,
            learning_rate=learning_rate,
            optimiser=optimiser,
            schedule=schedule,
            clip=clip,
            noise=noise,
            kl_weight=kl_weight,
            warmup=warmup,
            patience=patience,
            validation=validation,
            save_at_loss=tuple(save_at_loss or ()),
            device=device,
            lock=read_lock(lock),
            verdict=verdict,
        )
        planned = plan_training(request, progress)
        from augfactory.commands.vae import train as command  # loads torch: only when all is right
        from augfactory.vae.device import resolve_device
        from augfactory.vae.team import joined

        with joined(resolve_device(device).type) as team:
            if team.rank:
                command.follow(request, team)
                return
            result = command.vae_train(request, progress, planned, team)
        if json:
            print_json(command.as_json(result))
            return
        ended = result.config.result
        earlier = f"weights of step {ended.kept_step:,} kept, "
        show(
            f"{result.out}  {ended.steps:,} steps, "
            f"{earlier if ended.kept_step != ended.steps else ''}loss {ended.loss:.1f} "
            f"(reconstruction {ended.reconstruction:.1f} + KL {ended.kl:.1f} nats per image)"
            + (", exists already" if result.existing else "")
        )
        for name, path in result.checkpoints.items():
            show(f"{name:12s} reached at step {ended.reached[name]:,}  {path}")
        for loss in ended.not_reached:
            show(f"loss {loss:g} was not reached; train for more --steps")
        if ended.decoded is not None:
            show(ended.decoded.words())
