"""What a dataset is made from: the chosen rows of a source, and a model where there is one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augfactory.commands.expand.build import Build
from augfactory.commands.opening.opening import open_any, place_of_source, refuse_test_split
from augfactory.commands.opening.unlabelled import MOST, Unlabelled, gather_unlabelled
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError, RecipeError
from augfactory.guarded.files import is_there
from augfactory.pipeline.recipe import Recipe, recipe_id, rendering_versions
from augfactory.records import Colour, Int64Array, Source, SourceSpec
from augfactory.sources.fingerprint import fingerprint
from augfactory.sources.subset import stratified_rows
from augfactory.store.manifest_parts import SourceEntry
from augfactory.store.places import place_from
from augfactory.vae.config import read_config
from augfactory.vae.files import CONFIG

if TYPE_CHECKING:
    from augfactory.vae.checkpoint import Model


@dataclass(frozen=True)
class BuildInputs:
    """The source rows and the model of a dataset.

    ``source`` is already restricted to ``rows``, which count in the source that ``spec`` names.
    """

    spec: SourceSpec
    source: Source
    rows: Int64Array
    fingerprint: str
    model: "Model | None"
    model_folder: Path | None
    checkpoint: str | None
    unlabelled: Unlabelled | None = None


def gather(
    spec: SourceSpec,
    model_folder: Path | None,
    checkpoint: str | None,
    n_train: int | None,
    seed: int,
    progress: Progress,
    unlabelled: SourceSpec | None = None,
    most_unlabelled: int = MOST,
) -> BuildInputs:
    """Open what the user named; a MODEL_DIR in place of a SOURCE brings its own source rows.

    Raises:
        InputDataError: the source or the model cannot be used, or do not belong together.
        RecipeError: the options contradict each other.
    """
    brings_rows = model_folder is None and is_model_folder(spec.text)
    if brings_rows:
        model_folder = Path(spec.text)
        _refuse_other_rows(spec, n_train)
    model = None
    if model_folder is not None:
        read_config(model_folder)  # what is wrong with it is told before torch is loaded
        from augfactory.vae.checkpoint import load_model  # torch takes seconds: only when needed

        model = load_model(model_folder, checkpoint)
        if checkpoint is None and model.config.result.decoded is not None:
            progress.say(f"{model_folder}: {model.config.result.decoded.words()}")
        trained_on = model.config.source
        if brings_rows:
            spec = SourceSpec(trained_on.text, trained_on.size, trained_on.colour)
        elif spec.size is None and spec.colour == "auto":
            height, width, channels = model.config.image_shape
            colour: Colour = "rgb" if channels == 3 else "grey"
            spec = replace(spec, size=(height, width), colour=colour)
    whole = open_any(spec)
    refuse_test_split(whole, "a training set made")
    rows = _chosen_rows(whole, model if brings_rows else None, n_train, seed)
    source = whole.restricted_to(rows)
    with progress.bar("reading the source", len(source), "image") as bar:
        print_of_rows = fingerprint(source, bar.advance)
    if model is not None:
        _check_fit(source, model, print_of_rows if brings_rows else None)
    more = None
    if unlabelled is not None:
        more = gather_unlabelled(unlabelled, source, progress, most_unlabelled)
    return BuildInputs(spec, source, rows, print_of_rows, model, model_folder, checkpoint, more)


def build_of(folder: Path, recipe: Recipe, inputs: BuildInputs) -> Build:
    """Return the build of a recipe; ``folder`` is to hold all versions of the dataset."""
    model, unlabelled = inputs.model, inputs.unlabelled
    identity = recipe_id(
        recipe,
        rendering_versions(recipe),
        inputs.fingerprint,
        model.sha256 if model else None,
        unlabelled.fingerprint if unlabelled else None,
    )
    source = inputs.source
    names = list(source.class_names)
    return Build(folder, recipe, identity, len(source), source.image_shape, names)


def manifest_entries(inputs: BuildInputs, final: Path) -> dict[str, Any]:
    """Return what the manifest of the version in ``final`` tells of its source and its model."""
    more = inputs.unlabelled
    return {
        "source": _source_entry(inputs.spec, inputs.source, inputs.rows, inputs.fingerprint, final),
        "unlabelled": more
        and _source_entry(more.spec, more.source, more.rows, more.fingerprint, final),
        "model": _model_entry(inputs, final),
    }


def _source_entry(
    spec: SourceSpec, source: Source, rows: Int64Array, print_of_rows: str, final: Path
) -> SourceEntry:
    return SourceEntry(
        text=spec.text,
        split=source.split,
        size=spec.size,
        colour=spec.colour,
        fingerprint=print_of_rows,
        rows=rows.tolist(),
        place=place_of_source(spec.text, final),
        roots=_listed(source.roots),
    )


def _listed(roots: Int64Array | None) -> list[list[int]] | None:
    return None if roots is None else [sorted({*row} - {-1}) for row in roots.tolist()]


def _model_entry(inputs: BuildInputs, final: Path) -> dict[str, object] | None:
    model, folder = inputs.model, inputs.model_folder
    if model is None or folder is None:
        return None
    more = model.config.unlabelled
    return {
        "folder": str(folder),
        "place": place_from(final, folder),
        "sha256": model.sha256,
        "architecture": model.config.architecture,
        "latent": model.config.latent,
        "checkpoint": inputs.checkpoint,
        "trained_on": model.config.source.model_dump(mode="json"),
        **({"unlabelled": more.model_dump(mode="json")} if more is not None else {}),
    }


def _refuse_other_rows(spec: SourceSpec, n_train: int | None) -> None:
    """Refuse what would choose or convert source rows beside a model, which has its own.

    Raises:
        RecipeError: naming the option.
    """
    given = {
        "--n-train": n_train is not None,
        "--size": spec.size is not None,
        "--grey": spec.colour == "grey",
        "--rgb": spec.colour == "rgb",
    }
    for option, used in given.items():
        if used:
            raise RecipeError(
                option,
                f"{spec.text} is a model, which has its own source rows, of one size and colour",
                f"Leave {option} out, or name a SOURCE and give the model with --model.",
            )


def is_model_folder(text: str) -> bool:
    """Tell whether a SOURCE is the folder of a finished model."""
    return is_there(Path(text) / CONFIG)


def _chosen_rows(
    source: Source, model: "Model | None", n_train: int | None, seed: int
) -> Int64Array:
    if model is not None:
        rows = np.asarray(model.config.source.rows, dtype=np.int64)
        if rows.max() >= len(source):
            raise _changed(source)
        return rows
    if n_train is None:
        return np.arange(len(source), dtype=np.int64)
    return stratified_rows(source.labels, n_train, seed)


def _check_fit(source: Source, model: "Model", print_of_rows: str | None) -> None:
    if print_of_rows is not None and print_of_rows != model.config.source.fingerprint:
        raise _changed(source)
    if tuple(model.config.image_shape) != source.image_shape:
        raise InputDataError(
            source.name,
            f"its images are {source.image_shape} (height, width, channels), "
            f"the model was trained on {tuple(model.config.image_shape)}",
            "Convert them with --size HxW and --grey or --rgb, or train a model on this source.",
        )
    if tuple(model.config.class_names) != source.class_names:
        raise InputDataError(
            source.name,
            f"its classes are {', '.join(source.class_names)}; "
            f"the model knows {', '.join(model.config.class_names)}",
            "Train a model on this source with `augfactory vae-train`.",
        )


def _changed(source: Source) -> InputDataError:
    return InputDataError(
        source.name,
        "its images or labels are no longer those that the model was trained on",
        "Restore the source, name a SOURCE and give the model with --model, or train again.",
    )
