"""Where something outside a version lies, told from the version's folder.

A manifest keeps what the user typed, which only the working folder of that day makes sense of. The
place told from the version's folder holds in any working folder, and still holds where a project
was moved or copied as a whole; it names no folder above the one that both share.
"""

import os
from pathlib import Path


def place_from(folder: Path, text: str | Path) -> str:
    """Return the path ``text``, of a file or folder, as told from ``folder``."""
    return os.path.relpath(os.path.realpath(text), os.path.realpath(folder))


def path_at(folder: Path, place: str) -> str:
    """Return the path that ``place`` is, told from ``folder``."""
    return os.path.normpath(os.path.join(os.path.realpath(folder), place))
