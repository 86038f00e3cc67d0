"""From flags and a recipe file to the request of `augfactory expand`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from augfactory.commands.expand.classes import ALIKE, ClassRule, read_rule
from augfactory.commands.expand.in_place import NOTHING, in_place, option_of
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.expand.validation import Held
from augfactory.commands.opening.model_folder import is_model_folder
from augfactory.commands.opening.toml_files import read_tables
from augfactory.engines.processes import Engine, worker_pool
from augfactory.errors import RecipeError, one_of
from augfactory.guarded.validation import checked, option_error
from augfactory.pipeline.recipes.composition import STRENGTHS
from augfactory.pipeline.recipes.recipe_file import AskedRecipe
from augfactory.pipeline.recipes.stages import (
    MIXING,
    MixStage,
    Origin,
    check_preset,
    default_origin,
    mix_stage,
)
from augfactory.pipeline.recipes.vary import VARYING, VaryStage, vary_stage
from augfactory.records import SourceSpec
from augfactory.store.disk.lock import Lock
from augfactory.store.formats.registry import read_format
from augfactory.store.manifest_parts import About


@dataclass(frozen=True)
class ExpandOptions:
    """What the command line said; None where it was silent.

    ``vary`` are methods in order, or "none" alone. ``copies`` maps a mixing method to
    its M. ``vae`` holds what was given of a recipe's ``[vae]``. ``recipe`` is
    a recipe file, or what one would hold. ``classifier`` and ``weights`` are what labels.
    """

    factors: tuple[int, ...]
    originals: bool | None
    seed: int | None
    format: str | None
    geometry: bool | None
    preset: str | None
    vae: Mapping[str, float | str]
    copies: Mapping[str, int | None]
    mix_from: str | None
    recipe: Path | Mapping[str, Any] | None
    vary: Sequence[str] = ()
    unlabelled: SourceSpec | None = None
    pseudo_label: bool = False
    classifier: str | None = None
    weights: Path | None = None
    licence: str | None = None
    description: str | None = None
    author: str | None = None
    held: Held | None = None
    classes: ClassRule = ALIKE

    @property
    def recipe_name(self) -> str:
        """What to call the recipe in messages."""
        return str(self.recipe) if isinstance(self.recipe, Path) else "the recipe"


def build_request(
    flags: ExpandOptions,
    source: SourceSpec,
    out: Path,
    *,
    model: Path | None,
    checkpoint: str | None = None,
    n_train: int | None,
    workers: int,
    lock: Lock = "flock",
    runs_on: Engine = worker_pool,
    through: str | None = None,
) -> ExpandRequest:
    """Put flags and recipe file together; a flag that is given overrides the file.

    Raises:
        RecipeError: they contradict each other or lack the factor, steer a model where there is
            none, or the file is wrong.
    """
    asked = AskedRecipe() if flags.recipe is None else _read_recipe(flags)
    if model is None and not is_model_folder(source.text):
        _refuse_vae_settings(flags, asked, checkpoint, source.text)
    pseudo_label = _pseudo_label(flags, asked)
    vae = {**(asked.vae or {}), **flags.vae}
    _check_options(flags, vae)
    rule, factors = read_rule(flags.classes, flags.factors, asked, flags.recipe_name)
    return ExpandRequest(
        source=source,
        out=out,
        factors=factors,
        classes=rule,
        in_place=in_place(
            flags.vary, flags.copies, None if flags.recipe is None else flags.recipe_name, asked
        ),
        model=model,
        checkpoint=checkpoint,
        n_train=n_train,
        originals=_first(flags.originals, asked.originals, True),
        seed=_first(flags.seed, asked.seed, 0),
        geometry=_geometry(flags, asked.geometry),
        vary=_vary(flags, asked),
        vae=vae,
        mix=_mix(flags, asked),
        distinct=bool(asked.distinct),
        unlabelled=flags.unlabelled,
        pseudo_label=pseudo_label,
        weights=flags.weights,
        format=read_format(
            _first(flags.format, asked.format, "hdf5"),
            "--format" if flags.format or not asked.format else f"{flags.recipe_name}: format",
        ),
        about=_about(flags),
        workers=workers,
        runs_on=runs_on,
        through=through,
        lock=lock,
        held=flags.held,
    )


def _about(flags: ExpandOptions) -> About | None:
    """Return what the maker says of the dataset; None where nothing is said.

    Raises:
        RecipeError: a text cannot be kept.
    """
    told = {"licence": flags.licence, "description": flags.description, "author": flags.author}
    if not any(value is not None for value in told.values()):
        return None
    try:
        return About.model_validate(told)
    except ValidationError as error:
        raise option_error(error) from error


def _check_options(flags: ExpandOptions, vae: Mapping[str, Any]) -> None:
    """Hold what flags say to the model of a recipe file, their ``vae`` filled into the file's.

    Raises:
        RecipeError: naming the first option that is wrong.
    """
    rule = flags.classes
    said = {"per_class": rule.per_class, "class_factors": rule.factors and dict(rule.factors)}
    said |= {"seed": flags.seed, "vae": dict(vae)}
    for factor in flags.factors or (None,):
        try:
            AskedRecipe.model_validate({"factor": factor, **said})
        except ValidationError as error:
            raise option_error(error, "[vae]") from error


def _refuse_vae_settings(
    flags: ExpandOptions, asked: AskedRecipe, checkpoint: str | None, source: str
) -> None:
    """Refuse what steers a model where there is none.

    Raises:
        RecipeError: an option or the recipe file says how its images are to be made.
    """
    given = [] if checkpoint is None else ["--checkpoint"]
    given += [f"--{name}" for name in flags.vae]
    if asked.vae is not None:
        given.append(f"[vae] of {flags.recipe_name}")
    if given:
        raise RecipeError(
            given[0],
            "says how a model makes images, and there is no model: "
            f"{source} is not a MODEL_DIR, and no --model is given",
            f"Add --model MODEL_DIR (`augfactory vae-train {source} --out MODEL_DIR` trains one), "
            f"or leave {' and '.join(given)} out.",
        )


def _pseudo_label(flags: ExpandOptions, asked: AskedRecipe) -> dict[str, Any]:
    """Return what ``[pseudo_label]`` says.

    Raises:
        RecipeError: unlabelled images are given and nothing is to be made of them, or labels are
            wanted and there are no images.
    """
    wanted = flags.pseudo_label or asked.pseudo_label is not None
    for option, given in (("--classifier", flags.classifier), ("--weights", flags.weights)):
        if given is not None and not wanted:
            raise RecipeError(
                option, "says what labels unlabelled images, and none are to be labelled",
                "Add --unlabelled SOURCE --pseudo-label, or leave it out.",
            )  # fmt: skip
    if flags.unlabelled is not None and not wanted:
        raise RecipeError(
            f"--unlabelled {flags.unlabelled.text}",
            "its images have no labels, and rows need some",
            "Add --pseudo-label, and classifiers trained on the labelled images give them.",
        )
    if wanted and flags.unlabelled is None:
        where = "--pseudo-label" if flags.pseudo_label else f"[pseudo_label] of {flags.recipe_name}"
        raise RecipeError(
            where, "there are no images to label", "Name some with --unlabelled SOURCE."
        )
    said = {} if flags.classifier is None else {"classifier": flags.classifier}
    return {**(asked.pseudo_label or {}), **said}


def _read_recipe(flags: ExpandOptions) -> AskedRecipe:
    recipe = flags.recipe
    if isinstance(recipe, Path):
        recipe = read_tables(recipe, "Check --recipe.")
    return checked(AskedRecipe, recipe or {}, flags.recipe_name)


def _mix(flags: ExpandOptions, asked: AskedRecipe) -> tuple[MixStage, ...] | None:
    given = {name: copies for name, copies in flags.copies.items() if copies is not None}
    if not any(given.values()):
        if flags.mix_from:
            raise RecipeError(
                "--mix-from", "says what is mixed, and no option such as --mixup says how often",
                "Add one, leave it out, or give `from` in the recipe's mix stages.",
            )  # fmt: skip
        if not given:
            return asked.mix if flags.recipe is not None else None
    if asked.mix:
        raise RecipeError(
            option_of(next(iter(given))), "the recipe has mix stages of its own", "Leave one out."
        )
    origins: tuple[Origin, ...] = get_args(Origin)
    said = one_of("--mix-from", "choice", flags.mix_from, origins) if flags.mix_from else None
    return tuple(
        mix_stage(option_of(name), name, given[name] or 0, said or default_origin(name), {})
        for name in MIXING
        if given.get(name)
    )


def _vary(flags: ExpandOptions, asked: AskedRecipe) -> tuple[VaryStage, ...] | None:
    """Return how images are varied after geometry; None where nothing is said.

    Raises:
        RecipeError: the recipe says it too, or a method is none that varies single images.
    """
    if not flags.vary:
        return asked.vary if flags.recipe is not None else None
    if asked.vary:
        raise RecipeError("--vary", "the recipe has [[vary]] stages of its own", "Leave one out.")
    if NOTHING in flags.vary:
        if len(flags.vary) > 1:
            raise RecipeError("--vary none", "means nothing else", "Leave one out.")
        return ()
    for name in flags.vary:
        one_of(f"--vary {name}", "method", name, [*VARYING, NOTHING])
    return tuple(vary_stage(f"--vary {name}", name, STRENGTHS.get(name, {})) for name in flags.vary)


def _geometry(flags: ExpandOptions, asked: dict[str, Any] | bool | None) -> dict[str, Any] | None:
    flag = flags.geometry
    wanted = asked if flag is None or (flag and isinstance(asked, dict)) else flag
    if wanted is False:
        if flags.preset is not None:
            raise RecipeError(
                "--preset", "says how images are varied, and they are not", "Leave it out."
            )
        return None
    own = wanted if isinstance(wanted, dict) else {}
    if flags.preset is None:
        return own
    check_preset(flags.preset)
    return {**own, "preset": flags.preset}


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
