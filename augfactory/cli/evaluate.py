"""``augfactory evaluate``."""

from dataclasses import asdict
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
    further_spec,
    read_of,
    source_spec,
)
from augfactory.cli.options.training import (
    Classifier,
    Drops,
    Freeze,
    LabelSmoothing,
    LearningRate,
    Optimiser,
    SaveWeights,
    WeightDecay,
    Weights,
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
from augfactory.evaluation.classifiers.registry import DEFAULT_CLASSIFIER

QUICK_STEPS, QUICK_SEEDS = 100, 2


def evaluate(
    datasets: Annotated[list[str], typer.Argument(metavar="DATASET...", help="NAME or NAME@vN.")],
    test: Annotated[str, typer.Option(metavar="SOURCE", help=f"Test images. {SOURCE_HELP}")],
    classifier: Classifier = DEFAULT_CLASSIFIER,
    weights: Weights = None,
    freeze: Freeze = None,
    save_weights: SaveWeights = False,
    seeds: Annotated[
        int, typer.Option(min=1, help="Random seeds: classifiers trained on each arm.")
    ] = 3,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Optimiser steps, the same for every arm; if left out, until no arm improves.",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="About how long at most; what is left over goes into more seeds."),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, help="Batch size; 64, or with --order rounds as many rows as share a draw."
        ),
    ] = None,
    optimiser: Optimiser = None,
    learning_rate: LearningRate = None,
    weight_decay: WeightDecay = None,
    label_smoothing: LabelSmoothing = None,
    drops: Drops = None,
    loss: Annotated[
        str,
        typer.Option(
            metavar="ce|weighted|jsd",
            help="Of the datasets: cross entropy with soft labels; the same, images of rare "
            "classes counting more; or AugMix's Jensen-Shannon consistency, for those that hold "
            "two views of an image. See --arm for online arms.",
        ),
    ] = "ce",
    order: Annotated[
        str,
        typer.Option(
            metavar="shuffled|rounds|one-of-k",
            help="How datasets are read: shuffled, round after round (for schedules), or one image "
            "of each original in an epoch.",
        ),
    ] = "shuffled",
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="Compare this too, repeatable: originals+cutmix, originals+geometry+ricap and the "
            "like, varied online (+weighted: rare classes count more in the loss; +jsd after "
            "augmix: that loss, with views made anew in every batch); synthetic-only and "
            "real+synthetic of each dataset."
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="The arm that all others are compared with; if left out, the best of those that "
            "need no dataset: originals, originals+geometry, originals+geometry+mixup, varied "
            "online, of uneven classes originals+geometry+mixup+weighted, and of sets of "
            "photographs and clothes originals+geometry+randaugment+mixup."
        ),
    ] = None,
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
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|RULE",
            help="Images that belong together, as for expand: no group of the originals may be in "
            "the test, nor among the rows for the temperature; those of the test count as one "
            "image each in intervals.",
        ),
    ] = None,
    corruptions: Annotated[
        str | None,
        typer.Option(
            metavar="mnist-c|cifar-c|imagenet-c|mnist-c-extra",
            help="Test on corrupted images too, with the constants of this benchmark; "
            "mnist-c-extra is its glass blur to all sides, alone.",
        ),
    ] = None,
    corrupted: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Test on published corrupted images too: CIFAR-10-C's and MNIST-C's .npy files, "
            "or folders CORRUPTION/SEVERITY/CLASS as ImageNet-C's.",
        ),
    ] = None,
    ensemble: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Let K classifiers of an arm answer together too, by the mean of their "
            "probabilities; at most --seeds.",
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="auto|float32|bfloat16",
            help="Of matrix products; auto: what the processor does fast.",
        ),
    ] = "auto",
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda", help="Where classifiers are trained.")
    ] = "auto",
    quick: Annotated[
        bool, typer.Option(help="100 steps, 2 seeds: to see that it runs, not to decide.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the results; NAME-evaluation if left out.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; by default one per core.")
    ] = None,
    engine: EngineName = "local",
    address: Address = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all of it and say how long it would take.")
    ] = False,
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
    """Train a classifier on each dataset and on its originals, and say what to train on.

    The originals are trained on as they are, varied online by geometry, and by geometry and mixup;
    where a set has RandAugment or the like also by that, and of uneven classes with a loss that
    weighs them. What a dataset has to beat is the best of these. Every arm gets the same number of
    optimiser steps and the same initial weights for the same seed, until no arm improves any more.
    The last lines say which arm to use, how sure that is, and what to type next; report.html shows
    the rest. Test images that are also in a training set are refused. After an interruption the
    same command continues where it stopped.

    \b
    Examples:
      augfactory evaluate digits-x10 digits-x50 --test sample:test
      augfactory evaluate leaves-x10 --test leaves:test --minutes 20
      augfactory evaluate leaves-x10@v2 --test leaves:test --classifier resnet20 --seeds 5
      augfactory evaluate leaves-x10 --test leaves:test --arm synthetic-only --arm real+synthetic
      augfactory evaluate photos-x10 --test torchvision:CIFAR10:test --corrupted CIFAR-10-C
      augfactory evaluate leaves-x10 --test leaves:test --weights kept.safetensors --freeze 8
    """
    with (
        session(
            as_json=json, quiet=quiet, debug=debug, resumes=True, room=ROOM_TO_TRAIN
        ) as progress,
        chosen_engine(engine, address, workers) as chosen,
    ):
        from augfactory.commands.evaluate import evaluate as command
        from augfactory.commands.evaluate.request import EvaluateRequest
        from augfactory.evaluation.comparison.verdict_words import lead_and_rest
        from augfactory.guarded.text import escaped
        from augfactory.report.tables import ensembles_table, table
        from augfactory.store.disk.lock import read_lock

        request = EvaluateRequest(
            datasets=tuple(datasets),
            test=source_spec(test, size, grey, rgb, download, sized=True, **read_of(locals())),
            classifier=classifier,
            weights=weights,
            seeds=min(seeds, QUICK_SEEDS) if quick else seeds,
            steps=steps or (QUICK_STEPS if quick else None),
            minutes=minutes,
            batch=batch,
            precision=precision,
            device=device,
            loss=loss,
            order=order,
            optimiser=optimiser,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            drops=drops,
            freeze=freeze,
            save_weights=save_weights,
            arms=tuple(arm or ()),
            baseline=baseline,
            real_share=real_share,
            held_out=further_spec(held_out, locals(), as_first=True),
            corruptions=corruptions,
            corrupted=corrupted,
            ensemble=ensemble,
            workers=chosen.workers,
            out=out,
            lock=read_lock(lock),
            runs_on=chosen.engine,
            group=group,
            quick=quick and steps is None,
        )
        if dry_run:
            prepared = command.prepare(request, progress)
            command.told_before(request, prepared, progress)
            from augfactory.commands.evaluate.estimate import as_text, estimate  # loads torch

            found = estimate(request, prepared)
            if json:
                print_json(asdict(found))
                return
            show(as_text(found))
            return
        result = command.evaluate(request, progress)
        if json:
            print_json(command.as_json(result))
            return
        show(table(result.arms))
        if (together := ensembles_table(result.arms)) is not None:
            show()
            show(together)
        show()
        for path in result.files:
            show(escaped(str(path)))
        show()
        for part in lead_and_rest(result.verdict.text, result.verdict.lead):
            show(escaped(part))
        show(f"Next: {escaped(result.next_here)}")
