"""A recipe as it is asked for: by a file, by an arm of a study, by a Python mapping.

``docs/recipe.md`` says what each key means, and has examples.
"""

import tomllib
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, StrictStr

from augfactory.errors import RecipeError
from augfactory.guarded.documents import parse_toml
from augfactory.guarded.validation import Table, checked, shown_value, told
from augfactory.pipeline.recipes.recipe import (
    Balance,
    ClassFactors,
    Distinct,
    Factor,
    Originals,
    PerClass,
    Seed,
)
from augfactory.pipeline.recipes.stages import (
    GeometryStage,
    MixStage,
    PseudoLabelStage,
    VaeStage,
)
from augfactory.pipeline.recipes.vary import VaryStage


def _holds(model: type[BaseModel], **defaults: Any) -> Callable[[Any], Any]:
    """Check a table by the model of its stage, and keep what it says: others may fill it in."""

    def check(value: Any) -> Any:
        if isinstance(value, dict):
            refuse_manifest(value)
            model.model_validate({**defaults, **value})
        return value

    return check


def refuse_manifest(value: Mapping[str, Any]) -> None:
    """Refuse the key by which a stage would take the table for that of a manifest."""
    if "parameters" in value:
        remedy = "Write the parameters as keys of the table itself."
        raise told("there is no key 'parameters'", remedy)


def _table_or_bool(value: Any) -> Any:
    if not isinstance(value, dict | bool):
        raise told(f"must be a table or false, got {shown_value(value)}", "Mend that line.")
    return value


def _tables_of(key: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            what = f"must be a list of tables, got {shown_value(value)}"
            raise told(what, f"Head each by [[{key}]]; in Python give a list of mappings.")
        for each in value:
            if isinstance(each, dict):
                refuse_manifest(each)
        return value

    return BeforeValidator(check)


class AskedRecipe(Table):
    """A recipe as it is asked for; None where nothing is said.

    ``geometry``, ``vae`` and ``pseudo_label`` hold what is said of their stages, checked but not
    filled in: the images and the model say the rest. ``geometry`` False asks for none.
    """

    factor: Factor | None = None
    per_class: PerClass | None = None
    balance: Balance | None = None
    class_factors: ClassFactors | None = None
    originals: Originals | None = None
    seed: Seed | None = None
    format: StrictStr | None = Field(
        default=None, description="How the rows are stored; it changes no pixel."
    )
    geometry: (
        Annotated[
            dict[str, Any] | bool,
            BeforeValidator(_holds(GeometryStage)),
            BeforeValidator(_table_or_bool),
        ]
        | None
    ) = Field(
        default=None,
        description="How images are varied: parameters of geometry. `geometry = false` leaves them "
        "as they are; left out, the preset that suits the images varies them.",
    )
    vary: Annotated[tuple[VaryStage, ...], _tables_of("vary")] = Field(
        default=(),
        description="How further images are varied after that, method by method, in this order. A "
        "recipe without it varies them by geometry alone.",
    )
    vae: Annotated[dict[str, Any], BeforeValidator(_holds(VaeStage))] | None = Field(
        default=None, description="With a model: how it makes images."
    )
    mix: Annotated[tuple[MixStage, ...], _tables_of("mix")] = Field(
        default=(),
        description="Images made of several, or by another method, stage by stage. A recipe "
        "without it mixes nothing.",
    )
    distinct: Distinct | None = None
    pseudo_label: (
        Annotated[dict[str, Any], BeforeValidator(_holds(PseudoLabelStage, copies=1, steps=1))]
        | None
    ) = Field(default=None, description="With --unlabelled: rows made of unlabelled images.")

    @property
    def variation(self) -> dict[str, Any] | None:
        """What is said of geometry, None where it is to be left out."""
        if self.geometry is False:
            return None
        return self.geometry if isinstance(self.geometry, dict) else {}


def read_recipe(text: str, where: str) -> AskedRecipe:
    """Read a recipe; ``where`` is the file's name, for messages.

    Raises:
        RecipeError: naming the place, and the nearest right name for a wrong one.
    """
    return checked(AskedRecipe, tables_of(text, where), where)


def tables_of(text: str, where: str) -> dict[str, Any]:
    """Return the tables of a TOML text; ``where`` is the file's name, for messages.

    Raises:
        RecipeError: it is not TOML, is nested too deeply, or holds a number beyond 64 bits.
    """
    try:
        return parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(where, f"is not TOML: {error}", "Mend the file at that place.") from error
    except ValueError as error:
        raise RecipeError(where, str(error), "Mend the file at that place.") from error
