"""Where something outside a version lies, told from the version's folder.

A manifest keeps what the user typed, which only the working folder of that day makes sense of. The
place told from the version's folder holds in any working folder, and still holds where a project
was moved or copied as a whole; it names no folder above the one that both share.

What shares nothing with the version, such as a source on another disk, has no such place: its
whole path would tell others how the maker's machine is laid out. That path is remembered in the
user's own cache folder instead, under the hash of what lies there, and is not handed on.
"""

import contextlib
import json
import os
import re
from pathlib import Path, PurePath

from augfactory.errors import AugfactoryError
from augfactory.guarded.documents import read_json
from augfactory.store.disk.atomic import make_folders, write_file

LARGEST_NOTE = 2**16  # bytes


def place_from(folder: Path, text: str | Path) -> str | None:
    """Return the path ``text``, of a file or folder, as told from ``folder``.

    None where they share no folder but the root of the disk.
    """
    target, base = os.path.realpath(text), os.path.realpath(folder)
    try:
        shared = os.path.commonpath([target, base])
    except ValueError:  # two drives of Windows
        return None
    return None if shared == os.path.dirname(shared) else os.path.relpath(target, base)


def path_at(folder: Path, place: str) -> str:
    """Return the path that ``place`` is, told from ``folder``."""
    return os.path.normpath(os.path.join(os.path.realpath(folder), place))


def portable(text: str) -> str:
    """Return a SOURCE as it may be handed on: of an absolute path its end alone."""
    path = PurePath(text)
    if not path.is_absolute():
        return text
    if re.fullmatch(r"v\d+(:\w+)?", path.name):  # a version by its folder
        return f"{path.parent.name}/{path.name}"
    return path.name or "source"


def typed_here(text: str) -> str:
    """Return a SOURCE as it can be typed in this working folder."""
    return (place_from(Path(), text) or text) if PurePath(text).is_absolute() else text


def told_others(text: str) -> str:
    """Return a SOURCE as it can be typed in this working folder and be handed on.

    Of what shares no folder with it, that is no more than the end: others type their own.
    """
    return portable(typed_here(text))


def remember(key: str, text: str) -> None:
    """Remember for this user that what has the hash ``key`` lies at ``text``, where that can be."""
    note = _note(key)
    if note is not None:
        with contextlib.suppress(AugfactoryError):  # a home that may not be written is no fault
            make_folders([note.parent])
            write_file(note, json.dumps({"text": text}).encode())


def remembered(key: str) -> str | None:
    """Return where what has the hash ``key`` lay when it was last used here; None if unknown."""
    note = _note(key)
    if note is None:
        return None
    try:
        text = read_json(note, LARGEST_NOTE, follow=False)["text"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return text if isinstance(text, str) else None


def _note(key: str) -> Path | None:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if not os.path.isabs(base) or not re.fullmatch(r"[0-9a-f]{64}", key):
        return None
    return Path(base) / "augfactory" / "places" / f"{key}.json"
