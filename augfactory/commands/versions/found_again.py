"""Find again what a version was made from."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from augfactory.commands.expand.inputs import BuildInputs
from augfactory.commands.expand.rendering.kept_images import MOST_KEPT
from augfactory.commands.opening.model_folder import is_model_folder
from augfactory.commands.opening.opening import folder_of_model, places_of, spec_of
from augfactory.commands.progress import Progress
from augfactory.errors import AugfactoryError, InputDataError, RecipeError, ResourceError
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.records import Source, SourceSpec
from augfactory.source_rows import SourceRows
from augfactory.sources.opening import open_source, split_suffix
from augfactory.sources.recorded import ChangedSourceError, open_rows
from augfactory.sources.unlabelled import open_unlabelled
from augfactory.store.manifest import Manifest
from augfactory.store.versions import find_version
from augfactory.vae.files import WEIGHTS

if TYPE_CHECKING:
    from augfactory.vae.checkpoint import Model


def gather_again(
    folder: Path,
    manifest: Manifest,
    recipe: Recipe,
    source: str | None,
    model_folder: Path | None,
    progress: Progress,
) -> BuildInputs:
    """Find the source rows and the model that the version in ``folder`` was made from, no others.

    ``source`` and ``model_folder`` say where they lie now; None is where they lay.

    Raises:
        InputDataError: they are gone or have changed.
    """
    recorded = spec_of(manifest.source, folder)
    spec = replace(recorded, text=source or recorded.text)
    if source is None:
        _check_recorded_source(manifest, folder)
    with progress.bar("reading the source", len(manifest.source.rows), "image") as bar:
        _, chosen = open_rows(
            manifest.source,
            f"{manifest.address} was made from",
            "Restore the source, or name another copy of it with --source SOURCE.",
            spec=spec,
            opener=lambda spec: _open_source(manifest, spec),
            on_rows=bar.advance,
            in_memory=MOST_KEPT,
        )
    unlabelled = _unlabelled_again(folder, manifest, recipe)
    loaded, place, checkpoint = None, None, None
    if recipe.vae is not None:
        place = model_folder or _recorded_model(manifest, folder)
        loaded, checkpoint = _load_model(manifest, place)
    rows = manifest.source.model_copy(update={"text": spec.text})
    return BuildInputs(rows, chosen, loaded, place, checkpoint, unlabelled)


def refuse_model(manifest: Manifest, model: Path | None) -> None:
    """Refuse to be told where the model of a version is that has none.

    Raises:
        RecipeError: naming the option.
    """
    if model is not None and manifest.model is None:
        raise RecipeError(
            "--model", f"{manifest.address} was made without a model", "Leave --model out."
        )


def _unlabelled_again(folder: Path, manifest: Manifest, recipe: Recipe) -> SourceRows | None:
    entry = manifest.unlabelled
    if entry is None:
        if recipe.pseudo_label is None:
            return None
        raise InputDataError(
            manifest.address,
            "its manifest does not say which unlabelled images were labelled",
            "Its manifest was edited: restore it from a copy.",
        )
    spec = spec_of(entry, folder)
    what, remedy = (
        f"{manifest.address} was made from",
        f"Restore the unlabelled images to {spec.text}.",
    )
    try:
        open_rows(entry, what, remedy, spec=spec, opener=open_unlabelled)
    except ChangedSourceError:
        raise
    except InputDataError as error:
        told = f"{error.what}; {manifest.address} was made from it too"
        raise InputDataError(error.where, told, remedy) from error
    return entry.model_copy(update={"text": spec.text})


def _open_source(manifest: Manifest, spec: SourceSpec) -> Source:
    try:
        return open_source(spec)
    except AugfactoryError as error:
        if isinstance(error, ResourceError):
            raise
        raise InputDataError(
            error.where,
            f"{error.what}; {manifest.address} was made from it",
            "Restore it, or name where it is now with --source SOURCE.",
        ) from error


def _recorded_model(manifest: Manifest, folder: Path) -> Path:
    place = folder_of_model(manifest, folder)
    if place is None:
        raise InputDataError(
            manifest.address,
            "its manifest does not say where its model is",
            "Name it with --model MODEL_DIR.",
        )
    model = manifest.model or {}
    places = places_of(model.get("folder") or str(place), model.get("place"), folder)
    if not any(is_model_folder(each) for each in (*places, str(place))):
        raise InputDataError(
            place,
            f"{manifest.address} was made with it, and there is no finished model at "
            f"{_in_words(places, model.get('place'))}",
            "Name where it is now with --model MODEL_DIR, or restore it.",
        )
    return place


def _check_recorded_source(manifest: Manifest, folder: Path) -> None:
    text, place = manifest.source.text, manifest.source.place
    places = places_of(text, place, folder)
    found = spec_of(manifest.source, folder).text
    if places and not any(_is_there(each) for each in (*places, text, found)):
        raise InputDataError(
            text,
            f"{manifest.address} was made from it, and there is no such file or folder: nothing "
            f"at {_in_words(places, place)}",
            "Name where it is now with --source SOURCE, or restore it.",
        )


def _is_there(text: str) -> bool:
    """Tell whether a SOURCE is a file, a folder or a version that is known from here."""
    name, _ = split_suffix(text)
    if os.path.lexists(name):
        return True
    try:
        find_version(name)
    except InputDataError:
        return False
    return True


def _in_words(places: Sequence[str], place: str | None) -> str:
    """Return the places that ``places_of`` told, with what each follows from."""
    origins = ["as typed, from the working folder"]
    if place is not None:
        origins.insert(0, "told from the version's folder")
    return " nor at ".join(f"{each} ({how})" for each, how in zip(places, origins, strict=False))


def _load_model(manifest: Manifest, folder: Path) -> "tuple[Model, str | None]":
    """Return the model, and the checkpoint in ``folder`` whose weights are those recorded."""
    from augfactory.vae.checkpoint import load_model  # torch takes seconds: only when needed
    from augfactory.vae.config import read_config

    wanted = (manifest.model or {}).get("sha256")
    try:
        files = read_config(folder).files
        names = [name for name, sha256 in files.items() if sha256 == wanted]
        if names:
            checkpoint = None if WEIGHTS in names else names[0]
            return load_model(folder, checkpoint), checkpoint
    except InputDataError as error:
        raise InputDataError(
            error.where,
            f"{error.what}; {manifest.address} was made with it",
            "Restore it, or name where it is now with --model MODEL_DIR.",
        ) from error
    raise InputDataError(
        folder,
        f"none of its weights are those that {manifest.address} was made with: "
        f"sha256 {str(wanted)[:16]}",
        "Name the model that made it with --model MODEL_DIR.",
    )
