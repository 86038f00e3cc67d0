"""What `augfactory expand` was asked for, and the builds that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from augfactory.commands.evaluate.request import classifier_spec
from augfactory.commands.expand.build import Build
from augfactory.commands.expand.checks import check_methods, check_mixing, few_rows
from augfactory.commands.expand.classes import (
    ALIKE,
    ClassRule,
    check_rule,
    class_keys,
    largest_factor,
)
from augfactory.commands.expand.defaults import mix_by_default, replaced, vary_by_default
from augfactory.commands.expand.inputs import BuildInputs, Seen, build_of, gather
from augfactory.commands.expand.naming import check_dataset_name, dataset_folder
from augfactory.commands.expand.validation import Held
from augfactory.commands.opening.notes import (
    decoding,
    few_images,
    made_rows,
    small_for_weights,
    suited_preset,
    uneven_classes,
)
from augfactory.commands.opening.unlabelled import check_labelled
from augfactory.commands.progress import Progress
from augfactory.engines.processes import Engine, worker_pool
from augfactory.errors import RecipeError
from augfactory.evaluation.classifiers.registry import check_image_shape
from augfactory.guarded.validation import checked
from augfactory.pipeline.recipes.composition import (
    default_labelling,
    vae_or_default,
)
from augfactory.pipeline.recipes.recipe import Recipe, with_copies
from augfactory.pipeline.recipes.stages import (
    LABELLING_CLASSIFIER,
    GeometryStage,
    MixStage,
    PseudoLabelStage,
    VaeStage,
    geometry_stage,
)
from augfactory.pipeline.recipes.vary import VaryStage
from augfactory.records import SourceSpec
from augfactory.store.disk.lock import Lock
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest_parts import About


@dataclass(frozen=True)
class ExpandRequest:
    """What `augfactory expand` was asked for; one dataset is made for each of ``factors``.

    ``out`` is NAME: the dataset of factor K is written to the folder ``NAME-xK``. ``classes`` says
    where classes have rows of their own numbers; its ``per_class`` takes the place of factors.
    ``geometry`` holds what is not left to the preset that suits the images; None varies nothing.
    ``vae`` holds what a recipe's ``[vae]`` may say and is not left to the defaults,
    ``pseudo_label`` that of its ``[pseudo_label]``, which makes rows of ``unlabelled`` images where
    these are given; ``weights`` is a file that what labels them starts from. ``mix`` None leaves it
    to the preset whether images are mixed. ``held`` says which images are kept apart to validate
    on, ``runs_on`` where shards are rendered, ``through`` the place through which they come where
    that shares no folder with this machine. ``in_place`` names what was given in place of a
    default, see ``replaced``.
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
    weights: Path | None = None
    format: str = "hdf5"
    about: About | None = None
    workers: int = 1
    lock: Lock = "flock"
    held: Held | None = None
    runs_on: Engine = worker_pool
    through: str | None = None
    classes: ClassRule = ALIKE
    in_place: Mapping[str, str] = field(default_factory=dict)

    @property
    def each_factor(self) -> tuple[int | None, ...]:
        """The factors, or None once where there are none."""
        return self.factors or (None,)


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
    check_rule(request.classes, pseudo_label=request.unlabelled is not None)
    FORMATS[request.format].check_installed()
    checked(VaeStage, request.vae, "[vae]")
    geometry_stage("geometry", request.geometry or {})
    request, weights = _with_labeller(request)
    labelling = _pseudo_labels(request, 1, **default_labelling(None, 1))
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
        if labelling.classifier != LABELLING_CLASSIFIER or weights is not None:
            check_image_shape(
                labelling.classifier, weights, source.image_shape, len(source.class_names)
            )
    inputs = replace(inputs, weights=weights)
    vae = vae_or_default(
        request.vae, varied=request.geometry is not None, channels=source.image_shape[2]
    )
    check_mixing(request.mix or (), inputs)
    for note in _notes(request, inputs, vae):
        progress.say(note)
    FORMATS[request.format].check_class_names(source.class_names)
    geometry = _geometry(request, inputs, progress)
    unlabelled = request.unlabelled is not None
    for note in replaced(request.in_place, source, geometry, unlabelled=unlabelled):
        progress.say(note)
    if request.vary is None:
        vary, geometry = vary_by_default(request.geometry, source, geometry, progress)
        request = replace(request, vary=vary)
    if request.mix is None:
        mix = mix_by_default(
            geometry, _largest(request, inputs), progress, originals=request.originals,
            unlabelled=unlabelled,
        )  # fmt: skip
        request = replace(request, mix=mix, distinct=request.distinct or bool(mix))
    builds = []
    held = request.held
    fold = None if held is None or held.folds is None else held.fold
    for factor in request.each_factor:
        recipe = _recipe(request, factor, inputs, geometry, vae)
        check_methods(recipe, inputs)
        folder = dataset_folder(request.out, request.classes, factor, fold)
        builds.append(build_of(folder, recipe, inputs))
    if (few := few_rows(builds)) is not None:
        progress.say(few)
    return inputs, builds


def _notes(request: ExpandRequest, inputs: BuildInputs, vae: VaeStage) -> list[str]:
    uneven = None if request.classes.given else uneven_classes(inputs.source)
    notes = [few_images(inputs.source), uneven, made_rows(inputs.rows.text, inputs.rows.numbers)]
    labeller = str(request.pseudo_label.get("classifier"))
    small = small_for_weights(labeller, inputs.weights, inputs.source.image_shape)
    notes.append(small and f"warning: {small}")
    if inputs.model is not None and (_largest(request, inputs) > 1 or not request.originals):
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
    factor: int | None,
    inputs: BuildInputs,
    geometry: GeometryStage | None,
    vae: VaeStage,
) -> Recipe:
    """Return the recipe of one factor.

    Raises:
        RecipeError: nothing can make further images, or classes cannot have their rows.
    """
    rule, mix = request.classes, request.mix or ()
    largest = largest_factor(rule, factor, inputs.source)
    further = largest > 1 or not request.originals
    mixed = mix if rule.given else with_copies(mix, largest, originals=request.originals)
    within = sum(stage.copies for stage in mixed if stage.share is not None)
    unmixed = further if rule.given else largest - within > request.originals
    if unmixed and geometry is None and inputs.model is None:
        raise RecipeError(
            f"{rule.options(factor)} --no-geometry",
            "without geometry and without a model there is nothing to make images with",
            f"Train one with `augfactory vae-train {request.source.text} --out MODEL_DIR` and "
            "expand MODEL_DIR, leave --no-geometry out, or mix all: share = 1.0 in a [[mix]].",
        )
    labelling = None
    if request.unlabelled is not None:
        # Where nothing is said, there are as many rows as of the labelled images.
        preset = None if geometry is None else str(geometry.parameters["preset"])
        channels, known = inputs.source.image_shape[2], inputs.weights is not None
        defaults = default_labelling(preset, channels, from_weights=known)
        labelling = _pseudo_labels(request, largest, **defaults)
    return Recipe(
        factor=factor,
        **class_keys(rule, inputs.source, mix),
        originals=request.originals,
        seed=request.seed,
        geometry=geometry if further or labelling is not None else None,
        vary=(request.vary or ()) if further or labelling is not None else (),
        vae=_vae(vae, inputs) if further else None,
        mix=mixed,
        distinct=request.distinct,
        pseudo_label=labelling,
        format=request.format,
    )


def _with_labeller(request: ExpandRequest) -> tuple[ExpandRequest, Path | None]:
    """Check what labels; return the request with the hash of its weights, and where they are.

    Raises:
        RecipeError: there is no such classifier, or a recipe names other weights than are given.
        InputDataError: the file cannot be read.
    """
    asked = request.pseudo_label
    spec = classifier_spec(str(asked.get("classifier", LABELLING_CLASSIFIER)), request.weights)
    named = asked.get("weights_sha256", spec.weights_sha256)
    if named != spec.weights_sha256:
        what = "no file is given" if spec.weights is None else f"{spec.weights} are others"
        raise RecipeError(
            "[pseudo_label]: weights_sha256", f"names weights by their hash, and {what}",
            "Give that file with --weights FILE, or leave the key out.",
        )  # fmt: skip
    if spec.weights is None:
        return request, None
    said = {**asked, "weights_sha256": spec.weights_sha256}
    return replace(request, pseudo_label=said), spec.weights


def _pseudo_labels(request: ExpandRequest, copies: int, **defaults: int) -> PseudoLabelStage:
    said = {"copies": copies, **defaults, **request.pseudo_label}
    return checked(PseudoLabelStage, said, "pseudo_label")


def _geometry(
    request: ExpandRequest, inputs: BuildInputs, progress: Progress
) -> GeometryStage | None:
    """Fill in the preset: what is asked for, what the model was trained with, or what suits."""
    if request.geometry is None:
        return None
    needed = _largest(request, inputs) > 1 or not request.originals
    needed = needed or request.unlabelled is not None
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


def _largest(request: ExpandRequest, inputs: BuildInputs) -> int:
    factors = request.each_factor
    return max(largest_factor(request.classes, factor, inputs.source) for factor in factors)


def _vae(asked: VaeStage, inputs: BuildInputs) -> VaeStage | None:
    model = inputs.model
    if model is None:
        return None
    return asked.model_copy(update={"varied": model.config.geometry is not None})
