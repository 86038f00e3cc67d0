"""From the request of a training to its plan: source opened, rows chosen, everything checked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from augfactory.commands.opening.look import look
from augfactory.commands.opening.notes import few_images, suited_preset
from augfactory.commands.opening.opening import handed_on
from augfactory.commands.opening.unlabelled import gather_unlabelled
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError, RecipeError, one_of
from augfactory.guarded.text import first_problem
from augfactory.guarded.validation import option_error
from augfactory.pipeline.recipes.stages import check_preset, default_geometry
from augfactory.records import Source, SourceSpec
from augfactory.source_rows import SourceRows, rows_of
from augfactory.sources.choosing.subset import stratified_rows
from augfactory.sources.opening import open_source, refuse_test_split
from augfactory.store.disk.lock import Lock
from augfactory.vae.config import LARGEST_LATENT, LARGEST_SIDE, SMALLEST_SIDE, TrainingPlan
from augfactory.vae.device import check_device
from augfactory.vae.networks.names import check_architecture
from augfactory.vae.settings import NOISES, OPTIMISERS, SCHEDULES, TrainingSettings
from augfactory.vae.training_rows import held_out_rows

INTERVAL, SHORTEST_INTERVAL, INTERVALS = 25, 5, 20


@dataclass(frozen=True)
class VaeTrainRequest:
    """What `augfactory vae-train` was asked for.

    ``unlabelled`` names images whose look is learned too. ``warmup`` None is a fifth of ``steps``;
    see ``TrainingSettings`` for the others. ``device``, ``lock``, how other writers are kept out,
    and ``verdict``, whether classifiers judge the decoded images at the end, are no part of what
    makes a model the same.
    """

    source: SourceSpec
    out: Path
    n_train: int | None = None
    unlabelled: SourceSpec | None = None
    geometry: bool = True
    preset: str | None = None
    seed: int = 0
    steps: int = 1500
    architecture: str = "conditional"
    latent: int = 20
    batch: int = 64
    learning_rate: float = 2e-3
    optimiser: str = "adam"
    schedule: str = "cosine"
    clip: bool = True
    noise: str = "image"
    kl_weight: float = 1.0
    warmup: int | None = None
    patience: int = 20
    validation: float = 0.0
    save_at_loss: tuple[float, ...] = ()
    device: str = "auto"
    lock: Lock = "flock"
    verdict: bool = True


@dataclass(frozen=True)
class PlannedTraining:
    """A plan, and its source restricted to the rows that were chosen.

    ``unlabelled`` are images whose labels are 0 for every class.
    """

    plan: TrainingPlan
    source: Source
    unlabelled: Source | None = None


def plan_training(request: VaeTrainRequest, progress: Progress) -> PlannedTraining:
    """Open the source and check everything that can be checked before training.

    Raises:
        RecipeError: an option is out of range, or the options contradict the source.
        InputDataError: the source cannot be used.
    """
    check_device(request.device)
    check_architecture(request.architecture)
    for option, kind, names in (
        ("optimiser", "optimiser", OPTIMISERS),
        ("schedule", "schedule", SCHEDULES),
        ("noise", "choice", NOISES),
    ):
        one_of(f"--{option}", kind, getattr(request, option), names)
    settings = _settings(request)
    if request.preset is not None:
        check_preset(request.preset)
        if not request.geometry:
            raise RecipeError(
                "--preset", "says how images are varied, and they are not", "Leave it out."
            )
    whole = open_source(request.source)
    refuse_test_split(whole, "a model trained")
    _check_sides(whole)
    if (unfit := first_problem(whole.class_names)) is not None:
        raise InputDataError(
            request.source.text,
            f"the class name {unfit[0]} cannot be used: {unfit[1]}",
            "Rename it.",
        )
    looked = look(request.source, whole, progress)
    if request.n_train is not None:
        labels = looked.source.labels
        looked = looked.chosen(stratified_rows(labels, request.n_train, request.seed))
    source = looked.source
    _check_held_out(source, settings)
    if (note := few_images(source)) is not None:
        progress.say(note)
    with progress.bar("reading the source", len(source), "image") as bar:
        source = source.in_memory(bar.advance)
    more, images = None, None
    if request.unlabelled is not None:
        more, images = gather_unlabelled(request.unlabelled, source, progress)
    geometry = None
    if request.geometry:
        preset = request.preset or suited_preset(source, progress)
        geometry = default_geometry(source.image_shape, preset).parameters
    plan = TrainingPlan(
        architecture=request.architecture,
        latent=request.latent,
        image_shape=source.image_shape,
        class_names=source.class_names,
        source=_trained_on(
            rows_of(request.source, source, looked.numbers, skipped=looked.skipped), request.out
        ),
        unlabelled=more and _trained_on(more, request.out),
        training=settings,
        geometry=geometry,
    )
    return PlannedTraining(
        plan, source, None if images is None else _without_labels(images, source)
    )


def _trained_on(rows: SourceRows, out: Path) -> SourceRows:
    return handed_on(rows, out).model_copy(update={"roots": None})


def _without_labels(source: Source, like: Source) -> Source:
    """Return the images in memory, with a label of zeros: of none of the classes of ``like``."""
    nothing = np.zeros((len(source), len(like.class_names)), dtype=np.float32)
    return source.labelled(nothing, like.class_names).in_memory()


def _settings(request: VaeTrainRequest) -> TrainingSettings:
    if not 1 <= request.latent <= LARGEST_LATENT:
        raise RecipeError(
            "--latent",
            f"{request.latent} is not a length of the latent vector",
            f"Give 1 to {LARGEST_LATENT}.",
        )
    warmup = max(0, request.steps // 5) if request.warmup is None else request.warmup
    values = {
        "seed": request.seed,
        "steps": request.steps,
        "batch": request.batch,
        "learning_rate": request.learning_rate,
        "optimiser": request.optimiser,
        "schedule": request.schedule,
        "clip": request.clip,
        "noise": request.noise,
        "kl_weight": request.kl_weight,
        "warmup": warmup,
        "interval": min(INTERVAL, max(SHORTEST_INTERVAL, request.steps // INTERVALS)),
        "patience": request.patience,
        "validation": request.validation,
        "save_at_loss": tuple(sorted(set(request.save_at_loss), reverse=True)),
    }
    try:
        return TrainingSettings.model_validate(values)
    except ValidationError as error:
        raise option_error(error) from error


def _check_sides(source: Source) -> None:
    height, width, _ = source.image_shape
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (height, width)):
        raise InputDataError(
            source.name,
            f"its images are {height}×{width} pixels, "
            f"the VAE takes {SMALLEST_SIDE} to {LARGEST_SIDE} a side",
            "Convert them, for example with --size 64.",
        )


def _check_held_out(source: Source, settings: TrainingSettings) -> None:
    held_out = held_out_rows(source.labels, settings.validation, settings.seed)
    if settings.validation and not len(held_out):
        raise RecipeError(
            "--validation",
            f"a share of {settings.validation:g} is less than one image of every class",
            "Give a larger share, or leave it out.",
        )
    if len(source) - len(held_out) < 2:
        raise InputDataError(
            source.name, "there are fewer than two images to learn from", "Give more images."
        )
