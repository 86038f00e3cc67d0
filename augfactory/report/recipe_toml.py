"""Recipes and studies as the text of the files that ask for the same."""

import json
import re
from collections.abc import Mapping
from typing import Any

_OF_STAGES = ("recipe", "vae", "vary", "mix")


def recipe_toml(recipe: Mapping[str, Any]) -> str:
    """Return the recipe as TOML, in the words of a recipe file.

    There a stage holds its parameters itself, what a method mixes is called "from", and no
    geometry is ``geometry = false``. A share that a recipe file would fill in is written. A None is
    left out: TOML has none, and it is the default. The images of classes are those of the source,
    and rows that were rejected are no part of a recipe file.
    """
    stages = {"geometry": recipe.get("geometry"), "vae": recipe.get("vae")}
    if stages["vae"]:
        stages["vae"] = {"share": 1.0, **stages["vae"]}
    apart = (*stages, "vary", "mix", "class_images", "redrawn", "left_out")
    plain = {key: value for key, value in recipe.items() if key not in apart}
    if "geometry" in recipe and not stages["geometry"]:
        plain["geometry"] = False
    parts = [toml_lines(plain)]
    parts += [f"[{name}]\n{toml_lines(_flat(stage))}" for name, stage in stages.items() if stage]
    for name in ("vary", "mix"):
        parts += [f"[[{name}]]\n{toml_lines(_flat(stage))}" for stage in recipe.get(name) or ()]
    return "\n".join(parts)


def study_toml(study: Mapping[str, Any]) -> str:
    """Return a study as TOML, ready for `augfactory study`: each arm by itself, without grids."""
    tables = {key: value for key, value in study.items() if isinstance(value, Mapping)}
    plain = {key: value for key, value in study.items() if key not in (*tables, "arms")}
    parts = [toml_lines(plain)]
    parts += [f"[{_key(name)}]\n{toml_lines(table)}" for name, table in tables.items()]
    for arm in study["arms"]:
        recipe = arm.get("recipe") or {}
        own = {
            key: _with_double_braces(value)
            for key, value in (arm | recipe).items()
            if key not in (*_OF_STAGES, "online")
        }
        sampler = recipe.get("vae") or {}
        if arm.get("vae"):
            at_loss = {} if arm["vae"] is True else {"at_loss": arm["vae"]}
            own["vae"] = {**at_loss, **sampler} if sampler else arm["vae"]
        parts.append(f"[[arms]]\n{toml_lines(own)}")
        parts += [
            f"[[arms.online]]\n{toml_lines(_online(stage))}" for stage in arm.get("online") or ()
        ]
        for name in ("vary", "mix"):
            stages = recipe.get(name) or ()
            parts += [f"[[arms.{name}]]\n{toml_lines(_flat(stage))}" for stage in stages]
    return "\n".join(parts)


def _with_double_braces(value: Any) -> Any:
    """Return a text so that a study file's reader takes its braces for braces."""
    return value.replace("{", "{{").replace("}", "}}") if isinstance(value, str) else value


def _flat(stage: Mapping[str, Any]) -> dict[str, Any]:
    own = {
        "from" if key == "source" else key: value
        for key, value in stage.items()
        if key not in ("parameters", "varied") and not (key == "copies" and stage.get("share"))
    }
    return {**own, **(stage.get("parameters") or {})}


def _online(stage: Mapping[str, str]) -> dict[str, Any]:
    return {"method": stage["method"], **json.loads(stage["parameters"])}


def toml_lines(values: Mapping[str, Any]) -> str:
    """Return the lines of a table; a None is left out."""
    return "".join(
        f"{_key(key)} = {_value(value)}\n" for key, value in values.items() if value is not None
    )


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = (f"{_key(key)} = {_value(own)}" for key, own in value.items() if own is not None)
        return f"{{ {', '.join(inner)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    # JSON writes numbers, truth values and texts as TOML does, but for one letter.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
