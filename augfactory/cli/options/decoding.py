"""The options that say how a model makes images."""

from typing import Annotated

import typer

from augfactory.names import SAMPLERS

DecodedShare = Annotated[
    float | None,
    typer.Option(help="With a model: share of the unmixed further images that it makes."),
]
Decode = Annotated[
    str | None,
    typer.Option(
        metavar="full|residual",
        help="With a model: the decoded image, or the real image plus the change.",
    ),
]
Filter = Annotated[
    bool | None,
    typer.Option(
        "--filter/--no-filter",
        help="With a model: redraw images that classifiers read as another class.",
    ),
]
Sampler = Annotated[
    str | None,
    typer.Option(metavar="|".join(SAMPLERS), help="With a model: how latent vectors are sampled."),
]
Temperature = Annotated[
    float | None,
    typer.Option(help="With a model: noise scale, in standard deviations of the latent vector."),
]
Reach = Annotated[
    float | None,
    typer.Option(help="With same-class: how far to interpolate to another image, 0 to 2."),
]
