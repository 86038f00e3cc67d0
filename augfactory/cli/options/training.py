"""Options of how a classifier is trained."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.evaluation.classifiers.registry import CLASSIFIERS
from augfactory.evaluation.training.settings import OPTIMISERS

Classifier = Annotated[
    str, typer.Option(help=f"{', '.join(CLASSIFIERS)}, or a torchvision name (resnet18).")
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Start all but the last layer from these weights: a local file that "
        "--save-weights has written or, for a torchvision classifier, a published one."
    ),
]
Freeze = Annotated[
    str | None,
    typer.Option(
        metavar="N|NAME|last",
        help="With --weights: keep the first N layers fixed, or all before the first that has "
        "NAME in its name (denseblock3); last: only the last layer learns.",
    ),
]
SaveWeights = Annotated[
    bool, typer.Option("--save-weights", help="Keep the weights of each classifier in --out.")
]
Optimiser = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(OPTIMISERS), help="In place of the one that suits the classifier."
    ),
]
LearningRate = Annotated[
    float | None, typer.Option(help="In place of the one that suits the classifier.")
]
WeightDecay = Annotated[
    float | None,
    typer.Option(
        help="Decoupled with muon and adamw, added to the gradient with adam and rmsprop."
    ),
]
LabelSmoothing = Annotated[
    float | None,
    typer.Option(
        help="Share of each label that is spread evenly over the classes; 0 for none. quick and "
        "wide are trained with 0.1."
    ),
]
Drops = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE:FACTOR,...",
        help="Multiply the learning rate by FACTOR from that share of --steps on, such as "
        "0.4:0.1,0.6:0.01.",
    ),
]
