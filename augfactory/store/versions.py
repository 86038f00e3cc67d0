"""Dataset names and versions: ``digits-x10@v2`` addresses one, ``digits-x10`` the newest."""

import contextlib
import difflib
import re
from pathlib import Path

from augfactory.errors import InputDataError, VerificationError
from augfactory.guarded.files import is_folder, is_there
from augfactory.store.manifest import MANIFEST, read_manifest
from augfactory.vae.files import CONFIG

VERSION = re.compile(r"v[1-9][0-9]{0,8}")
ADDRESS = re.compile(r"@(v[0-9]{1,9})$")
SEARCHED = (Path(), Path("data"))


def version_folders(dataset: Path) -> list[Path]:
    """Return the complete versions under ``dataset``, oldest first."""
    numbered = [
        (int(path.name[1:]), path)
        for path in _entries(dataset)
        if VERSION.fullmatch(path.name) and is_there(path / MANIFEST)
    ]
    return [path for _, path in sorted(numbered)]


def next_version(dataset: Path) -> str:
    """Return the name of the version that comes after all that exist."""
    numbers = [int(path.name[1:]) for path in _entries(dataset) if VERSION.fullmatch(path.name)]
    return f"v{max(numbers, default=0) + 1}"


def find_recipe(dataset: Path, recipe_id: str, content_hash: str | None = None) -> Path | None:
    """Return the version under ``dataset`` that was made for this request, if there is one.

    With ``content_hash`` it must hold this content, too. A version whose manifest is damaged is
    passed over, so that it keeps nobody from a new one.
    """
    for folder in reversed(version_folders(dataset)):
        with contextlib.suppress(VerificationError):
            found = read_manifest(folder)
            if found.recipe_id == recipe_id and content_hash in (None, found.content_hash):
                return folder
    return None


def looks_like_version(text: str) -> bool:
    """Tell whether ``text`` names a dataset version or a dataset that has one."""
    return bool(ADDRESS.search(text)) or _resolve(text) is not None


def find_version(text: str) -> Path:
    """Return the folder that ``NAME``, ``NAME@vN`` or a path names.

    Names are looked for in the working folder and in its ``data`` folder.

    Raises:
        InputDataError: there is no such dataset or version, with what there is instead.
    """
    found = _resolve(text)
    if found is not None:
        return found
    name, version = _name_and_version(text)
    for base in SEARCHED:
        versions = [path.name for path in version_folders(base / name)]
        if versions and version:
            raise InputDataError(
                text, f"there is no {version}", f"There is {', '.join(versions)} of {name}."
            )
        if any(path.name.startswith(".building-") for path in _entries(base / name)):
            raise InputDataError(
                text,
                "this dataset is not finished",
                "Run the command that was making it again: it continues where it stopped.",
            )
    meant = _near_names(Path(name))
    if is_there(Path(name) / CONFIG):
        what = "this is the folder of a model, and a dataset version is needed"
        make = f"Make one with `augfactory expand {name} --factor 10 --out NAME`."
    else:
        what, make = "there is no dataset of this name", "Make it with `augfactory expand`."
    raise InputDataError(text, what, f"Did you mean {' or '.join(meant)}?" if meant else make)


def _near_names(name: Path) -> list[str]:
    """Return datasets called nearly so, in the same folder or else here, as they can be typed."""
    for parent in dict.fromkeys((name.parent, Path())):
        known = _known_names(parent)
        # NAME is what --out was given, and NAME-x10 what was made.
        near = [each for each in known if each.startswith(f"{name.name}-")][:3]
        near = near or difflib.get_close_matches(name.name, known, 3, 0.5)
        if near:
            return [str(parent / each) for each in near]
    return []


def _resolve(text: str) -> Path | None:
    name, version = _name_and_version(text)
    for base in SEARCHED:
        folder = base / name
        try:
            if version:
                if is_there(folder / version / MANIFEST):
                    return folder / version
            elif is_there(folder / MANIFEST):
                return folder
            elif is_folder(folder) and (versions := version_folders(folder)):
                return versions[-1]
        except PermissionError as error:
            raise _forbidden(error) from error
    return None


def _name_and_version(text: str) -> tuple[str, str]:
    """Take ``@v2`` off the end, where it is there."""
    found = ADDRESS.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a folder; nothing where there is none."""
    try:
        return list(folder.iterdir())
    except PermissionError as error:
        raise _forbidden(error) from error
    except (OSError, ValueError):
        return []


def _forbidden(error: PermissionError) -> InputDataError:
    return InputDataError(
        error.filename,
        "you may not look into it (permission denied)",
        f"Allow it: chmod -R u+rX '{error.filename}'",
    )


def _known_names(parent: Path) -> list[str]:
    names: set[str] = set()
    for base in SEARCHED:
        for path in _entries(base / parent):
            with contextlib.suppress(InputDataError):  # a hint is not worth an error
                if version_folders(path):
                    names.add(path.name)
    return sorted(names)
