"""What the user asked for: validated, canonical, hashable."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from augfactory.errors import RecipeError, unknown_name
from augfactory.methods.method import Method
from augfactory.methods.registry import METHODS
from augfactory.vae.samplers.registry import SAMPLERS

Format = Literal["hdf5", "png", "parquet", "webdataset"]
Origin = Literal["originals", "expanded"]
LARGEST_FACTOR = 100_000
MOST_SHOWN = 200  # letters of a wrong value in a message
MIXING = {name: method for name, method in METHODS.items() if name != "geometry"}

# Raise this whenever the same recipe gives other pixels or labels than before.
RENDERING = 1


class GeometryStage(BaseModel):
    """How an image is varied before it is encoded or, without a model, on its own.

    ``parameters`` holds every parameter, defaults filled in, so that a changed default makes
    another recipe; so it does in the other stages.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: dict[str, Any]


class VaeStage(BaseModel):
    """How decoded images are made from encoded ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampler: str
    parameters: dict[str, Any]


class MixStage(BaseModel):
    """Further rows: ``copies`` for each source image, made by ``method``.

    ``source`` says what is mixed: the original images, or any of the ``factor`` images that the
    earlier stages made of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    copies: int = Field(ge=1, le=LARGEST_FACTOR)
    source: Origin
    parameters: dict[str, Any]


class Recipe(BaseModel):
    """One dataset: exactly ``factor`` images per source image, and the mixed ones on top.

    With ``originals`` the source image is one of the ``factor``. ``format`` says how the rows are
    stored; it changes no pixel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: int = Field(ge=1, le=LARGEST_FACTOR)
    originals: bool = True
    seed: int = Field(default=0, ge=0)
    geometry: GeometryStage | None = None
    vae: VaeStage | None = None
    mix: tuple[MixStage, ...] = ()
    format: Format = "hdf5"

    @property
    def made_by(self) -> str:
        """The method of the further rows among the ``factor``."""
        return "vae" if self.vae is not None else "geometry"


def canonical_json(value: Any) -> str:
    """Return JSON that is the same text for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def rendering_versions(recipe: Recipe) -> dict[str, int]:
    """Return the versions of the rendering and of each method that takes part in ``recipe``."""
    used = {stage.method for stage in recipe.mix} | ({"geometry"} if recipe.geometry else set())
    return {"rendering": RENDERING, **{name: METHODS[name].version for name in sorted(used)}}


def recipe_id(
    recipe: Recipe, versions: Mapping[str, int], source_fingerprint: str, model_sha256: str | None
) -> str:
    """Return the sha256 that names a request: the same request makes the same dataset.

    ``versions`` are those that rendered it, or would: see ``rendering_versions``.
    """
    request = {
        "recipe": recipe.model_dump(mode="json"),
        "versions": dict(versions),
        "source": source_fingerprint,
        "model": model_sha256,
    }
    return hashlib.sha256(canonical_json(request).encode()).hexdigest()


def geometry_stage(where: str, parameters: Mapping[str, Any]) -> GeometryStage:
    """Return the stage with every parameter filled in and checked; ``where`` names its place.

    Raises:
        RecipeError: there is no such parameter, or a value is out of range.
    """
    model = METHODS["geometry"].parameters
    return GeometryStage(parameters=_resolved(where, model, parameters))


def default_geometry(image_shape: tuple[int, int, int]) -> GeometryStage:
    """Return the preset that suits the colours: photographs are in colour, digits are grey."""
    preset = "photo" if image_shape[2] == 3 else "digits"
    return geometry_stage("geometry", {"preset": preset})


def vae_stage(where: str, sampler: str, parameters: Mapping[str, Any]) -> VaeStage:
    """Return the stage with every parameter of ``sampler`` filled in and checked.

    Raises:
        RecipeError: there is no such sampler or parameter, or a value is out of range.
    """
    if sampler not in SAMPLERS:
        raise unknown_name(where, "sampler", sampler, list(SAMPLERS))
    model = SAMPLERS[sampler].params
    return VaeStage(sampler=sampler, parameters=_resolved(where, model, parameters))


def mix_stage(
    where: str, method: str, copies: int, source: Origin, parameters: Mapping[str, Any]
) -> MixStage:
    """Return the stage with every parameter of ``method`` filled in and checked.

    Raises:
        RecipeError: there is no such method or parameter, or a value is out of range.
    """
    if method not in MIXING:
        raise unknown_name(where, "method", method, list(MIXING))
    if not 1 <= copies <= LARGEST_FACTOR:
        raise RecipeError(
            where, f"{copies} copies cannot be made", f"Ask for 1 to {LARGEST_FACTOR}."
        )
    resolved = _resolved(where, MIXING[method].parameters, parameters)
    return MixStage(method=method, copies=copies, source=source, parameters=resolved)


def default_origin(method: str) -> Origin:
    """Return what a method mixes when nothing is said: AugMix makes views of clean images."""
    return "originals" if method == "augmix" else "expanded"


def method_of(stage: MixStage) -> tuple[Method, Any]:
    """Return a stage's method and its parameters as the method takes them."""
    method = METHODS[stage.method]
    return method, method.parameters.model_validate(stage.parameters)


def _resolved(where: str, model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in model.model_fields:
            raise unknown_name(where, "key", name, list(model.model_fields))
    try:
        return model.model_validate(dict(given)).model_dump(mode="json")
    except ValidationError as error:
        raise value_error(where, error) from error


def shown_value(value: Any) -> str:
    """Return what was given, for a message: cut where it is absurdly long."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def value_error(where: str, error: ValidationError) -> RecipeError:
    """Say in words what pydantic found wrong with a value."""
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    got = f", got {shown_value(problem['input'])}" if place else ""
    return RecipeError(
        f"{where}: {place}" if place else where,
        f"{message[:1].lower()}{message[1:]}{got}",
        "Give a value in that range; `augfactory methods` tells what each parameter does.",
    )
