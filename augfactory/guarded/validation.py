"""Values held to pydantic models, and what is wrong with them in words: where, what, how to mend.

This is the one translator of pydantic's errors: of recipes, studies, options and documents.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from augfactory.errors import RecipeError, unknown_name

MOST_SHOWN = 200  # letters of a wrong value in a message
TYPES = {
    "bool": "true or false",
    "dict": "a table",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "a table",
    "path": "a text",
    "string": "a text",
    "tuple": "a list",
}
BOUNDS = {"ge": "{} or more", "le": "{} or less", "gt": "more than {}", "lt": "less than {}"}
Model = TypeVar("Model", bound=BaseModel)


class Table(BaseModel):
    """A table of a file: unchangeable; an unknown key is refused with the nearest right one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        if isinstance(values, dict):
            refuse_unknown(values, list(cls.model_fields))
        return values


@dataclass(frozen=True)
class Problem:
    """What is wrong: ``place`` are keys and positions, the last one a key unless ``of_table``."""

    place: tuple[int | str, ...]
    of_table: bool
    what: str
    remedy: str | None = None


def told(what: str, remedy: str, key: str = "") -> PydanticCustomError:
    """Return the error by which a validator says what is wrong and how to mend it.

    ``key`` names the key that is wrong, where a whole table was looked at.
    """
    return PydanticCustomError("told", "{what}", {"what": what, "remedy": remedy, "key": key})


def unknown(kind: str, name: str, known: Sequence[str], key: str = "") -> PydanticCustomError:
    """Return the error by which a validator refuses a name, with the nearest right one."""
    error = unknown_name("", kind, name[:MOST_SHOWN], known)
    return told(error.what, error.remedy, key)


def refuse_unknown(values: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse a key that is not among ``known``; for validators.

    Raises:
        PydanticCustomError: naming the nearest right key.
    """
    for key in values:
        if key not in known:
            raise unknown("key", str(key), known)


def shown_value(value: Any) -> str:
    """Return what was given, for a message: cut where it is absurdly long."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def first_problem(error: ValidationError) -> Problem:
    """Return the first of what pydantic found wrong, in words."""
    found = error.errors(include_url=False)[0]
    place, kind, context = found["loc"], found["type"], found.get("ctx", {})
    value = found["input"]
    if isinstance(inner := context.get("error"), ValidationError):
        problem = first_problem(inner)
        return replace(problem, place=place + problem.place)
    of_table = isinstance(value, dict)
    if kind == "told":
        if context["key"]:
            place, of_table = (*place, context["key"]), False
        return Problem(place, of_table, context["what"], context["remedy"])
    if kind == "missing":
        return Problem(
            place[:-1], True, f"key {place[-1]!r} is missing", f"Say {place[-1]} = …"
        )  # fmt: skip
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        wrong = unknown_name("", str(place[-1]) if place else "choice", str(value), known)
        what = wrong.what if len(wrong.what) <= MOST_SHOWN else f"{wrong.what[:MOST_SHOWN]}…"
        return Problem(place, False, what, wrong.remedy)
    expected = (
        TYPES.get(kind.partition("_")[0])
        if kind.endswith(("_type", "_parsing", "_from_float"))
        else None
    )
    message = found["msg"].removeprefix("Value error, ").removeprefix("Input should ")
    what = f"must be {expected}" if expected else _in_words(message)
    got = "" if of_table or not place else f", got {shown_value(value)}"
    return Problem(place, of_table, f"{what}{got}", _remedy(context))


def _in_words(message: str) -> str:
    return f"must {message}" if message.startswith("be ") else f"{message[:1].lower()}{message[1:]}"


def _remedy(context: Mapping[str, Any]) -> str | None:
    for key, words in BOUNDS.items():
        if key in context:
            bound = context[key]
            return f"Give {words.format(int(bound) if bound == int(bound) else bound)}."
    return None


def recipe_error(
    where: str, error: ValidationError, remedy: str = "Mend that value."
) -> RecipeError:
    """Say what is wrong in a file: ``where`` names it, then come the tables and the key."""
    problem = first_problem(error)
    parts = list(problem.place)
    last: list[int | str] = []
    if not problem.of_table and parts:
        last = parts[-2:] if isinstance(parts[-1], int) else parts[-1:]
        parts = parts[: len(parts) - len(last)]
    tables = "".join(f" {part + 1}" if isinstance(part, int) else f", {part}" for part in parts)
    key = f": {'.'.join(map(str, last))}" if last else ""
    return RecipeError(f"{where}{tables}{key}", problem.what, problem.remedy or remedy)


def option_error(error: ValidationError, where: str = "") -> RecipeError:
    """Say what is wrong with an option of the command line, whose name is that of the field.

    ``where`` names the place of what is wrong with several of them together.
    """
    problem = first_problem(error)
    option = "" if problem.of_table else f"--{str(problem.place[-1]).replace('_', '-')}"
    return RecipeError(option or where, problem.what, problem.remedy or "Give another value.")


def checked(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """Return the model of ``values``; ``where`` names the file or table that they are from.

    Raises:
        RecipeError: naming the first value that is wrong.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise recipe_error(where, error) from error


def document_problem(error: ValueError) -> str:
    """Return in one line what is wrong with a document that was read: its place, and what."""
    if not isinstance(error, ValidationError):
        return str(error)
    problem = first_problem(error)
    # A key of the file may stand in the place; one of a million letters helps nobody.
    place = ".".join(str(part)[:80] for part in problem.place)
    return (f"{place}: {problem.what}" if place else problem.what)[:500]
