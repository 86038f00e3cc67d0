"""Open whatever a SOURCE names: files, the bundled digits, torchvision sets, dataset versions."""

import os
from dataclasses import replace
from pathlib import Path

from augfactory.errors import InputDataError
from augfactory.guarded.files import is_folder
from augfactory.records import SourceSpec
from augfactory.source_rows import SourceRows
from augfactory.sources.opening import SAMPLE, SPLITS, split_suffix
from augfactory.sources.torchvision_source import PREFIX
from augfactory.store.manifest import Manifest
from augfactory.store.places import path_at, place_from, portable, remember, remembered
from augfactory.store.versions import find_version, looks_like_version


def lasting_text(text: str) -> str:
    """Return a SOURCE that names the same from any working folder, now and later.

    A path becomes absolute and a dataset's newest version is named, split suffix kept; ``sample``
    and ``torchvision:NAME`` stay as they are.
    """
    if looks_like_version(text):
        return str(find_version(text).resolve())
    name, colon, split = text.rpartition(":")
    if split in SPLITS and looks_like_version(name):
        return f"{find_version(name).resolve()}{colon}{SPLITS[split]}"
    path, suffix = split_suffix(text)
    if not _is_path(path):
        return text
    return os.path.abspath(path) + (f":{suffix}" if suffix else "")


def place_of_source(text: str, folder: Path) -> str | None:
    """Return a SOURCE as told from ``folder``; None where it lies nowhere, such as ``sample``."""
    lasting = lasting_text(text)
    return place_from(folder, lasting) if _is_path(split_suffix(lasting)[0]) else None


def handed_on(rows: SourceRows, folder: Path) -> SourceRows:
    """Return the record of rows as it is kept in ``folder``: without paths of this machine.

    ``rows.text`` is as it was typed, in this working folder.
    """
    place = place_of_source(rows.text, folder)
    lasting = lasting_text(rows.text)
    if place is None and os.path.isabs(split_suffix(lasting)[0]):
        remember(rows.fingerprint, lasting)
    return rows.model_copy(update={"text": portable(rows.text), "place": place})


def spec_of(origin: SourceRows, folder: Path) -> SourceSpec:
    """Return how to open what the version in ``folder`` was made from.

    It is looked for from this folder first: what the user typed may be something else in another
    working folder.
    """
    text = origin.text
    if origin.place is None:
        there = remembered(origin.fingerprint)
        if there is not None and not os.path.lexists(split_suffix(text)[0]):
            text = there
    else:
        there = path_at(folder, origin.place)
        # Where both are the same it stays as typed, which people know from messages.
        if os.path.lexists(split_suffix(there)[0]) and not _leads_to(text, there):
            text = there
    return replace(origin.spec, text=text)


def places_of(text: str, place: str | None, folder: Path) -> list[str]:
    """Return where ``spec_of`` and ``folder_of_model`` look, as absolute paths, each once.

    ``text`` is what was typed and ``place`` the same as told from ``folder``, the version's.
    Nothing is returned where ``text`` is no path, such as ``sample``.
    """
    if not _is_path(split_suffix(text)[0]):
        return []
    told = [] if place is None else [path_at(folder, place)]
    return list(dict.fromkeys([*told, os.path.abspath(text)]))


def folder_of_model(manifest: Manifest, folder: Path) -> Path | None:
    """Return where the model of the version in ``folder`` lies; None where nothing says so."""
    model = manifest.model or {}
    there = remembered(str(model.get("sha256")))
    if model.get("place") is not None:
        there = path_at(folder, model["place"])
    if there is not None and is_folder(Path(there)):
        return Path(there)
    return Path(model["folder"]) if model.get("folder") else None


def converted_like(spec: SourceSpec, origin: SourceRows) -> SourceSpec:
    """Return ``spec``, its images converted as those of ``origin`` unless it says otherwise."""
    colour = origin.colour if spec.colour == "auto" else spec.colour
    options = replace(spec.options, fit=spec.options.fit or origin.options.fit)
    return replace(spec, size=spec.size or origin.size, colour=colour, options=options)


def flags_of(spec: SourceSpec) -> list[str]:
    """Return the options of the command line by which ``spec.text`` is opened as it says."""
    options = spec.options
    root = options.root
    if root is not None:
        root = os.path.relpath(path_at(Path(split_suffix(spec.text)[0]).parent, root))
    values = {
        "--size": None if spec.size is None else "x".join(map(str, dict.fromkeys(spec.size))),
        "--fit": options.fit,
        "--root": root,
        "--file-column": options.file_column,
        "--label-column": options.label_column,
    }
    words = [word for name, value in values.items() if value is not None for word in (name, value)]
    words += [] if spec.colour == "auto" else [f"--{spec.colour}"]
    words += ["--follow-links"] * options.follow_links
    return words + ["--skip-broken"] * spec.skip_broken


def _leads_to(text: str, lasting: str) -> bool:
    try:
        return os.path.realpath(lasting_text(text)) == os.path.realpath(lasting)
    except InputDataError:  # a version that is not known from this working folder
        return False


def _is_path(text: str) -> bool:
    """Tell whether a SOURCE without its split suffix is a path."""
    return text != SAMPLE and (not text.startswith(PREFIX) or os.path.lexists(text))
