"""The image files in a folder and in the folders of it, and where links may lead.

Hidden files and the folders ``NOT_CLASSES`` are passed over. A link that leads out of the root is
refused unless it is asked for.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from augfactory.errors import InputDataError
from augfactory.sources.listing.files_left_out import NOT_CLASSES
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.table_files import IMAGE_SUFFIXES

MOST_DEEP = 32  # folders in each other


@dataclass(frozen=True)
class Links:
    """Links may not lead out of ``root`` unless they may lead ``out``."""

    root: Path
    out: bool


@dataclass(frozen=True)
class Entry:
    """What a listing says of one name, links followed."""

    name: str
    is_folder: bool
    is_file: bool
    is_link: bool


def entries_of(folder: Path) -> list[Entry]:
    """List a folder once; only for links does the system look at more than the listing.

    Raises:
        InputDataError: it cannot be listed.
    """
    with (
        decoder_errors(folder, "cannot be listed", "Check the folder."),
        os.scandir(folder) as entries,
    ):
        return [
            Entry(entry.name, entry.is_dir(), entry.is_file(), entry.is_symlink())
            for entry in entries
            if not entry.name.startswith(".")
        ]


def images_below(root: Path, *, links_out: bool) -> list[str]:
    """Return the paths of all images in a folder and below, told from it, sorted.

    Raises:
        InputDataError: a folder cannot be listed, or a link leads out of ``root``, unless
            ``links_out``.
    """
    links = Links(root, links_out)
    entries = entries_of(root)
    found = images_in(root, entries, links)
    return sorted(found + nested_images(root, "", entries, links, {os.path.realpath(root)}))


def images_in(folder: Path, entries: list[Entry], links: Links) -> list[str]:
    """Return the sorted names of the images directly in a folder, whose listing is ``entries``.

    Raises:
        InputDataError: a link leads out.
    """
    images = [
        entry
        for entry in entries
        if entry.name.lower().endswith(IMAGE_SUFFIXES)
        and (entry.is_file or entry.is_link)
        and not entry.is_folder
    ]
    for entry in images:
        if entry.is_link:
            refuse_way_out(folder / entry.name, links)
    return sorted(entry.name for entry in images)


def nested_images(
    folder: Path, way: str, entries: list[Entry], links: Links, seen: set[str]
) -> list[str]:
    """Return the images of all folders among ``entries``, which are in ``folder``, and below.

    ``way`` leads from the class folder to ``folder``; ``seen`` are the folders on it, so that links
    in a circle end.

    Raises:
        InputDataError: a link leads out, or folders are in a circle.
    """
    found = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        if not entry.is_folder or entry.name in NOT_CLASSES:
            continue
        inner = folder / entry.name
        if entry.is_link:
            refuse_way_out(inner, links)
        real = os.path.realpath(inner)
        if real in seen or len(seen) > MOST_DEEP:
            raise InputDataError(
                inner, "these folders are in a circle, or too deep in each other",
                "Remove the link, or lay the images flat.",
            )  # fmt: skip
        below, inside = entries_of(inner), f"{way}{entry.name}/"
        found += [f"{inside}{name}" for name in images_in(inner, below, links)]
        found += nested_images(inner, inside, below, links, {*seen, real})
    return found


def refuse_way_out(path: Path, links: Links) -> None:
    """Refuse the link ``path`` where it leads out of the root and may not.

    Raises:
        InputDataError: saying how it may.
    """
    if not links.out and not path.resolve().is_relative_to(links.root.resolve()):
        raise InputDataError(
            path,
            f"this link leads out of {links.root}",
            "Follow such links with --follow-links (in a study file follow_links = true), or put a "
            "copy in its place.",
        )
