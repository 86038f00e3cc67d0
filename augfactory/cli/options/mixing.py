"""The options by which images are varied further and mixed."""

from typing import Annotated

import typer

from augfactory.names import MIXING, VARYING

Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METHOD|none",
        help="Vary further images by this after geometry, drawings in place of bends and strokes, "
        "photographs and clothes in place of the default's RandAugment, which `--vary "
        f"randaugment` is; repeatable: {', '.join(VARYING)}.",
    ),
]
Copies = Annotated[int | None, typer.Option(metavar="M", help="The same by this method.")]
Mixup = Annotated[
    int | None,
    typer.Option(
        metavar="M",
        help="Mixtures per source image, on top of the factor, in place of those that photographs "
        "and clothes have by default; 0 leaves mixtures out.",
    ),
]
Mix = Annotated[
    list[str] | None,
    typer.Option(metavar="METHOD=M", help=f"The same by any; repeatable: {', '.join(MIXING)}."),
]
MixFrom = Annotated[
    str | None,
    typer.Option(metavar="expanded|originals", help="Images to mix [expanded; augmix: originals]."),
]
