"""Dataset names and versions: ``digits-x10@v2`` addresses one, ``digits-x10`` the newest."""

import difflib
import re
from pathlib import Path

from augfactory.errors import InputDataError
from augfactory.store.manifest import MANIFEST, read_manifest
from augfactory.vae.files import CONFIG

SEARCHED = (Path(), Path("data"))


def version_folders(dataset: Path) -> list[Path]:
    """Return the complete versions under ``dataset``, oldest first."""
    numbered = [
        (int(path.name[1:]), path)
        for path in dataset.glob("v*")
        if re.fullmatch(r"v[1-9]\d*", path.name) and (path / MANIFEST).is_file()
    ]
    return [path for _, path in sorted(numbered)]


def next_version(dataset: Path) -> str:
    """Return the name of the version that comes after all that exist."""
    numbers = [int(path.name[1:]) for path in dataset.glob("v*") if path.name[1:].isdecimal()]
    return f"v{max(numbers, default=0) + 1}"


def find_recipe(dataset: Path, recipe_id: str) -> Path | None:
    """Return the version under ``dataset`` that was made for this request, if there is one."""
    for folder in reversed(version_folders(dataset)):
        if read_manifest(folder).recipe_id == recipe_id:
            return folder
    return None


def looks_like_version(text: str) -> bool:
    """Tell whether ``text`` names a dataset version or a dataset that has one."""
    return bool(re.search(r"@v\d+$", text)) or _resolve(text) is not None


def find_version(text: str) -> Path:
    """Return the folder that ``NAME``, ``NAME@vN`` or a path names.

    Names are looked for in the working folder and in its ``data`` folder.

    Raises:
        InputDataError: there is no such dataset or version, with what there is instead.
    """
    found = _resolve(text)
    if found is not None:
        return found
    name, _, version = text.rpartition("@") if re.search(r"@v\d+$", text) else (text, "", "")
    for base in SEARCHED:
        versions = [path.name for path in version_folders(base / name)]
        if versions and version:
            raise InputDataError(
                text, f"there is no {version}", f"There is {', '.join(versions)} of {name}."
            )
        if list((base / name).glob(".building-*")):
            raise InputDataError(
                text,
                "this dataset is not finished",
                "Run the command that was making it again: it goes on where it stood.",
            )
    meant = _near_names(Path(name))
    if (Path(name) / CONFIG).is_file():
        what = "this is the folder of a model, and a dataset version is needed"
        make = f"Make one with `augfactory expand {name} --factor 10 --out NAME`."
    else:
        what, make = "there is no dataset of this name", "Make it with `augfactory expand`."
    raise InputDataError(text, what, f"Did you mean {' or '.join(meant)}?" if meant else make)


def _near_names(name: Path) -> list[str]:
    """Return datasets called nearly so, in the same folder or else here, as they can be typed."""
    for parent in dict.fromkeys((name.parent, Path())):
        near = difflib.get_close_matches(name.name, _known_names(parent), 3, 0.5)
        if near:
            return [str(parent / each) for each in near]
    return []


def _resolve(text: str) -> Path | None:
    name, _, version = text.rpartition("@") if re.search(r"@v\d+$", text) else (text, "", "")
    for base in SEARCHED:
        folder = base / name
        if version:
            if (folder / version / MANIFEST).is_file():
                return folder / version
        elif (folder / MANIFEST).is_file():
            return folder
        elif folder.is_dir() and (versions := version_folders(folder)):
            return versions[-1]
    return None


def _known_names(parent: Path) -> list[str]:
    names: set[str] = set()
    for base in SEARCHED:
        folder = base / parent
        if folder.is_dir():
            names.update(path.name for path in folder.iterdir() if version_folders(path))
    return sorted(names)
