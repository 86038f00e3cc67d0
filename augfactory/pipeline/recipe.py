"""What the user asked for: validated, canonical, hashable."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from augfactory.errors import RecipeError, unknown_name
from augfactory.vae.samplers.registry import SAMPLERS

Format = Literal["hdf5", "png"]


class VaeStage(BaseModel):
    """How decoded images are made from encoded ones.

    ``parameters`` holds every parameter of the sampler, defaults filled in, so that a changed
    default makes another recipe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampler: str
    parameters: dict[str, float]


class Recipe(BaseModel):
    """One dataset: exactly ``factor`` images per source image.

    With ``originals`` the source image is one of them. ``format`` says how the rows are stored; it
    changes no pixel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: int = Field(ge=1, le=100_000)
    originals: bool = True
    seed: int = Field(default=0, ge=0)
    vae: VaeStage | None = None
    format: Format = "hdf5"


def canonical_json(value: Any) -> str:
    """Return JSON that is the same text for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def recipe_id(recipe: Recipe, source_fingerprint: str, model_sha256: str | None) -> str:
    """Return the sha256 that names a request: the same request makes the same dataset."""
    request = {
        "recipe": recipe.model_dump(mode="json"),
        "source": source_fingerprint,
        "model": model_sha256,
        "rendering": RENDERING,
    }
    return hashlib.sha256(canonical_json(request).encode()).hexdigest()


# Raise this whenever the same recipe gives other pixels or labels than before.
RENDERING = 1


def resolved_stage(sampler: str, parameters: Mapping[str, float]) -> VaeStage:
    """Return the stage with every parameter of ``sampler`` filled in and checked.

    Raises:
        RecipeError: there is no such sampler or parameter, or a value is out of range.
    """
    if sampler not in SAMPLERS:
        raise unknown_name("--sampler", "sampler", sampler, list(SAMPLERS))
    model = SAMPLERS[sampler].params
    for name in parameters:
        if name not in model.model_fields:
            raise unknown_name(f"sampler {sampler}", "parameter", name, list(model.model_fields))
    try:
        values = model.model_validate(dict(parameters)).model_dump()
    except ValidationError as error:
        problem = error.errors()[0]
        raise RecipeError(
            f"sampler {sampler}",
            f"{problem['loc'][0]}: {problem['msg']}, got {problem['input']}",
            "Give a value in that range.",
        ) from error
    return VaeStage(sampler=sampler, parameters=values)
