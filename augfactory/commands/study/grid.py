"""The grid of an arm: its values, filled into the arm's table."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from augfactory.commands.study.arm import ARM_KEYS
from augfactory.errors import RecipeError, unknown_name
from augfactory.guarded.validation import shown_value

PARTS = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")  # doubled braces, placeholders, single braces
MOST_ARMS = 1000
LONGEST_TEXT = 10_000  # letters that a text may have once its grid is filled in


def filled(value: Any, chosen: Mapping[str, Any], where: str) -> Any:
    """Replace "{name}" in a value by what the grid has chosen for the name.

    A text that is nothing else becomes the value itself; ``where`` names the place in messages.

    Raises:
        RecipeError: the grid has no such name, or the text becomes absurdly long.
    """
    if isinstance(value, dict):
        return {key: filled(own, chosen, where) for key, own in value.items()}
    if isinstance(value, list):
        return [filled(own, chosen, where) for own in value]
    if not isinstance(value, str):
        return value
    for name, own in chosen.items():
        if value == f"{{{name}}}":
            return own
    return _filled_text(value, chosen, where)


def _filled_text(text: str, chosen: Mapping[str, Any], where: str) -> str:
    """Replace plain "{name}" only: what Python's formats can do beyond is not for data to ask."""
    parts, end = [], 0
    for found in PARTS.finditer(text):
        parts.append(text[end : found.start()])
        end = found.end()
        if found[0] in ("{{", "}}"):
            parts.append(found[0][0])
        elif found[0][1:-1] in chosen:
            parts.append(str(chosen[found[0][1:-1]]))
        else:
            raise RecipeError(
                f"{where}: {shown_value(text)}",
                f"{shown_value(found[0])} names something that is not in the grid",
                "Add it under [arms.grid], or write {{ and }} for braces.",
            )
    parts.append(text[end:])
    if sum(map(len, parts)) > LONGEST_TEXT:
        raise RecipeError(
            f"{where}: {shown_value(text)}",
            f"it is longer than {LONGEST_TEXT:,} letters with the values of the grid",
            "Give shorter values.",
        )
    return "".join(parts)


def axes_of(
    table: dict[str, Any], where: str, narrowed: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    """Return the grid of an arm's table: the values by name, ``narrowed`` ones in their place.

    Raises:
        RecipeError: the arm has a key that there is not, or stands for too many arms.
    """
    for key in table:
        if key not in (*ARM_KEYS, "grid"):
            raise unknown_name(where, "key", key, (*ARM_KEYS, "grid"))
    grid = table.get("grid", {})
    check_grid(grid, f"{where}: grid", "arms.grid")
    axes = {name: narrowed.get(name, values) for name, values in grid.items()}
    if combinations(axes) > MOST_ARMS:
        raise RecipeError(
            f"{where}: grid",
            f"it stands for {combinations(axes):,} arms, more than {MOST_ARMS:,}",
            "Give fewer values in [arms.grid].",
        )
    return axes


def check_grid(grid: Any, where: str, table: str) -> None:
    """Refuse a grid that is not lists by name; ``table`` is how its table is headed.

    Raises:
        RecipeError: it is not.
    """
    if not isinstance(grid, dict) or not all(isinstance(own, list) for own in grid.values()):
        raise RecipeError(where, "must be lists by name", f"Write [{table}] and NAME = [ … ].")


def combinations(axes: Mapping[str, Sequence[Any]]) -> int:
    """Return how many arms a grid stands for."""
    return math.prod(len(values) for values in axes.values())
