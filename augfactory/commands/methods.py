"""The cards of all methods and samplers: the one source of help, docs and README."""

from typing import Any, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from augfactory.errors import unknown_name
from augfactory.methods.registry import METHODS
from augfactory.vae.samplers.registry import SAMPLERS


def names() -> list[str]:
    """Return the names of all methods, then those of all samplers."""
    return [*METHODS, *SAMPLERS]


def card(name: str) -> str:
    """Return the card of a method or sampler, with its parameters.

    Raises:
        RecipeError: there is none of this name.
    """
    if name in METHODS:
        text, parameters = METHODS[name].card, METHODS[name].parameters
    elif name in SAMPLERS:
        text, parameters = SAMPLERS[name].card, SAMPLERS[name].params
    else:
        raise unknown_name("methods", "method", name, names())
    return f"{text.strip()}\n\nParameters\n{_parameters(parameters)}"


def summary(name: str) -> str:
    """Return the first line of a card."""
    return card(name).splitlines()[0]


def markdown() -> str:
    """Return docs/methods.md."""
    parts = [
        "# Methods",
        "",
        "Written by `make docs` from the cards in `augfactory/methods/` and "
        "`augfactory/vae/samplers/`; `augfactory methods NAME` prints the same.",
        "",
        "Options (`--mixup 5`) use the defaults; a recipe sets every parameter.",
    ]
    for head, group in (("Images from images", METHODS), ("Samplers of the VAE", SAMPLERS)):
        parts += ["", f"## {head}"]
        for name in group:
            parts += ["", f"### {name}", "", "```text", card(name), "```"]
    return "\n".join(parts) + "\n"


def _parameters(model: type[BaseModel]) -> str:
    lines = []
    for name, field in model.model_fields.items():
        default = "required" if field.default is PydanticUndefined else repr(field.default)
        lines.append(f"  {name} = {default}   {_kind(field.annotation)}".rstrip())
        if field.description:
            lines.append(f"      {field.description}")
    return "\n".join(lines)


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is None or not hasattr(annotation, "__args__"):
        return ""
    choices = [repr(choice) for choice in annotation.__args__ if isinstance(choice, str)]
    return f"one of {', '.join(choices)}" if choices else ""
