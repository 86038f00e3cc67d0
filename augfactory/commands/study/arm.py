"""One arm of a study: how it trains, and the recipe of its dataset where it has one."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from augfactory.errors import RecipeError
from augfactory.evaluation.training.batch_policy import Loss
from augfactory.evaluation.training.batches import Order
from augfactory.evaluation.training.online import OnlineStage, online_stage
from augfactory.evaluation.training.training_set import Part
from augfactory.guarded.text import escaped, problem_with_name
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipe_text import KEYS, Asked, recipe_of
from augfactory.pipeline.stages import geometry_stage, mix_stage, shown_value

FORMAT_KEYS = tuple(key for key in KEYS if key not in ("seed", "format"))
OWN_KEYS = (
    *("vae", "loss", "order", "part", "real_share"),
    *("online", "classifier", "weights", "freeze"),
)


class StudyArm(BaseModel):
    """One arm: how it trains, and the recipe of its dataset where it has one.

    ``vae`` is True for the finished model, or the loss at which its checkpoint was kept. ``online``
    is what is applied to every batch; None is what the name says. ``classifier`` None is that of
    the study; with ``freeze`` its last layer alone learns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str
    recipe: Asked | None
    vae: bool | float = False
    loss: Loss = "ce"
    order: Order = "shuffled"
    part: Part = "all"
    real_share: float | None = Field(default=None, gt=0, lt=1)
    online: tuple[OnlineStage, ...] | None = None
    classifier: str | None = None
    weights: Path | None = None
    freeze: bool = False


def study_arm(table: dict[str, Any], where: str) -> StudyArm:
    """Check the table of an arm, its grid filled in; ``where`` names it in messages.

    Raises:
        RecipeError: a value is wrong, or keys contradict each other.
    """
    recipe = {key: table[key] for key in FORMAT_KEYS if key in table and key != "vae"}
    own = {key: table[key] for key in OWN_KEYS if key in table}
    if isinstance(own.get("vae"), dict):
        sampler = dict(own.pop("vae"))
        own["vae"] = sampler.pop("at_loss", True)
        if own["vae"] is False and sampler:
            raise RecipeError(
                f"{where}: vae",
                f"at_loss = false means no model, which {', '.join(sampler)} steers",
                "Leave one out.",
            )
        recipe["vae"] = sampler
    elif own.get("vae"):
        recipe["vae"] = {}
    asked = recipe_of(recipe, where) if recipe else None
    if asked is not None and asked.factor is None:
        raise RecipeError(
            f"{where}: factor", "is missing", "Say factor = 10, or 1 for mixing alone."
        )
    if "online" in own:
        own["online"] = _online(own["online"], f"{where}: online")
        if asked is not None:
            raise RecipeError(
                f"{where}: online",
                f"varies originals, and {', '.join(recipe)} makes a dataset",
                "Leave one out.",
            )
    if own.get("freeze") and "weights" not in own:
        raise RecipeError(
            f"{where}: freeze", "keeps weights that were drawn at random", "Add weights = FILE."
        )
    arm: StudyArm = checked(StudyArm, {"name": table.get("name"), "recipe": asked, **own}, where)
    problem = problem_with_name(arm.name)
    if problem is not None:
        raise RecipeError(
            f"{where}: name", f"'{escaped(arm.name)}' cannot be one: {problem}", "Rename it."
        )
    if not isinstance(arm.vae, bool) and not (math.isfinite(arm.vae) and arm.vae > 0):
        raise RecipeError(
            f"{where}: vae", f"no VAE reaches the loss {arm.vae}", "Give a number above 0."
        )
    return arm


def _online(tables: Any, where: str) -> tuple[OnlineStage, ...]:
    """Check the methods that an arm applies to every batch."""
    if not isinstance(tables, list) or not all(
        isinstance(table, dict) and isinstance(table.get("method"), str) for table in tables
    ):
        raise RecipeError(
            where, "must be tables with a method each", "Write [[arms.online]] and method = …."
        )
    found = []
    for table in tables:
        given = {key: value for key, value in table.items() if key != "method"}
        if table["method"] == "geometry":
            parameters = geometry_stage(where, given).parameters
        else:
            parameters = mix_stage(where, table["method"], 1, "originals", given).parameters
        method = METHODS[table["method"]]
        found.append(online_stage(method.name, method.parameters.model_validate(parameters)))
    return tuple(found)


def checked(model: Any, values: Mapping[str, Any], where: str) -> Any:
    """Return the model of ``values``.

    Raises:
        RecipeError: naming the first value that is wrong.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        given = problem.get("input")
        shown = "" if given is None or isinstance(given, dict) else f", got {shown_value(given)}"
        raise RecipeError(
            f"{where}: {place}", f"{problem['msg']}{shown}", "Mend that value."
        ) from error
