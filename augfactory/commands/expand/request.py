"""What `augfactory expand` was asked for, and the builds that follow from it."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.inputs import BuildInputs, Seen, build_of, gather
from augfactory.commands.expand.validation import Held, check_held
from augfactory.commands.opening.notes import decoding, few_images, made_rows, suited_preset
from augfactory.commands.opening.unlabelled import check_labelled
from augfactory.commands.progress import Progress
from augfactory.engines.processes import Engine, can_start_workers, worker_pool
from augfactory.errors import RecipeError, one_of
from augfactory.guarded.text import escaped, problem_with_name
from augfactory.guarded.validation import checked
from augfactory.methods.registry import METHODS
from augfactory.pipeline.composition import default_mix, default_variation, vae_or_default
from augfactory.pipeline.partners import check_pairing, rows_by_class
from augfactory.pipeline.recipe import Recipe, with_copies
from augfactory.pipeline.sides import check_sides
from augfactory.pipeline.stages import (
    GeometryStage,
    MixStage,
    PseudoLabelStage,
    VaeStage,
    geometry_stage,
    method_of,
)
from augfactory.pipeline.vary import VaryStage
from augfactory.records import Source, SourceSpec
from augfactory.store.disk.lock import Lock
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest_parts import About

LONGEST_NAME = 200  # bytes; a folder may have 255, and the factor is put after it
MOST_SHOWN = 60  # letters of it in a message


@dataclass(frozen=True)
class ExpandRequest:
    """What `augfactory expand` was asked for; one dataset is made for each of ``factors``.

    ``out`` is NAME: the dataset of factor K is written to the folder ``NAME-xK``. ``geometry``
    holds what is not left to the preset that suits the images; None varies nothing. ``vae`` holds
    what a recipe's ``[vae]`` may say and is not left to the defaults, ``pseudo_label`` that of its
    ``[pseudo_label]``, which makes rows of ``unlabelled`` images where these are given. ``mix``
    None leaves it to the preset whether images are mixed. ``held`` says which images are kept
    apart to validate on. ``runs_on`` is where shards are rendered.
    """

    source: SourceSpec
    out: Path
    factors: tuple[int, ...]
    model: Path | None = None
    checkpoint: str | None = None
    n_train: int | None = None
    originals: bool = True
    seed: int = 0
    geometry: Mapping[str, Any] | None = field(default_factory=dict)
    vary: tuple[VaryStage, ...] | None = None
    vae: Mapping[str, Any] = field(default_factory=dict)
    mix: tuple[MixStage, ...] | None = None
    distinct: bool = False
    unlabelled: SourceSpec | None = None
    pseudo_label: Mapping[str, Any] = field(default_factory=dict)
    format: str = "hdf5"
    about: About | None = None
    workers: int = 1
    lock: Lock = "flock"
    held: Held | None = None
    runs_on: Engine = worker_pool


def fold_requests(request: ExpandRequest) -> list[ExpandRequest]:
    """Return a request for each fold, or the request itself where it asks for none.

    Raises:
        RecipeError: what is asked of validation images contradicts itself.
    """
    held = request.held
    check_held(held)
    if held is None or held.folds is None:
        return [request]
    return [replace(request, held=replace(held, fold=fold)) for fold in range(held.folds)]


def plan_folds(
    request: ExpandRequest, progress: Progress
) -> Iterator[tuple[ExpandRequest, BuildInputs, list[Build]]]:
    """Yield what ``plan_builds`` gives for each fold of a request; its source is looked at once.

    Raises:
        AugfactoryError: as ``fold_requests`` and ``plan_builds``.
    """
    seen = None
    for each in fold_requests(request):
        inputs, builds = plan_builds(each, progress, seen)
        seen = inputs.seen
        yield each, inputs, builds


def plan_builds(
    request: ExpandRequest, progress: Progress, seen: Seen | None = None
) -> tuple[BuildInputs, list[Build]]:
    """Open what the request names; return it, and one build for each factor.

    ``seen`` is what an earlier fold of it found.

    Raises:
        RecipeError: the request contradicts itself, or names what cannot be made.
        InputDataError: the source or the model cannot be used, or not for this.
    """
    check_dataset_name(request.out)
    FORMATS[request.format].check_installed()
    checked(VaeStage, request.vae, "[vae]")
    geometry_stage("geometry", request.geometry or {})
    labelling = _pseudo_labels(request, 1)
    inputs = gather(
        request.source,
        request.model,
        request.checkpoint,
        request.n_train,
        request.seed,
        progress,
        request.unlabelled,
        labelling.images,
        request.held,
        seen,
    )
    source = inputs.source
    if request.unlabelled is not None:
        check_labelled(source)
    vae = vae_or_default(
        request.vae, varied=request.geometry is not None, channels=source.image_shape[2]
    )
    _check_mixing(request.mix or (), inputs)
    for note in _notes(request, inputs, vae):
        progress.say(note)
    FORMATS[request.format].check_class_names(source.class_names)
    geometry = _geometry(request, inputs, progress)
    if request.vary is None:
        request, geometry = _default_variation(request, inputs.source, geometry, progress)
    if request.mix is None:
        mix = _default_mix(request, geometry, progress)
        request = replace(request, mix=mix, distinct=request.distinct or bool(mix))
    builds = []
    for factor in request.factors:
        recipe = _recipe(request, factor, inputs, geometry, vae)
        _check_sides(recipe, inputs)
        name = f"{request.out.name}-x{factor}"
        if request.held is not None and request.held.folds is not None:
            name += f"-fold{request.held.fold}"
        folder = request.out.with_name(name)
        builds.append(build_of(folder, recipe, inputs))
    return inputs, builds


def _notes(request: ExpandRequest, inputs: BuildInputs, vae: VaeStage) -> list[str]:
    notes = [few_images(inputs.source), made_rows(inputs.rows.text, inputs.rows.numbers)]
    if inputs.model is not None and (max(request.factors) > 1 or not request.originals):
        config = inputs.model.config
        notes += decoding(
            config.architecture,
            vae.sampler,
            learnt_varied=config.geometry is not None,
            geometry=request.geometry is not None,
        )
    return [note for note in notes if note is not None]


def _recipe(
    request: ExpandRequest,
    factor: int,
    inputs: BuildInputs,
    geometry: GeometryStage | None,
    vae: VaeStage,
) -> Recipe:
    """Return the recipe of one factor.

    Raises:
        RecipeError: nothing can make further images.
    """
    further = factor > 1 or not request.originals
    if further and geometry is None and inputs.model is None:
        raise RecipeError(
            f"--factor {factor} --no-geometry",
            "without geometry and without a model there is nothing to make images with",
            f"Train one with `augfactory vae-train {request.source.text} --out MODEL_DIR` and "
            "expand MODEL_DIR, or leave --no-geometry out.",
        )
    labelling = None
    if request.unlabelled is not None:
        # Where nothing is said, there are as many rows as of the labelled images.
        labelling = _pseudo_labels(request, factor)
    return Recipe(
        factor=factor,
        originals=request.originals,
        seed=request.seed,
        geometry=geometry if further or labelling is not None else None,
        vary=(request.vary or ()) if further or labelling is not None else (),
        vae=_vae(vae, inputs) if further else None,
        mix=with_copies(request.mix or (), factor, originals=request.originals),
        distinct=request.distinct,
        pseudo_label=labelling,
        format=request.format,
    )


def _pseudo_labels(request: ExpandRequest, copies: int) -> PseudoLabelStage:
    return checked(PseudoLabelStage, {"copies": copies, **request.pseudo_label}, "pseudo_label")


def _geometry(
    request: ExpandRequest, inputs: BuildInputs, progress: Progress
) -> GeometryStage | None:
    """Fill in the preset: what is asked for, what the model was trained with, or what suits."""
    if request.geometry is None:
        return None
    needed = max(request.factors) > 1 or not request.originals or request.unlabelled is not None
    if "preset" in request.geometry or not needed:
        return geometry_stage("geometry", request.geometry)
    trained_with = inputs.model and inputs.model.config.geometry
    preset = (trained_with or {}).get("preset")
    if preset is None:
        preset = suited_preset(inputs.source, progress)
    else:
        progress.say(
            f"images are varied as {preset}, since the model was trained so; --preset chooses "
            "another way (digits, photo, clothes, texture, none)"
        )
    return geometry_stage("geometry", {"preset": preset, **request.geometry})


def _default_variation(
    request: ExpandRequest, source: Source, geometry: GeometryStage | None, progress: Progress
) -> tuple[ExpandRequest, GeometryStage | None]:
    """Bend drawings and vary their strokes, where only a preset is asked for."""
    plain = replace(request, vary=())
    if geometry is None or not set(request.geometry or {}) <= {"preset"}:
        return plain, geometry
    variation = default_variation(str(geometry.parameters["preset"]), source)
    if not variation.vary:
        return plain, geometry
    progress.say(
        "they are drawings: further images are also bent, and their strokes made thicker or "
        "thinner, as measured best; --vary none leaves it at turns, shifts and the like"
    )
    stage = geometry_stage("geometry", {**geometry.parameters, **variation.geometry})
    return replace(request, vary=variation.vary), stage


def _default_mix(
    request: ExpandRequest, geometry: GeometryStage | None, progress: Progress
) -> tuple[MixStage, ...]:
    if geometry is None or request.unlabelled is not None:
        return ()
    preset = str(geometry.parameters["preset"])
    mix = default_mix(preset)
    if with_copies(mix, max(request.factors), originals=request.originals):
        progress.say(
            f"half of the further images are mixtures (mixup), as measured best for {preset}; "
            "--mixup 0 leaves them out"
        )
    return mix


def _vae(asked: VaeStage, inputs: BuildInputs) -> VaeStage | None:
    model = inputs.model
    if model is None:
        return None
    return asked.model_copy(update={"varied": model.config.geometry is not None})


def check_dataset_name(out: Path) -> None:
    """Refuse a NAME that no folder can have, or none whose files everything can read.

    Raises:
        RecipeError: it is missing, too long, no UTF-8, or holds a control character.
    """
    remedy = "Name the dataset by a word of letters and digits, such as --out data/digits."
    shown = escaped(str(out))
    if out.name in ("", ".."):
        raise RecipeError(f"--out {shown}", "there is no name at the end of it", remedy)
    problem = problem_with_name(str(out))
    if problem is not None:
        raise RecipeError(f"--out {shown}", f"it cannot be a name: {problem}", remedy)
    size = len(out.name.encode())
    if size > LONGEST_NAME:
        raise RecipeError(
            f"--out {shown[:MOST_SHOWN]}…",
            f"the name has {size:,} bytes, more than the {LONGEST_NAME} that it may have",
            remedy,
        )


def _check_sides(recipe: Recipe, inputs: BuildInputs) -> None:
    used = ["geometry"] if recipe.geometry is not None else []
    used += [stage.method for stage in recipe.vary] + [stage.method for stage in recipe.mix]
    source = inputs.source
    check_sides((METHODS[name] for name in used), source.image_shape, source.name)


def _check_mixing(mix: tuple[MixStage, ...], inputs: BuildInputs) -> None:
    source = inputs.source
    class_rows = rows_by_class(source.labels, len(source.class_names))
    for stage in mix:
        method, parameters = method_of(stage)
        partners = method.parents(parameters) - 1
        if partners:
            pairing = method.pairing(parameters)
            check_pairing(class_rows, partners, pairing, source.class_names)


def read_format(text: str, where: str = "--format") -> str:
    """Check a storage format; ``where`` is the option that names it.

    Raises:
        RecipeError: there is none of this name.
    """
    return one_of(where, "format", text, list(FORMATS))


def default_workers() -> int:
    """Return one process per core that this process may use; 1 where workers cannot be started."""
    if not can_start_workers():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
