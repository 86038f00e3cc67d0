"""Stages of a recipe from what was asked for: parameters filled in and checked."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from augfactory.errors import RecipeError, unknown_name
from augfactory.methods.geometry import PRESETS
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipe import (
    LARGEST_FACTOR,
    MIXING,
    Decode,
    GeometryStage,
    MixStage,
    Origin,
    PseudoLabelStage,
    VaeStage,
)
from augfactory.vae.samplers.registry import SAMPLERS

MOST_SHOWN = 200  # letters of a wrong value in a message


def geometry_stage(where: str, parameters: Mapping[str, Any]) -> GeometryStage:
    """Return the stage with every parameter filled in and checked; ``where`` names its place.

    Raises:
        RecipeError: there is no such parameter, or a value is out of range.
    """
    model = METHODS["geometry"].parameters
    return GeometryStage(parameters=_resolved(where, model, parameters))


def default_geometry(image_shape: tuple[int, int, int], preset: str | None = None) -> GeometryStage:
    """Return ``preset`` or, at None, the one that suits the colours: photo in colour, else digits.

    Raises:
        RecipeError: there is no such preset.
    """
    if preset is None:
        preset = "photo" if image_shape[2] == 3 else "digits"
    check_preset(preset)
    return geometry_stage("geometry", {"preset": preset})


def check_preset(preset: str) -> None:
    """Refuse a preset that there is not.

    Raises:
        RecipeError: naming the nearest one.
    """
    if preset not in PRESETS:
        raise unknown_name("--preset", "preset", preset, list(PRESETS))


def vae_stage(
    where: str,
    sampler: str,
    parameters: Mapping[str, Any],
    share: float = 1.0,
    decode: Decode = "full",
    *,
    filter: bool = False,
) -> VaeStage:
    """Return the stage with every parameter of ``sampler`` filled in and checked.

    Raises:
        RecipeError: there is no such sampler or parameter, or a value is out of range.
    """
    check_share(where, share)
    if sampler not in SAMPLERS:
        raise unknown_name(where, "sampler", sampler, list(SAMPLERS))
    model = SAMPLERS[sampler].params
    resolved = _resolved(where, model, parameters)
    return VaeStage(sampler=sampler, parameters=resolved, share=share, decode=decode, filter=filter)


def check_share(where: str, share: float) -> None:
    """Refuse what is no share.

    Raises:
        RecipeError: it is below 0 or above 1.
    """
    if not 0 <= share <= 1:
        raise RecipeError(f"{where}: share", f"{share:g} is no share", "Give a number from 0 to 1.")


def mix_stage(
    where: str,
    method: str,
    copies: int,
    source: Origin,
    parameters: Mapping[str, Any],
    share: float | None = None,
) -> MixStage:
    """Return the stage with every parameter of ``method`` filled in and checked.

    With a ``share``, ``copies`` is 0: a recipe knows how many they are.

    Raises:
        RecipeError: there is no such method or parameter, or a value is out of range.
    """
    if method not in MIXING:
        raise unknown_name(where, "method", method, list(MIXING))
    if share is not None:
        check_share(where, share)
        if share == 0 or copies:
            raise RecipeError(
                f"{where}: share",
                "says how many of the further images are mixed; copies say how many come on top",
                "Give one of the two, and a share above 0.",
            )
    elif not 1 <= copies <= LARGEST_FACTOR:
        raise RecipeError(
            where, f"{copies} copies cannot be made", f"Ask for 1 to {LARGEST_FACTOR}."
        )
    resolved = _resolved(where, MIXING[method].parameters, parameters)
    return MixStage(method=method, copies=copies, source=source, parameters=resolved, share=share)


def pseudo_label_stage(
    where: str, parameters: Mapping[str, Any], copies: int = 1
) -> PseudoLabelStage:
    """Return the stage, parameters filled in and checked; ``copies`` unless they are given.

    Raises:
        RecipeError: there is no such parameter, or a value is out of range.
    """
    return PseudoLabelStage(**_resolved(where, PseudoLabelStage, {"copies": copies, **parameters}))


def default_origin(method: str) -> Origin:
    """Return what a method mixes when nothing is said: AugMix makes views of clean images."""
    return "originals" if method == "augmix" else "expanded"


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
