"""What the command line and a recipe say in place of the defaults."""

import re
from collections.abc import Mapping, Sequence

from augfactory.errors import RecipeError, one_of
from augfactory.pipeline.recipes.composition import STRENGTHS
from augfactory.pipeline.recipes.recipe_file import AskedRecipe
from augfactory.pipeline.recipes.stages import MIXING

NOTHING = "none"
OWN_OPTIONS = ("mixup", "ricap", "cutmix", "augmix")


def read_copies(mix: Sequence[str], named: Mapping[str, int | None]) -> dict[str, int | None]:
    """Return method -> M: those of ``--mix METHOD=M``, and ``named`` ones such as ``--mixup M``.

    Raises:
        RecipeError: one of ``mix`` is no METHOD=M, names no method, or one that is given twice.
    """
    copies = dict(named)
    for text in mix:
        name, _, count = text.partition("=")
        one_of(f"--mix {text}", "method", name, list(MIXING))
        if not re.fullmatch(r"\d{1,9}", count):
            raise RecipeError(f"--mix {text}", "says no number", f"Write --mix {name}=5.")
        if copies.get(name) is not None:
            raise RecipeError(f"--mix {text}", f"{name} is given twice", "Leave one out.")
        copies[name] = int(count)
    return copies


def option_of(method: str) -> str:
    """Return the option that asks for copies of ``method``."""
    return f"--{method}" if method in OWN_OPTIONS else f"--mix {method}"


def in_place(
    vary: Sequence[str],
    copies: Mapping[str, int | None],
    recipe_name: str | None,
    asked: AskedRecipe,
) -> dict[str, str]:
    """Name what says how images are varied ("vary") and mixed ("mix") in place of the default.

    What asks for nothing, such as `--vary none`, is meant so, and not named. ``vary`` are methods
    in order, ``copies`` method -> M, None where nothing is said; ``recipe_name`` is None where
    there is no recipe.
    """
    found = {}
    if vary:
        if vary[0] not in (NOTHING, *STRENGTHS):
            found["vary"] = f"--vary {vary[0]}"
    elif recipe_name is not None and not asked.vary:
        found["vary"] = f"{recipe_name}, which has no [[vary]],"
    said = {name: count for name, count in copies.items() if count is not None}
    mixing = [name for name, count in said.items() if count]
    if mixing:
        found["mix"] = option_of(mixing[0])
    elif recipe_name is not None and not said and not asked.mix:
        found["mix"] = f"{recipe_name}, which has no [[mix]],"
    return found
