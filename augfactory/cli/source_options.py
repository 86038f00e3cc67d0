"""The options that say how a SOURCE is read; shared by the commands that read one."""

from typing import TYPE_CHECKING, Annotated

import typer

from augfactory.errors import RecipeError
from augfactory.names import PRESETS, SOURCES

if TYPE_CHECKING:  # numpy takes half of the time that `augfactory --help` may take
    from augfactory.records import Colour, SourceSpec

_KINDS = ", ".join(SOURCES.values())
SOURCE_HELP = (
    f"{_KINDS[:1].upper()}{_KINDS[1:]}, a dataset version, 'sample', or torchvision:NAME; ':train' "
    "or ':test' chooses a split."
)
Size = Annotated[
    str | None, typer.Option(help="Resize images to HxW pixels: aspect kept, centre cropped.")
]
Grey = Annotated[bool, typer.Option("--grey", help="Convert images to one grey channel.")]
Rgb = Annotated[bool, typer.Option("--rgb", help="Convert images to three colour channels.")]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(PRESETS),
        help="How images are varied. By default the "
        "model's preset, or the one that a test on your images suggests.",
    ),
]
Download = Annotated[bool, typer.Option("--download", help="Allow torchvision:NAME to download.")]

SkipBroken = Annotated[
    bool,
    typer.Option("--skip-broken", help="Go on without images that cannot be read; record which."),
]


def source_spec(
    text: str,
    size: str | None,
    grey: bool,
    rgb: bool,
    download: bool,
    skip_broken: bool = False,
) -> "SourceSpec":
    """Put the options together.

    Raises:
        RecipeError: they contradict each other.
    """
    if grey and rgb:
        raise RecipeError("--grey --rgb", "an image cannot be both", "Leave one out.")
    from augfactory.records import SourceSpec, read_size

    colour: Colour = "grey" if grey else "rgb" if rgb else "auto"
    pixels = read_size(size) if size is not None else None
    return SourceSpec(text, pixels, colour, download, skip_broken)
