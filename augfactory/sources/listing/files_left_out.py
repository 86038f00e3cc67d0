"""What class folders hold beside the images that are read, and why it is passed over."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from augfactory.records import LeftOut
from augfactory.sources.parsing.table_files import IMAGE_SUFFIXES
from augfactory.sources.parsing.unread_formats import first_unread

NOT_CLASSES = ("__MACOSX", "__pycache__")


def files_left_out(folder: Path, files: Mapping[str, Sequence[str]]) -> Iterator[LeftOut]:
    """Yield what is in ``folder`` and its class folders, and is none of their ``files``.

    ``files`` are class -> the files that are read, as told from its folder. Hidden files are not
    told.
    """
    told_apart = {*files, *NOT_CLASSES}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name in told_apart:
            continue
        reason = _reason(entry.name, "an image in no class folder")
        yield LeftOut(entry.name, "an empty folder" if entry.is_dir() else reason)
    for of_class, own in files.items():
        kept = set(own)
        for place, folders, names in os.walk(folder / of_class):
            folders[:] = sorted(set(folders) - set(NOT_CLASSES))
            way = Path(place).relative_to(folder / of_class)
            for name in sorted(names):
                inside = (way / name).as_posix()
                if inside not in kept and not name.startswith("."):
                    yield LeftOut(f"{of_class}/{inside}", _reason(name, "below a class folder"))


def _reason(name: str, of_image: str) -> str:
    unread = first_unread([name])
    if unread is not None:
        return unread[1]
    return of_image if name.lower().endswith(IMAGE_SUFFIXES) else "no image, by its name"
