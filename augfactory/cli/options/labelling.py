"""The options by which unlabelled images become rows."""

from pathlib import Path
from typing import Annotated

import typer

from augfactory.evaluation.classifiers.registry import CLASSIFIERS

Unlabelled = Annotated[
    str | None,
    typer.Option(metavar="SOURCE", help="Images without labels; any folder of images will do."),
]
PseudoLabel = Annotated[
    bool,
    typer.Option(
        "--pseudo-label",
        help="Label the unlabelled images by classifiers, and add as many rows again.",
    ),
]
LabelClassifier = Annotated[
    str | None,
    typer.Option(
        help=f"With --pseudo-label, what labels: {', '.join(CLASSIFIERS)}, or a torchvision name "
        "(resnet18). Take the one that you train [quick].",
        rich_help_panel="Unlabelled images",
    ),
]
LabelWeights = Annotated[
    Path | None,
    typer.Option(
        help="With --pseudo-label, a local file of weights that all but its last layer starts "
        "from.",
        rich_help_panel="Unlabelled images",
    ),
]
