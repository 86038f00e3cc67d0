"""The options that say how a SOURCE is read; shared by the commands that read one."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augfactory.errors import RecipeError
from augfactory.names import PRESETS, SOURCES

if TYPE_CHECKING:  # numpy takes half of the time that `augfactory --help` may take
    from augfactory.records import Colour, SourceSpec

_KINDS = ", ".join(SOURCES.values())
SOURCE_HELP = (
    f"{_KINDS[:1].upper()}{_KINDS[1:]}, a dataset version, 'sample', or torchvision:NAME; "
    "':train', ':test' or ':val' chooses a split."
)
Size = Annotated[
    str | None,
    typer.Option(help="Resize images to HxW pixels; if nothing else is said, they are cropped."),
]
Fit = Annotated[
    str | None,
    typer.Option(
        metavar="crop|squash|pad",
        help="How images are brought to --size: the middle cut out, the whole squashed, or the "
        "whole laid on black. [default: crop]",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        metavar="TABLE",
        help="A table (.csv, .tsv, .parquet) with the class of each image in the folder SOURCE.",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where the images are that the table SOURCE names."),
]
FileColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of a table that names the image files."),
]
LabelColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column of a table that has the classes.")
]
FollowLinks = Annotated[
    bool, typer.Option("--follow-links", help="Follow links that lead out of the source's folder.")
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


def read_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a command's arguments, ``given`` by name, that say how a SOURCE is read."""
    from augfactory.commands.opening.reading import NAMES

    return {name: given[name] for name in NAMES if name in given}


def further_spec(
    text: str | None, given: Mapping[str, Any], *, as_first: bool
) -> "SourceSpec | None":
    """Return how a SOURCE beside the first is read, None where none is named.

    ``given`` are the command's arguments by name. ``as_first`` tells that sizes and colours asked
    for are its too; else its images are converted as those of the first are.
    """
    if text is None:
        return None
    from augfactory.commands.opening.reading import of_any_source

    size, grey, rgb = (given["size"], given["grey"], given["rgb"]) if as_first else (None,) * 3
    return source_spec(text, size, bool(grey), bool(rgb), given["download"], **of_any_source(given))


def source_spec(
    text: str,
    size: str | None,
    grey: bool,
    rgb: bool,
    download: bool,
    *,
    sized: bool = True,
    **read: Any,
) -> "SourceSpec":
    """Put the options together; for ``read`` and ``sized`` see ``spec_read_by``.

    Raises:
        RecipeError: they contradict each other.
    """
    if grey and rgb:
        raise RecipeError("--grey --rgb", "an image cannot be both", "Leave one out.")
    from augfactory.commands.opening.reading import spec_read_by
    from augfactory.records import read_size

    colour: Colour = "grey" if grey else "rgb" if rgb else "auto"
    pixels = read_size(size) if size is not None else None
    return spec_read_by(text, pixels, colour, read, download=download, sized=sized)
