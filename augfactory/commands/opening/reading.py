"""How the user says that a source is read: options of the command line, of Python, of a study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augfactory.errors import RecipeError, one_of, unknown_name
from augfactory.records import FITS, Colour, SourceOptions, SourceSpec
from augfactory.sources.opening import split_suffix
from augfactory.store.places import place_from

NAMES = (
    "fit", "labels", "root", "file_column", "label_column", "follow_links", "skip_broken",
)  # fmt: skip


def spec_read_by(
    text: str | Path,
    size: int | tuple[int, int] | None,
    colour: Colour,
    read: Mapping[str, Any] | None = None,
    *,
    download: bool = False,
    sized: bool = True,
) -> SourceSpec:
    """Return how a source is opened.

    Args:
        text: the SOURCE.
        size: side, or (height, width), in pixels; None keeps the images' own.
        colour: see ``SourceSpec``.
        read: the options ``NAMES`` by their names, as the command line has them.
        download: whether torchvision may fetch it.
        sized: whether the images may get a size from elsewhere where none is given.

    Raises:
        RecipeError: there is no such option or way to fit, or the options contradict each other.
    """
    said = {name: value for name, value in (read or {}).items() if value is not None}
    for name in said:
        if name not in NAMES:
            raise unknown_name("read", "option", name, NAMES)
    fit = None if "fit" not in said else one_of("--fit", "way", said["fit"], FITS)
    if fit is not None and size is None and not sized:
        raise RecipeError("--fit", "says how images are brought to a size", "Give --size too.")
    if "labels" in said and "root" in said:
        raise RecipeError(
            "--labels --root", "both say where the images of a table are",
            "Write SOURCE --labels TABLE, or TABLE --root FOLDER.",
        )  # fmt: skip
    text, root = str(text), said.get("root")
    if "labels" in said:
        (root, split), (table, own) = split_suffix(text), split_suffix(str(said["labels"]))
        text = table + (f":{own or split}" if own or split else "")
    place = None if root is None else place_from(Path(split_suffix(text)[0]).parent, root)
    options = SourceOptions(
        fit=fit,
        root=place,
        file_column=said.get("file_column"),
        label_column=said.get("label_column"),
        follow_links=bool(said.get("follow_links", False)),
    )
    sides = (size, size) if isinstance(size, int) else size
    skip_broken = bool(said.get("skip_broken", False))
    return SourceSpec(text, sides, colour, download, options, skip_broken)
