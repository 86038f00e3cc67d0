"""The keys of a study file, its grids filled in."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from augfactory.commands.study.arm import StudyArm, check_freeze
from augfactory.commands.study.vae_settings import VaeSettings
from augfactory.errors import RecipeError
from augfactory.evaluation.classifiers.registry import CLASSIFIERS, DEFAULT_CLASSIFIER
from augfactory.evaluation.training.settings import (
    AskedTraining,
    Drops,
    Freeze,
    Optimiser,
    checked_drops,
)
from augfactory.evaluation.training.virtual_batches import DEFAULT_BATCH
from augfactory.guarded.validation import shown_value, told
from augfactory.records import Fit, read_size

MOST_REPEATS = 1000


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
    label_smoothing: float | None = Field(
        default=None, ge=0, lt=1,
        description="Share of each label that is spread evenly over the classes, in place of what "
        "suits the classifier: 0.1 for quick and wide, else 0.",
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
            self.optimiser,
            self.learning_rate,
            self.weight_decay,
            self.label_smoothing,
            self.drops,
            self.freeze,
        )

    def freeze_of(self, arm: StudyArm) -> Freeze:
        """Return what stays fixed in an arm."""
        return self.freeze if arm.freeze is None else arm.freeze

    @property
    def losses(self) -> tuple[float, ...]:
        """The losses at which checkpoints are needed, the highest first."""
        wanted = {float(arm.vae) for arm in self.arms if not isinstance(arm.vae, bool)}
        return tuple(sorted(wanted, reverse=True))
