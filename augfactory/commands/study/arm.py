"""One arm of a study: how it trains, and the recipe of its dataset where it has one."""

import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from augfactory.evaluation.training.batch_policy import VIEWS, Loss
from augfactory.evaluation.training.batches import Order
from augfactory.evaluation.training.online import OnlineStage, online_stage
from augfactory.evaluation.training.settings import Freeze
from augfactory.evaluation.training.training_set import Part
from augfactory.guarded.text import escaped, problem_with_name
from augfactory.guarded.validation import refuse_unknown, shown_value, told, unknown
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipes.recipe_file import AskedRecipe

# An arm holds these keys of a recipe; its seed is that of the draw.
RECIPE_KEYS = tuple(key for key in AskedRecipe.model_fields if key not in ("seed", "format"))


def _name(name: str) -> str:
    problem = problem_with_name(name)
    if problem is not None:
        raise told(f"'{escaped(name)}' cannot be one: {problem}", "Rename it.")
    return name


def _loss(vae: Any) -> Any:
    if not isinstance(vae, bool | int | float):
        raise told(f"must be true, a loss or a table, got {shown_value(vae)}", "Mend that value.")
    if not isinstance(vae, bool) and not (math.isfinite(vae) and vae > 0):
        raise told(f"no VAE reaches the loss {vae}", "Give a number above 0.")
    return vae


def check_freeze(value: Any) -> Any:
    """Check what stays fixed: true, a number of layers, or the name of a layer."""
    wrong = not isinstance(value, bool | int | str) or value == ""
    if wrong or (isinstance(value, int) and not isinstance(value, bool) and value < 1):
        raise told(
            f"{shown_value(value)} does not say which layers",
            "Give true for all but the last, a number of them, or the name of the first that "
            "learns.",
        )
    return value


def _tables(tables: Any) -> Any:
    if not isinstance(tables, list | tuple):
        raise told("must be tables with a method each", "Write [[arms.online]] and method = ….")
    return tables


def _online(table: Any) -> Any:
    """Read one of the tables ``[[arms.online]]``: a method, its share and its parameters."""
    if isinstance(table, OnlineStage):
        return table
    if not isinstance(table, dict) or not isinstance(table.get("method"), str):
        raise told("must be tables with a method each", "Write [[arms.online]] and method = ….")
    name = table["method"]
    if name not in METHODS:
        raise unknown("method", name, list(METHODS), "method")
    given = {key: value for key, value in table.items() if key not in ("method", "share")}
    model = METHODS[name].parameters
    refuse_unknown(given, ["method", "share", *model.model_fields])
    return online_stage(name, model.model_validate(given), _share(table.get("share", 1.0)))


def _share(share: Any) -> float:
    number = isinstance(share, int | float) and not isinstance(share, bool)
    if not (number and 0 < share <= 1):
        raise told(
            f"{shown_value(share)} is not above 0 and at most 1",
            "It says how probable it is that an image is changed: 1 for every image.",
            "share",
        )
    return float(share)


class StudyArm(BaseModel):
    """One arm. A study file writes it as one flat table: a recipe's keys are in ``recipe`` here.

    ``vae`` is True for the finished model, or the loss at which its checkpoint was kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(_name)] = Field(
        description='What the arm is called. Without a recipe and `online`, "originals" or '
        '"originals+METHOD+…" says what is applied to every batch; "+jsd" or "+weighted" at its '
        "end is that loss."
    )
    recipe: AskedRecipe | None = None
    vae: Annotated[bool | float, BeforeValidator(_loss)] = Field(
        default=False,
        description="true: a VAE makes images; a number: its checkpoint of that loss; a table: a "
        "recipe's `[vae]`, with `at_loss` for the checkpoint.",
    )
    loss: Loss = Field(
        default="ce",
        description="Cross-entropy; the same, images of rare classes counting more; or "
        "Jensen-Shannon between views of an image: stored ones or, with `online`, two that its "
        "last method makes, anew in every batch.",
    )
    order: Order = Field(default="shuffled", description="In what order rows are trained on.")
    part: Part = Field(default="all", description="Which rows of the dataset are trained on.")
    real_share: float | None = Field(
        default=None, gt=0, lt=1, description="The share of originals in every batch."
    )
    online: (
        Annotated[
            tuple[Annotated[OnlineStage, BeforeValidator(_online)], ...], BeforeValidator(_tables)
        ]
        | None
    ) = Field(
        default=None,
        description="Tables of a `method` and its parameters, applied to every batch of originals; "
        "with `share = 0.5` to so large a part of its images, drawn anew.",
    )
    classifier: str | None = Field(
        default=None, description="A classifier of this arm's own; see `classifier` of the study."
    )
    weights: Path | None = Field(
        default=None, description="A file of weights of this arm's own; see `weights` of the study."
    )
    freeze: Annotated[Freeze, BeforeValidator(check_freeze)] | None = Field(
        default=None, description="What stays fixed in this arm; see `freeze` of the study."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_a_flat_table(cls, table: Any) -> Any:
        if not isinstance(table, dict) or "recipe" in table:
            return table
        own = {key: value for key, value in table.items() if key not in RECIPE_KEYS}
        recipe = {key: table[key] for key in RECIPE_KEYS if key in table and key != "vae"}
        vae = table.get("vae", False)
        own["vae"] = vae
        if isinstance(vae, dict):
            recipe["vae"] = {key: value for key, value in vae.items() if key != "at_loss"}
            own["vae"] = vae.get("at_loss", True)
            if own["vae"] is False and recipe["vae"]:
                steered = ", ".join(recipe["vae"])
                what = f"at_loss = false means no model, which {steered} steers"
                raise told(what, "Leave one out.", "vae")
        elif isinstance(vae, int | float) and vae:
            recipe["vae"] = {}
        if recipe:
            own["recipe"] = AskedRecipe.model_validate(recipe)
            counted = own["recipe"].balance or own["recipe"].per_class is not None
            if own["recipe"].factor is None and not counted:
                raise told("is missing", "Say factor = 10, or 1 for mixing alone.", "factor")
            if "online" in own:
                what = f"varies originals, and {', '.join(recipe)} makes a dataset"
                raise told(what, "Leave one out.", "online")
        return own

    @model_validator(mode="after")
    def _of_originals(self) -> "StudyArm":
        """Refuse what needs a dataset in an arm that has none."""
        if self.recipe is not None:
            return self
        remedy = "Leave it out, or say factor = 10 for a dataset."
        if self.real_share is not None:
            what = "shares batches out between originals and generated images, of which are none"
            raise told(what, remedy, "real_share")
        if self.part == "synthetic":
            raise told("asks for generated images, of which are none", remedy, "part")
        if self.loss == "jsd" and self.online is None and not self.name.endswith(VIEWS):
            what = "jsd needs two views of each image, and nothing makes them"
            raise told(
                what, f'Give tables [[arms.online]], or end the name with "{VIEWS}".', "loss"
            )
        return self


# Keys of an arm in a study file.
OWN_KEYS = tuple(key for key in StudyArm.model_fields if key != "recipe")
ARM_KEYS = tuple(dict.fromkeys((*OWN_KEYS, *RECIPE_KEYS)))
