"""config.json of a model: what it is, what it was trained on and how that went."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from augfactory.errors import InputDataError
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import check_relative
from augfactory.guarded.text import first_problem
from augfactory.guarded.validation import document_problem
from augfactory.records import Colour
from augfactory.vae.decoded import DecodedImages
from augfactory.vae.files import CONFIG
from augfactory.vae.networks.names import NetworkShape
from augfactory.vae.settings import TrainingSettings

SCHEMA_VERSION = 1
SMALLEST_SIDE, LARGEST_SIDE = 16, 128
LARGEST_LATENT = 1024
MOST_CLASSES = 32_768
LARGEST_CONFIG = 2**27  # bytes; that of nine million rows


def _rise(rows: list[int]) -> list[int]:
    if any(later <= earlier for earlier, later in pairwise(rows)):
        raise ValueError("the rows do not rise")
    return rows


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    problem = first_problem(names)
    if problem is not None:
        raise ValueError(f"{problem[0]}: {problem[1]}")
    return names


def _grey_or_rgb(channels: int) -> int:
    if channels == 2:
        raise ValueError("images have 1 channel or 3")
    return channels


Side = Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE)]
Channels = Annotated[int, Field(ge=1, le=3), AfterValidator(_grey_or_rgb)]
Row = Annotated[int, Field(ge=0, lt=2**63)]
Rows = Annotated[list[Row], Field(min_length=1), AfterValidator(_rise)]
ClassNames = Annotated[
    tuple[str, ...], Field(min_length=1, max_length=MOST_CLASSES), AfterValidator(_names)
]
PathInside = Annotated[str, AfterValidator(check_relative)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
CheckpointName = Annotated[str, Field(pattern=r"^loss-[0-9.e+-]{1,40}$")]


class TrainedOn(BaseModel):
    """The rows a model was trained on.

    Attributes:
        text: the SOURCE, such that it can be opened from any working folder.
        size: (height, width) that its images were converted to, None for their own.
        colour: what they were converted to.
        split: "train", or None where the source has no splits.
        fingerprint: of the chosen rows.
        rows: the chosen rows, ascending; those held out for validation among them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    size: tuple[Side, Side] | None
    colour: Colour
    split: str | None
    fingerprint: str
    rows: Rows


class TrainingOrder(BaseModel):
    """All that a training follows from; equal orders give equal models.

    ``image_shape`` is (height, width, channels); ``geometry`` holds the parameters by which the
    images are varied while they are learned, None where they are not. ``unlabelled`` are images
    that are learned too, their classes not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    architecture: str
    latent: int = Field(ge=1, le=LARGEST_LATENT)
    image_shape: tuple[Side, Side, Channels]
    class_names: ClassNames
    source: TrainedOn
    training: TrainingSettings
    geometry: dict[str, Any] | None = None
    unlabelled: TrainedOn | None = Field(default=None, exclude_if=lambda more: more is None)

    @property
    def identity(self) -> str:
        """A hash of all that decides the model; where its sources are kept does not."""
        told = {*TrainingOrder.model_fields} - {"source", "unlabelled"}
        decisive: list[Any] = [self.model_dump(mode="json", include=told), self.source.fingerprint]
        if self.unlabelled is not None:
            decisive.append(self.unlabelled.fingerprint)
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    @property
    def network_shape(self) -> NetworkShape:
        """What the network is built for."""
        return NetworkShape(self.image_shape, len(self.class_names), self.latent)


class TrainingResult(BaseModel):
    """How a training ended.

    Attributes:
        steps: done in all.
        stopped: "steps" when all that were asked for were done, "patience" when it stopped early.
        kept_step: the step whose weights were kept; with validation, the best.
        loss: reconstruction + KL, nats per image, mean of the last interval.
        reconstruction: nats per image.
        kl: nats per image.
        validation_loss: of the kept weights, None without validation.
        reached: checkpoint name -> the step where its loss was reached.
        not_reached: losses of ``save_at_loss`` that the training did not come down to.
        seconds: of training.
        device: where it was computed.
        decoded: what its decoded images are worth to a classifier; None where none was asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: int
    stopped: str
    kept_step: int
    loss: float
    reconstruction: float
    kl: float
    validation_loss: float | None
    reached: dict[CheckpointName, int]
    not_reached: list[float]
    seconds: float
    device: str
    decoded: DecodedImages | None = None


class ModelConfig(TrainingOrder):
    """The whole of config.json; ``files`` are the SHA-256 of all weights, by path."""

    result: TrainingResult
    files: dict[PathInside, Sha256]
    libraries: dict[str, str]
    created: str


def document_bytes(document: TrainingOrder) -> bytes:
    """Return a config or order as JSON, the same bytes for the same content."""
    values = document.model_dump(mode="json")
    return (json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_config(folder: Path) -> ModelConfig:
    """Read the config of the model in ``folder``.

    Raises:
        InputDataError: there is no finished model, or its config cannot be read.
    """
    path = folder / CONFIG
    remedy = "Restore the file, or train the model again with `augfactory vae-train`."
    try:
        values = read_json(path, LARGEST_CONFIG)
        if isinstance(values, dict) and values.get("schema_version") != SCHEMA_VERSION:
            raise InputDataError(
                path,
                f"has schema version {str(values.get('schema_version'))[:80]}, "
                f"this program reads {SCHEMA_VERSION}",
                "Use the augfactory that wrote it.",
            )
        return ModelConfig.model_validate_json(json.dumps(values))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputDataError(
            folder,
            f"is no finished model: there is no {CONFIG} in it",
            f"Check the path, or train one with `augfactory vae-train SOURCE --out {folder}`; "
            "a training that was interrupted goes on with the same command.",
        ) from error
    except OSError as error:
        raise InputDataError(path, f"cannot be read: {error.strerror}", remedy) from error
    except ValidationError as error:
        raise InputDataError(path, document_problem(error), remedy) from error
    except ValueError as error:
        raise InputDataError(path, f"is no JSON: {error}", remedy) from error
