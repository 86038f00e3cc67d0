"""What a dataset is made from: the chosen rows of a source, and a model where there is one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.rendering.kept_images import MOST_KEPT
from augfactory.commands.expand.validation import (
    OTHERS,
    SPLIT_FIRST,
    Held,
    Parts,
    Validation,
    own_images,
    refuse_common,
    rows_of_part,
    split_originals,
    told_of,
)
from augfactory.commands.opening.look import Looked, look
from augfactory.commands.opening.model_folder import is_model_folder, refuse_unfinished
from augfactory.commands.opening.opening import handed_on, spec_of
from augfactory.commands.opening.unlabelled import MOST, gather_unlabelled
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError, RecipeError
from augfactory.guarded.text import escaped
from augfactory.pipeline.recipes.recipe import Recipe, recipe_id, rendering_versions
from augfactory.records import Colour, Source, SourceSpec
from augfactory.source_rows import SourceRows, roots_of, rows_of
from augfactory.sources.choosing.subset import stratified_rows
from augfactory.sources.opening import open_source, refuse_test_split
from augfactory.sources.recorded import open_rows
from augfactory.store.places import place_from, portable, remember
from augfactory.vae.config import TOLD, read_config

if TYPE_CHECKING:
    from augfactory.vae.checkpoint import Model


@dataclass(frozen=True)
class Seen:
    """What was found of a source, for its further folds: its images, and how they are dealt."""

    looked: Looked
    parts: Parts | None = None


@dataclass(frozen=True)
class BuildInputs:
    """The rows and the model that a dataset is made from; ``source`` are the rows, opened.

    ``unlabelled_source`` are the unlabelled images, opened, where they were just read.
    ``validation`` are the images that are kept apart from them, ``seen`` what both are part of.
    ``weights`` is the file that what labels the unlabelled images starts from, if it does.
    """

    rows: SourceRows
    source: Source
    model: "Model | None"
    model_folder: Path | None
    checkpoint: str | None
    unlabelled: SourceRows | None = None
    unlabelled_source: Source | None = None
    validation: Validation | None = None
    seen: Seen | None = None
    weights: Path | None = None


def gather(
    spec: SourceSpec,
    model_folder: Path | None,
    checkpoint: str | None,
    n_train: int | None,
    seed: int,
    progress: Progress,
    unlabelled: SourceSpec | None = None,
    most_unlabelled: int = MOST,
    held: Held | None = None,
    seen: Seen | None = None,
) -> BuildInputs:
    """Open what the user named; a MODEL_DIR in place of a SOURCE brings its own source rows.

    ``seen`` is what an earlier fold of the same found, so that it is not looked at again.

    Raises:
        InputDataError: the source or the model cannot be used, or do not belong together.
        RecipeError: the options contradict each other.
    """
    brings_rows = model_folder is None and is_model_folder(spec.text)
    refuse_unfinished(model_folder or Path(spec.text))
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
        if not brings_rows and spec.size is None and spec.colour == "auto":
            height, width, channels = model.config.image_shape
            colour: Colour = "rgb" if channels == 3 else "grey"
            spec = replace(spec, size=(height, width), colour=colour)

    validation = None
    if model is not None and brings_rows:
        source, rows = _rows_of_model(model, model_folder or Path(), progress)
        if held is not None and held.source is None:
            raise RecipeError(
                "--folds" if held.folds else "--validation",
                f"the model {spec.text} has learnt from the originals that would be held out",
                SPLIT_FIRST,
            )
    else:
        seen = seen or _seen(spec, n_train, held, seed, progress)
        source, rows, validation = _chosen(spec, seen, held, seed, progress)
    if held is not None and held.source is not None:
        validation = Validation(*own_images(held, source, rows, progress), {})
    if model is not None:
        _check_fit(source, model)
        if validation is not None and not brings_rows:
            where = spec_of(model.config.source, model_folder or Path())
            learnt = open_rows(model.config.source, spec=where, opener=_no_test_split)[1]
            what, own = f"what the model {model_folder} learnt from", held and held.source
            refuse_common(learnt, validation.source, what, OTHERS if own else SPLIT_FIRST)
    more = opened_more = None
    if unlabelled is not None:
        kept = None if validation is None else validation.source
        more, opened_more = gather_unlabelled(unlabelled, source, progress, most_unlabelled, kept)
    return BuildInputs(
        rows, source, model, model_folder, checkpoint, more, opened_more, validation, seen
    )


def _no_test_split(spec: SourceSpec) -> Source:
    """Open what a dataset may be made from."""
    whole = open_source(spec)
    refuse_test_split(whole, "a training set made")
    return whole


def _rows_of_model(model: "Model", folder: Path, progress: Progress) -> tuple[Source, SourceRows]:
    """Open the rows that a model was trained on, and record where they are now."""
    recorded = model.config.source
    where = spec_of(recorded, folder)
    with progress.bar("reading the source", len(recorded.rows), "image") as bar:
        _, source = open_rows(
            recorded,
            "the model was trained on",
            "Restore the source, name a SOURCE and give the model with --model, or train again.",
            spec=where,
            opener=_no_test_split,
            on_rows=bar.advance,
            in_memory=MOST_KEPT,
        )
    look(recorded.spec, source, progress)
    here = {"text": where.text, "place": None, "split": source.split, "roots": roots_of(source)}
    return source, recorded.model_copy(update=here)


def _seen(
    spec: SourceSpec, n_train: int | None, held: Held | None, seed: int, progress: Progress
) -> Seen:
    """Open a source, look at it once, and deal its rows where they are to be split."""
    looked = look(spec, _no_test_split(spec), progress)
    if n_train is not None:
        looked = looked.chosen(stratified_rows(looked.source.labels, n_train, seed))
    if held is None or held.source is not None:
        return Seen(looked)
    return Seen(looked, split_originals(looked.source, held, seed, progress))


def _chosen(
    spec: SourceSpec, seen: Seen, held: Held | None, seed: int, progress: Progress
) -> tuple[Source, SourceRows, Validation | None]:
    """Return the rows to make a dataset from, and the originals that are split off before."""
    looked, validation = seen.looked, None
    if held is not None and seen.parts is not None:
        training, inside = rows_of_part(looked.source, seen.parts, held)
        kept, told = looked.chosen(inside), told_of(held, looked.source, seed)
        kept_rows = rows_of(spec, kept.source, kept.numbers, skipped=kept.skipped)
        validation = Validation(kept_rows, kept.source, told)
        counts = np.bincount(kept.source.labels, minlength=len(kept.source.class_names)).tolist()
        named = zip(kept.source.class_names, counts, strict=True)
        listed = ", ".join(f"{escaped(name)} {count:,}" for name, count in named)
        progress.say(f"val/ holds {len(kept.source):,} of the originals ({listed})")
        looked = looked.chosen(training)
    with progress.bar("reading the source", len(looked.source), "image") as bar:
        source = looked.source.in_memory(bar.advance, most=MOST_KEPT)
        on_rows = bar.advance if source is looked.source else None
        rows = rows_of(spec, source, looked.numbers, on_rows, looked.skipped)
    return source, rows, validation


def build_of(folder: Path, recipe: Recipe, inputs: BuildInputs) -> Build:
    """Return the build of a recipe; ``folder`` is to hold all versions of the dataset."""
    model, unlabelled = inputs.model, inputs.unlabelled
    identity = recipe_id(
        recipe,
        rendering_versions(recipe),
        inputs.rows.fingerprint,
        model.sha256 if model else None,
        unlabelled.fingerprint if unlabelled else None,
        inputs.validation.rows.fingerprint if inputs.validation else None,
    )
    source = inputs.source
    return Build(
        folder=folder,
        recipe=recipe,
        recipe_id=identity,
        sources=len(source),
        image_shape=source.image_shape,
        class_names=list(source.class_names),
        validation=inputs.validation,
    )


def manifest_entries(inputs: BuildInputs, final: Path) -> dict[str, Any]:
    """Return what the manifest of the version in ``final`` tells of its source and its model."""
    return {
        "source": handed_on(inputs.rows, final),
        "unlabelled": inputs.unlabelled and handed_on(inputs.unlabelled, final),
        "model": _model_entry(inputs, final),
    }


def _model_entry(inputs: BuildInputs, final: Path) -> dict[str, object] | None:
    model, folder = inputs.model, inputs.model_folder
    if model is None or folder is None:
        return None
    place = place_from(final, folder)
    if place is None:
        remember(model.sha256, str(folder.resolve()))

    def told(rows: SourceRows) -> dict[str, object]:
        text = spec_of(rows, folder).text
        placed = handed_on(rows.model_copy(update={"text": text}), final)
        return placed.model_dump(mode="json", include={*TOLD})

    more = model.config.unlabelled
    return {
        "folder": portable(str(folder)),
        "place": place,
        "sha256": model.sha256,
        "architecture": model.config.architecture,
        "latent": model.config.latent,
        "checkpoint": inputs.checkpoint,
        "trained_on": told(model.config.source),
        **({} if more is None else {"unlabelled": told(more)}),
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
        "--fit": spec.options.fit is not None,
        "--labels": spec.options.root is not None,
        "--file-column": spec.options.file_column is not None,
        "--label-column": spec.options.label_column is not None,
        "--follow-links": spec.options.follow_links,
        "--skip-broken": spec.skip_broken,
    }
    for option, used in given.items():
        if used:
            raise RecipeError(
                option,
                f"{spec.text} is a model, which has its own source rows, of one size and colour",
                f"Leave {option} out, or name a SOURCE and give the model with --model.",
            )


def _check_fit(source: Source, model: "Model") -> None:
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
