"""config.json of a model: what it is, what it was trained on and how that went."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)

from augfactory.errors import InputDataError
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import check_relative
from augfactory.guarded.text import first_problem
from augfactory.guarded.validation import document_problem
from augfactory.source_rows import SourceRows
from augfactory.vae.decoded import DecodedImages
from augfactory.vae.files import CONFIG
from augfactory.vae.networks.names import EARLIER, NetworkShape
from augfactory.vae.settings import TrainingSettings

SCHEMA_VERSION = 1
SMALLEST_SIDE, LARGEST_SIDE = 16, 128
LARGEST_LATENT = 1024
MOST_CLASSES = 32_768
# Of what is learned from; a place, options and skipped images only where there are any.
TOLD = ("text", "size", "colour", "split", "fingerprint", "rows", "place", "options", "skipped")
LARGEST_CONFIG = 2**27  # bytes; that of nine million rows


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    problem = first_problem(names)
    if problem is not None:
        raise ValueError(f"{problem[0]}: {problem[1]}")
    return names


def _grey_or_rgb(channels: int) -> int:
    if channels == 2:
        raise ValueError("images have 1 channel or 3")
    return channels


def _name_of_today(architecture: Any) -> Any:
    return next((new for new, old in EARLIER.items() if old == architecture), architecture)


Side = Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE)]
Channels = Annotated[int, Field(ge=1, le=3), AfterValidator(_grey_or_rgb)]
ClassNames = Annotated[
    tuple[str, ...], Field(min_length=1, max_length=MOST_CLASSES), AfterValidator(_names)
]
PathInside = Annotated[str, AfterValidator(check_relative)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
CheckpointName = Annotated[str, Field(pattern=r"^loss-[0-9.e+-]{1,40}$")]


def _told(rows: SourceRows) -> dict[str, Any]:
    values = rows.model_dump(mode="json")
    told = {key: values[key] for key in TOLD if key in values}
    return {key: value for key, value in told.items() if key != "place" or value is not None}


def _nothing_else(values: Any) -> Any:
    if isinstance(values, dict) and not {*values} <= {*TOLD}:
        raise ValueError(f"there are other keys than {', '.join(TOLD)}")
    return values


def _fit(rows: SourceRows) -> SourceRows:
    if any(later <= earlier for earlier, later in pairwise(rows.rows)):
        raise ValueError("the rows do not rise")
    if rows.size is not None and not all(SMALLEST_SIDE <= n <= LARGEST_SIDE for n in rows.size):
        raise ValueError(f"no side is of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels")
    return rows


# Its ``place`` is told from the model's folder; ``rows`` rise, those held out among them. Models of
# before there were places have a ``text`` that can be opened from any working folder.
TrainedOn = Annotated[
    SourceRows, BeforeValidator(_nothing_else), AfterValidator(_fit), PlainSerializer(_told)
]


class TrainingPlan(BaseModel):
    """All that a training follows from; equal plans give equal models.

    ``image_shape`` is (height, width, channels); ``geometry`` holds the parameters by which the
    images are varied while they are learned, None where they are not. ``unlabelled`` are images
    that are learned too, their classes not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    architecture: Annotated[str, BeforeValidator(_name_of_today)]
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
        told = {*TrainingPlan.model_fields} - {"source", "unlabelled"}
        values = self.model_dump(mode="json", include=told)
        values["architecture"] = EARLIER.get(self.architecture, self.architecture)
        decisive: list[Any] = [values, self.source.fingerprint]
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


class ModelConfig(TrainingPlan):
    """The whole of config.json; ``files`` are the SHA-256 of all weights, by path."""

    result: TrainingResult
    files: dict[PathInside, Sha256]
    libraries: dict[str, str]
    created: str


def document_bytes(document: TrainingPlan) -> bytes:
    """Return a config or plan as JSON, the same bytes for the same content."""
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
            f"is not a finished model: there is no {CONFIG} in it",
            f"Check the path, or train one with `augfactory vae-train SOURCE --out {folder}`; "
            "a training that was interrupted goes on with the same command.",
        ) from error
    except OSError as error:
        raise InputDataError(path, f"cannot be read: {error.strerror}", remedy) from error
    except ValidationError as error:
        raise InputDataError(path, document_problem(error), remedy) from error
    except ValueError as error:
        raise InputDataError(path, f"is not JSON: {error}", remedy) from error
