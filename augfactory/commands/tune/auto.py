"""`augfactory expand --auto`: find the recipe first, in a few minutes."""

from dataclasses import replace
from pathlib import Path

from augfactory.commands.expand.in_place import option_of
from augfactory.commands.expand.naming import check_dataset_name
from augfactory.commands.expand.options import ExpandOptions
from augfactory.commands.opening.model_folder import is_model_folder
from augfactory.commands.progress import Progress
from augfactory.commands.tune.folds import TuneRequest
from augfactory.commands.tune.tune import tune
from augfactory.engines.processes import Engine
from augfactory.errors import RecipeError
from augfactory.records import SourceSpec
from augfactory.store.disk.lock import Lock

MINUTES = 5
LEAST_FACTOR = 2  # with fewer there is nothing to choose


def with_found_recipe(
    flags: ExpandOptions,
    source: SourceSpec,
    out: Path,
    progress: Progress,
    *,
    model: Path | None,
    n_train: int | None,
    workers: int,
    lock: Lock,
    runs_on: Engine,
) -> ExpandOptions:
    """Choose a recipe by `augfactory tune`, and return the flags that follow it.

    The recipe is written beside the dataset, as ``NAME.toml``.

    Raises:
        AugfactoryError: a flag chooses a recipe too, or as `augfactory tune` raises.
    """
    _refuse_other_choices(flags, is_model=model is not None or is_model_folder(source.text))
    check_dataset_name(out)
    recipe = out.with_name(f"{out.name}.toml")
    result = tune(
        TuneRequest(
            source=source,
            out=recipe,
            minutes=MINUTES,
            n_train=n_train,
            factor=max([LEAST_FACTOR, *flags.factors]),
            seed=flags.seed or 0,
            workers=workers,
            lock=lock,
            runs_on=runs_on,
        ),
        progress,
    )
    progress.say(f"{recipe}: {result.text}")
    if flags.classes.balance and not flags.factors:
        flags = replace(flags, factors=(1,))  # the recipe's factor was for choosing it
    return replace(flags, recipe=recipe)


def _refuse_other_choices(flags: ExpandOptions, *, is_model: bool) -> None:
    """Refuse what chooses a recipe, or a part of one, beside ``--auto``, or what it would see."""
    if flags.held is not None and flags.held.source is None:
        raise RecipeError(
            "--auto",
            "would choose a recipe by the images that are to be held out",
            "Run `augfactory tune` on the training part of a --factor 1 dataset, and give "
            "--recipe here.",
        )
    chosen = {
        "--recipe": flags.recipe,
        "--preset": flags.preset,
        "--geometry/--no-geometry": flags.geometry,
        "--model": True if is_model else None,
        **{option_of(name): copies for name, copies in flags.copies.items()},
    }
    for name, given in chosen.items():
        if given is not None:
            what = "a MODEL_DIR" if name == "--model" else name
            raise RecipeError(
                "--auto",
                f"chooses the recipe, and so does {what}",
                "Leave one out. `augfactory tune --vae` tries recipes with a model.",
            )
