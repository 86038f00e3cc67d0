"""How the user says that a source is read: options of the command line, of Python, of a study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from augfactory.errors import RecipeError, one_of, unknown_name
from augfactory.records import FITS, Colour, SourceOptions, SourceSpec, read_size
from augfactory.sources.opening import split_suffix
from augfactory.store.places import place_from

NAMES = (
    "fit", "labels", "root", "file_column", "label_column", "follow_links", "skip_broken",
)  # fmt: skip


def spec_read_by(
    text: str | Path,
    size: int | tuple[int, int] | str | None,
    colour: Colour,
    read: Mapping[str, Any] | None = None,
    *,
    download: bool = False,
    sized: bool = True,
) -> SourceSpec:
    """Return how a source is opened.

    Args:
        text: the SOURCE.
        size: side, or (height, width), in pixels, or as the command line has it, such as
            "48x64"; None keeps the images' own.
        colour: see ``SourceSpec``.
        read: the options ``NAMES`` by their names, as the command line has them.
        download: whether torchvision may fetch it.
        sized: whether the images may get a size from elsewhere where none is given.

    Raises:
        RecipeError: there is no such option, colour or way to fit, the size is none, or the options
            contradict each other.
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
    skip_broken = bool(said.get("skip_broken", False))
    read_as = one_of("--colour", "colour", colour, get_args(Colour))
    return SourceSpec(text, _sides(size), read_as, download, options, skip_broken)


def of_any_source(read: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what of ``read`` (see ``spec_read_by``) holds for further sources, not one table."""
    return {name: (read or {}).get(name) for name in ("fit", "follow_links", "skip_broken")}


def _sides(size: int | tuple[int, int] | str | None) -> tuple[int, int] | None:
    """Return the (height, width) that ``size`` says; RecipeError where it says none."""
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size,)
    if any(isinstance(side, bool) for side in sides) or len(sides) > 2:
        raise RecipeError(
            "--size", f"{size!r} is not a size", "Give 28, or (28, 32): height, width."
        )
    return read_size("x".join(map(str, sides)))
