"""Further images varied once more: the stages of a recipe's ``[[vary]]``."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, Field, StrictFloat

from augfactory.guarded.validation import checked, told, unknown
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipes.stages import Stage

VARYING = {name: method for name, method in METHODS.items() if method.varies and name != "geometry"}


class VaryStage(Stage):
    """How further images are varied once more, after geometry or the model made them.

    Mixtures are not: they are made of images that were.
    """

    written: ClassVar[tuple[str, ...]] = ("method", "share")

    method: str = Field(
        description="What changes the images; its own parameters are further keys: see "
        "[methods](methods.md)."
    )
    parameters: dict[str, Any]
    share: StrictFloat = Field(
        default=1.0, gt=0, le=1, exclude_if=lambda share: share == 1,
        description="How probable it is that an image is changed.",
    )  # fmt: skip

    @classmethod
    def model_of(cls, values: Mapping[str, Any]) -> type[BaseModel]:
        """Return the parameters of the method."""
        name = values.get("method")
        if name is None:
            raise told("key 'method' is missing", "Say method = …")
        if str(name) not in VARYING:
            raise unknown("method", str(name), list(VARYING), "method")
        return VARYING[str(name)].parameters


def vary_stage(where: str, method: str, parameters: Mapping[str, Any]) -> VaryStage:
    """Return the stage of these parameters; RecipeError, naming ``where``, if one is wrong."""
    return checked(VaryStage, {"method": method, **parameters}, where)
