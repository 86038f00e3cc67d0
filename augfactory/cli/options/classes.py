"""The options by which uneven classes are made even."""

from typing import Annotated

import typer

PerClass = Annotated[
    int | None,
    typer.Option(
        "--per-class",
        metavar="N",
        help="In place of --factor: exactly N rows of each class, mixtures among them.",
    ),
]
Balance = Annotated[
    bool,
    typer.Option("--balance", help="As many rows of each class as the largest has by its factor."),
]
