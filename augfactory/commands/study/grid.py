"""The values of a study's grid, filled into the tables of its arms."""

import re
from collections.abc import Mapping
from typing import Any

from augfactory.errors import RecipeError
from augfactory.guarded.validation import shown_value

PARTS = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")  # doubled braces, placeholders, single braces
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
