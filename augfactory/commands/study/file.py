"""A study as TOML: a grid of arms over draws of originals and training seeds.

``docs/study.md`` says what each key means. An arm with a grid stands for one arm for each
combination; "{beta}" is replaced everywhere in it, and "{{" stands for a brace. ``[quick]`` and
``[full]`` hold what ``--quick`` and ``--full`` have instead; ``[quick.grid]`` narrows grids.
"""

import itertools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from augfactory.commands.opening.toml_files import read_tables
from augfactory.commands.runs.ensemble_size import check_ensemble
from augfactory.commands.runs.published import refuse_both
from augfactory.commands.study.arm import StudyArm, check_freeze
from augfactory.commands.study.grid import MOST_ARMS, axes_of, check_grid, combinations, filled
from augfactory.commands.study.vae_settings import VaeSettings
from augfactory.errors import RecipeError, unknown_name
from augfactory.evaluation.classifiers.registry import CLASSIFIERS, DEFAULT_CLASSIFIER
from augfactory.evaluation.training.settings import (
    AskedTraining,
    Drops,
    Freeze,
    Optimiser,
    checked_drops,
)
from augfactory.evaluation.training.virtual_batches import DEFAULT_BATCH, fitting_batch
from augfactory.guarded.validation import checked, shown_value, told
from augfactory.pipeline.recipes.stages import method_of
from augfactory.records import Fit, read_size

SIZES = ("quick", "full")
Size = Literal["quick", "default", "full"]
MOST_REPEATS, MOST_CLASSIFIERS = 1000, 1_000_000


def _drops(drops: Drops) -> Drops:
    try:
        return checked_drops(drops)
    except ValueError as error:
        raise told(str(error), "Write such as [[0.4, 0.1], [0.6, 0.01]].") from error


def _size(value: Any) -> Any:
    """Return "28x28" for 28, "28" and "28x28"."""
    try:
        return "x".join(map(str, read_size("" if isinstance(value, bool) else str(value))))
    except RecipeError as error:
        raise told(f"{shown_value(value)} is not a size", error.remedy) from error


class Study(BaseModel):
    """Everything a study follows from, its grids filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(description="Heads the report.")
    about: str = Field(default="", description="What it is about, for the report.")
    source: str = Field(description="SOURCE of the originals.")
    test: str = Field(description="SOURCE of the test images.")
    unlabelled: str | None = Field(
        default=None,
        description="SOURCE of the images that arms with `[arms.pseudo_label]` make rows of.",
    )
    size: Annotated[str, BeforeValidator(_size)] | None = Field(
        default=None, description='Resize images: 28, "28" or "28x32", height first.'
    )
    colour: Literal["auto", "grey", "rgb"] = Field(
        default="auto", description="Convert images to one grey channel, or to three."
    )
    fit: Fit | None = Field(
        default=None,
        description='How images are brought to `size`: "crop" (unless said otherwise), "squash" '
        'or "pad".',
    )
    root: str | None = Field(
        default=None,
        description="The folder that the file names of a table are told from; its own if left out.",
    )
    file_column: str | None = Field(
        default=None, description="The column of a table that names the image files."
    )
    label_column: str | None = Field(
        default=None, description="The column of a table that has the classes."
    )
    follow_links: bool = Field(
        default=False, description="Follow links that lead out of a source's folder."
    )
    group: str | None = Field(
        default=None,
        description="Images that belong together, as `--group` of `augfactory expand`: no group of "
        "`source` may be in `test`, and none of a draw is held out.",
    )
    test_rows: int | None = Field(
        default=None, ge=1,
        description="Test images used at most, drawn evenly over the classes.",
    )  # fmt: skip
    n_train: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1, description="Numbers of originals in a draw."
    )
    subsets: int = Field(default=2, ge=1, le=MOST_REPEATS, description="Draws of originals.")
    seeds: int = Field(default=2, ge=1, le=MOST_REPEATS, description="Classifiers on each draw.")
    classifier: str = Field(
        default=DEFAULT_CLASSIFIER,
        description=f"{', '.join(CLASSIFIERS)}, or a name of torchvision's.",
    )
    steps: int = Field(default=800, ge=1, description="Optimiser steps of a classifier.")
    batch: int = Field(
        default=DEFAULT_BATCH, ge=1,
        description="Batch size of a classifier; as many rows as share a draw, where the order of "
        "an arm is rounds and nothing is said here.",
    )  # fmt: skip
    optimiser: Optimiser | None = Field(
        default=None, description="In place of the one that suits the classifier."
    )
    learning_rate: float | None = Field(
        default=None, gt=0, description="In place of the one that suits the classifier."
    )
    weight_decay: float | None = Field(
        default=None, ge=0,
        description="Decoupled with muon and adamw, added to the gradient with adam and rmsprop.",
    )  # fmt: skip
    drops: Annotated[Drops, AfterValidator(_drops)] = Field(
        default=(),
        description="Pairs [share of the steps, factor of the learning rate from there on].",
    )
    weights: Path | None = Field(
        default=None,
        description="A file of weights that all but the last layer starts from, as `evaluate "
        "--save-weights` writes or, for a torchvision classifier, a published one.",
    )
    freeze: Annotated[Freeze, BeforeValidator(check_freeze)] = Field(
        default=False,
        description="With weights: true if the last layer alone learns; a number of layers from "
        'the input that stay fixed; or, such as "denseblock3", the name of the first that learns.',
    )
    corruptions: str | None = Field(
        default=None,
        description="Test on corrupted images too: mnist-c, cifar-c, imagenet-c or mnist-c-extra.",
    )
    corrupted: Path | None = Field(
        default=None,
        description="Folder of published corrupted test images, such as CIFAR-10-C, to test on "
        "too; at most `test_rows` of each corruption and severity.",
    )
    ensemble: int | None = Field(
        default=None, ge=2, le=MOST_REPEATS,
        description="So many seeds of an arm answer together too, by the mean of their "
        "probabilities.",
    )  # fmt: skip
    against: tuple[str, ...] = Field(
        default=("originals", "originals+geometry"), min_length=1,
        description="Arms that all others are compared with, the first as the baseline.",
    )  # fmt: skip
    vae: VaeSettings = Field(default=VaeSettings(), description="How VAEs are trained.")
    arms: tuple[StudyArm, ...] = Field(min_length=1, description="What is compared.")

    @property
    def training(self) -> AskedTraining:
        """What is asked for in place of what suits the classifiers."""
        return AskedTraining(
            self.optimiser, self.learning_rate, self.weight_decay, self.drops, self.freeze
        )

    def freeze_of(self, arm: StudyArm) -> Freeze:
        """Return what stays fixed in an arm."""
        return self.freeze if arm.freeze is None else arm.freeze

    @property
    def losses(self) -> tuple[float, ...]:
        """The losses at which checkpoints are needed, the highest first."""
        wanted = {float(arm.vae) for arm in self.arms if not isinstance(arm.vae, bool)}
        return tuple(sorted(wanted, reverse=True))


def read_study(path: Path, size: Size, instead: Mapping[str, Any] | None = None) -> Study:
    """Read the study in ``path`` at the given size, with keys ``instead`` of its own.

    Raises:
        RecipeError: naming the place, and the nearest right name for a wrong one.
    """
    tables = dict(read_tables(path, "Name a study file."))
    for name in SIZES:
        if isinstance(tables.get(name), dict):
            own = tables[name].items()
            tables[name] = {key: value for key, value in own if key not in (instead or {})}
    return study_of({**tables, **(instead or {})}, str(path), size)


def study_of(values: Mapping[str, Any], where: str, size: Size) -> Study:
    """Check the tables of a study file; ``where`` names it in messages.

    Raises:
        RecipeError: as ``read_study``.
    """
    sizes = {name: _size_of(values, name, where) for name in SIZES}
    settings = {key: value for key, value in values.items() if key not in SIZES}
    if size != "default":
        if size not in values:
            raise RecipeError(f"{where}: --{size}", "the file has no such size", f"Add [{size}].")
        settings |= {key: value for key, value in sizes[size].items() if key != "grid"}
    for key in settings:
        if key not in Study.model_fields:
            raise unknown_name(where, "key", key, [*Study.model_fields, *SIZES])
    narrowed = sizes[size].get("grid", {}) if size != "default" else {}
    arms = settings.get("arms")
    if not isinstance(arms, list) or not all(isinstance(arm, dict) for arm in arms):
        raise RecipeError(f"{where}: arms", "must be tables headed [[arms]]", "Add at least one.")
    axes = [
        axes_of(table, f"{where}, arm {number}", narrowed) for number, table in enumerate(arms, 1)
    ]
    count = sum(combinations(own) for own in axes)
    if count > MOST_ARMS:
        raise RecipeError(
            f"{where}: arms", f"they are {count:,} arms with their grids, more than {MOST_ARMS:,}",
            "Give fewer values in [arms.grid].",
        )  # fmt: skip
    settings["arms"] = tuple(
        arm
        for number, (table, own) in enumerate(zip(arms, axes, strict=True), 1)
        for arm in _arms(table, own, f"{where}, arm {number}")
    )
    names = [arm.name for arm in settings["arms"]]
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise RecipeError(
            f"{where}: arms", f"two are called {twice!r}", "Put the grid's keys into the name."
        )
    sizes_shared = {rows for arm in settings["arms"] for rows in _rows_that_share(arm)}
    batch = settings.get("batch")
    if sizes_shared and (batch is None or isinstance(batch, int)):  # others are refused below
        settings["batch"] = fitting_batch(sizes_shared, batch, f"{where}: batch")
    study = checked(Study, settings, where)
    _check_whole(study, where)
    return study


def _rows_that_share(arm: StudyArm) -> list[int]:
    """Return how many rows share what is drawn once a batch where the order keeps them together."""
    if arm.order != "rounds" or arm.recipe is None:
        return []
    found = [method.virtual_batch(own) for method, own in map(method_of, arm.recipe.mix)]
    return [shared.rows for shared in found if shared is not None]


def _check_whole(study: Study, where: str) -> None:
    """Refuse a study that lacks what an arm needs, or is too large."""
    check_ensemble(study.ensemble, study.seeds, f"{where}: ensemble", "seeds =")
    refuse_both(study.corruptions, study.corrupted, f"{where}: ")
    labelling = [each.name for each in study.arms if each.recipe and each.recipe.pseudo_label]
    if labelling and study.unlabelled is None:
        raise RecipeError(
            f"{where}: unlabelled",
            f"is missing, and the arm {labelling[0]!r} labels images",
            "Name a source of further images.",
        )
    for arm in study.arms:
        if study.freeze_of(arm) and (arm.weights or study.weights) is None:
            raise RecipeError(
                f"{where}, arm {arm.name!r}: freeze" if arm.freeze else f"{where}: freeze",
                "keeps weights that were drawn at random",
                "Add weights = FILE.",
            )
    names = [arm.name for arm in study.arms]
    classifiers = len(names) * len(study.n_train) * study.subsets * study.seeds
    if classifiers > MOST_CLASSIFIERS:
        raise RecipeError(
            where, f"it would train {classifiers:,} classifiers, more than {MOST_CLASSIFIERS:,}",
            "Give fewer arms, n_train, subsets or seeds.",
        )  # fmt: skip
    if study.against[0] not in names:
        raise RecipeError(
            f"{where}: against",
            f"there is no arm {study.against[0]!r} to compare with",
            'Add [[arms]] name = "originals", or name another arm first.',
        )


def _size_of(values: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """Return what a size has instead; nothing where the file has no such size."""
    size = values.get(name, {})
    if not isinstance(size, dict):
        raise RecipeError(
            f"{where}: {name}", f"must be a table, got {shown_value(size)}", f"Write [{name}]."
        )
    check_grid(size.get("grid", {}), f"{where}: {name}.grid", f"{name}.grid")
    return size


def _arms(table: dict[str, Any], axes: Mapping[str, list[Any]], where: str) -> list[StudyArm]:
    body = {key: value for key, value in table.items() if key != "grid"}
    return [
        checked(StudyArm, filled(body, dict(zip(axes, chosen, strict=True)), where), where)
        for chosen in itertools.product(*axes.values())
    ]
