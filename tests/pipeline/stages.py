"""Stages for tests."""

from collections.abc import Mapping
from typing import Any

from augfactory.guarded.validation import checked
from augfactory.pipeline.recipes.stages import Decode, VaeStage


def vae_stage(
    where: str,
    sampler: str,
    parameters: Mapping[str, Any],
    share: float = 1.0,
    decode: Decode = "full",
    *,
    filter: bool = False,
) -> VaeStage:
    """Return the stage of these parameters; RecipeError, naming ``where``, if one is wrong."""
    said = {"sampler": sampler, "share": share, "decode": decode, "filter": filter}
    return checked(VaeStage, {**said, **parameters}, where)
