"""The options that say how a SOURCE is read; shared by the commands that read one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augfactory.errors import RecipeError, one_of
from augfactory.names import PRESETS, SOURCES

if TYPE_CHECKING:  # numpy takes half of the time that `augfactory --help` may take
    from augfactory.records import Colour, SourceOptions, SourceSpec

_KINDS = ", ".join(SOURCES.values())
SOURCE_HELP = (
    f"{_KINDS[:1].upper()}{_KINDS[1:]}, a dataset version, 'sample', or torchvision:NAME; "
    "':train', ':test' or ':val' chooses a split."
)
Size = Annotated[str | None, typer.Option(help="Resize images to HxW pixels: see --fit.")]
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
    """Put the options together; ``read`` are those of ``read_options``.

    ``sized``: the images get a size from elsewhere where none is given.

    Raises:
        RecipeError: they contradict each other.
    """
    if grey and rgb:
        raise RecipeError("--grey --rgb", "an image cannot be both", "Leave one out.")
    from augfactory.records import SourceSpec, read_size

    colour: Colour = "grey" if grey else "rgb" if rgb else "auto"
    pixels = read_size(size) if size is not None else None
    if read.get("fit") is not None and pixels is None and not sized:
        raise RecipeError("--fit", "says how images are brought to a size", "Give --size too.")
    text, options = read_options(text, **read)
    return SourceSpec(text, pixels, colour, download, options)


def read_options(
    text: str,
    fit: str | None = None,
    labels: Path | None = None,
    root: Path | None = None,
    file_column: str | None = None,
    label_column: str | None = None,
    follow_links: bool = False,
) -> "tuple[str, SourceOptions]":
    """Return what is opened, which is the table where there is one, and by which options.

    Raises:
        RecipeError: there is no such way to fit, or the options contradict each other.
    """
    from augfactory.records import FITS, SourceOptions
    from augfactory.sources.opening import split_suffix
    from augfactory.store.places import place_from

    fitted = None if fit is None else one_of("--fit", "way", fit, FITS)
    if labels is not None and root is not None:
        raise RecipeError(
            "--labels --root", "both say where the images of a table are",
            "Write SOURCE --labels TABLE, or TABLE --root FOLDER.",
        )  # fmt: skip
    told_from = root
    if labels is not None:
        (folder, split), (table, own) = split_suffix(text), split_suffix(str(labels))
        text = table + (f":{own or split}" if own or split else "")
        told_from = Path(folder)
    place = None
    if told_from is not None:
        place = place_from(Path(split_suffix(text)[0]).parent, told_from)
    return text, SourceOptions(
        fit=fitted,
        root=place,
        file_column=file_column,
        label_column=label_column,
        follow_links=follow_links,
    )
