"""The options by which images are kept apart to validate on."""

from typing import Annotated

import typer

Share = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Keep this share of the originals apart, in val/, before anything is made.",
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        metavar="K", help="K datasets NAME-xK-foldI, each with another K-th of them in val/."
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN|RULE",
        help="Originals that stay together in a split: a column of the source, 'parent' (the "
        "folder), 'stem-prefix' (the file name up to '_', '-' or '.'), or a regular expression "
        "over the file name.",
    ),
]
WithValidation = Annotated[
    str | None, typer.Option(metavar="SOURCE", help="Validation images of your own for val/.")
]
