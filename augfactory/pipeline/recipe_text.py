"""A recipe as TOML, for what flags cannot say: stages in order, each with its parameters.

    factor = 10
    seed = 0

    [geometry]
    preset = "digits"

    [vae]
    share = 0.25
    decode = "residual"
    filter = true
    sampler = "same-class"
    reach = 0.5

    [[mix]]
    method = "mixup"
    copies = 5
    from = "expanded"
    parents = 3
    alpha = 0.2

    [pseudo_label]
    copies = 10
    keep = 0.75

``copies`` come on top of the factor; ``share = 0.5`` in their place makes half of the further
images mixtures. The share of ``[vae]`` is that of the further images that are no mixtures.
``geometry = false`` leaves images as they are; without a ``geometry`` key they are varied by the
preset that suits them. Keys that a stage does not name belong to its method.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from augfactory.errors import RecipeError, unknown_name
from augfactory.guarded.documents import parse_toml
from augfactory.pipeline.recipe import (
    LARGEST_FACTOR,
    MIXING,
    Decode,
    MixStage,
    Origin,
    VaeStage,
)
from augfactory.pipeline.stages import (
    default_origin,
    geometry_stage,
    mix_stage,
    pseudo_label_stage,
    shown_value,
    vae_stage,
)

KEYS = (
    "factor", "originals", "seed", "format", "geometry", "vae", "mix", "distinct", "pseudo_label",
)  # fmt: skip
MIX_KEYS = ("method", "copies", "share", "from")
VAE_KEYS = ("sampler", "share", "decode", "filter")
DEFAULT_SAMPLER = "same-class"


@dataclass(frozen=True)
class Asked:
    """What a recipe file says; None where it is silent.

    ``geometry`` False asks for none; ``vae`` holds ``VAE_KEYS`` and the sampler's parameters,
    ``pseudo_label`` keys of its stage.
    """

    factor: int | None
    originals: bool | None
    seed: int | None
    format: str | None
    geometry: dict[str, Any] | bool | None
    vae: dict[str, Any] | None
    mix: tuple[MixStage, ...]
    distinct: bool | None
    pseudo_label: dict[str, Any] | None = None


def read_recipe(text: str, where: str) -> Asked:
    """Read a recipe; ``where`` is the file's name, for messages.

    Raises:
        RecipeError: naming the place, and the nearest right name for a wrong one.
    """
    return recipe_of(tables_of(text, where), where)


def tables_of(text: str, where: str) -> dict[str, Any]:
    """Return the tables of a TOML text; ``where`` is the file's name, for messages.

    Raises:
        RecipeError: it is no TOML, is nested too deeply, or holds a number beyond 64 bits.
    """
    try:
        return parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(where, f"is no TOML: {error}", "Mend the file at that place.") from error
    except ValueError as error:
        raise RecipeError(where, str(error), "Mend the file at that place.") from error


def recipe_of(values: Mapping[str, Any], where: str) -> Asked:
    """Read a recipe from the tables of a TOML file; ``where`` names their place.

    Raises:
        RecipeError: naming the place, and the nearest right name for a wrong one.
    """
    for key in values:
        if key not in KEYS:
            raise unknown_name(where, "key", key, KEYS)
    stages = _typed(values, "mix", list, where) or []
    geometry = values.get("geometry")
    if not isinstance(geometry, dict | bool | None):
        raise _wrong_type(where, "geometry", "a table or false", geometry)
    if isinstance(geometry, dict):
        geometry_stage(f"{where}, geometry", geometry)
    vae = _typed(values, "vae", dict, where)
    if vae is not None:
        vae_asked(f"{where}, vae", vae)
    pseudo_label = _typed(values, "pseudo_label", dict, where)
    if pseudo_label is not None:
        pseudo_label_stage(f"{where}, pseudo_label", pseudo_label)
    factor = _typed(values, "factor", int, where)
    if factor is not None:
        check_factor(factor, f"{where}: factor")
    seed = _typed(values, "seed", int, where)
    if seed is not None and seed < 0:
        raise RecipeError(f"{where}: seed", f"{seed} is no seed", "Give a whole number, 0 or more.")
    return Asked(
        factor=factor,
        originals=_typed(values, "originals", bool, where),
        seed=seed,
        format=_typed(values, "format", str, where),
        distinct=_typed(values, "distinct", bool, where),
        geometry=geometry,
        vae=vae,
        mix=_read_stages(stages, where),
        pseudo_label=pseudo_label,
    )


def vae_asked(where: str, values: Mapping[str, Any]) -> VaeStage:
    """Return the stage that the keys of ``[vae]`` ask for; a share that is not given is 1.

    Raises:
        RecipeError: there is no such key or sampler, or a value is out of range.
    """
    own = {key: value for key, value in values.items() if key not in VAE_KEYS}
    share = _number(values, "share", where)
    decode = values.get("decode", "full")
    if decode not in get_args(Decode):
        raise unknown_name(where, "decode", str(decode), get_args(Decode))
    return vae_stage(
        where,
        str(values.get("sampler", DEFAULT_SAMPLER)),
        own,
        1.0 if share is None else share,
        decode,
        filter=bool(_typed(values, "filter", bool, where)),
    )


def check_factor(factor: int, where: str) -> None:
    """Refuse a factor out of range; ``where`` is what asks for it.

    Raises:
        RecipeError: it is less than 1, or more than ``LARGEST_FACTOR``.
    """
    if not 1 <= factor <= LARGEST_FACTOR:
        raise RecipeError(
            where, f"{factor} is invalid: it counts the images that each source image becomes",
            f"Give 1 or more, {LARGEST_FACTOR} at most; 1 keeps the source images alone.",
        )  # fmt: skip


def read_origin(where: str, text: str) -> Origin:
    """Check what is to be mixed.

    Raises:
        RecipeError: it is neither "originals" nor "expanded".
    """
    for known in get_args(Origin):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise unknown_name(where, "choice", text, get_args(Origin))


def _read_stages(stages: list[Any], where: str) -> tuple[MixStage, ...]:
    numbered = enumerate(stages, 1)
    return tuple(_read_mix(stage, f"{where}, mix {number}") for number, stage in numbered)


def _read_mix(values: Any, where: str) -> MixStage:
    if not isinstance(values, dict):
        raise _wrong_type(where, "mix", "a list of tables, each headed [[mix]]", values)
    method = _typed(values, "method", str, where)
    _check_mix_keys(values, method, where)
    copies = _typed(values, "copies", int, where)
    share = _number(values, "share", where)
    origin = read_origin(f"{where}: from", str(values.get("from", default_origin(str(method)))))
    if method is None:
        raise RecipeError(where, "key 'method' is missing", "Say method = …")
    if copies is None and share is None:
        raise RecipeError(where, "key 'copies' is missing", "Say copies = …, or share = …")
    own = {key: value for key, value in values.items() if key not in MIX_KEYS}
    return mix_stage(where, method, int(copies or 0), origin, own, share)


def _check_mix_keys(values: Mapping[str, Any], method: str | None, where: str) -> None:
    """Refuse a wrong key before the right one is said to be missing.

    Without a method only what looks like one of ``MIX_KEYS`` is known to be wrong.
    """
    if method is not None and method not in MIXING:
        return
    own = MIXING[method].parameters.model_fields if method is not None else ()
    for key in values:
        if key in MIX_KEYS or key in own:
            continue
        if method is not None or difflib.get_close_matches(key, MIX_KEYS, 1, 0.7):
            raise unknown_name(where, "key", key, [*MIX_KEYS, *own])


def _number(values: Mapping[str, Any], key: str, where: str) -> float | None:
    value = values.get(key)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return None if value is None else float(value)
    raise _wrong_type(where, key, "a number", value)


def _typed(values: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = values.get(key)
    if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        return value
    words = {
        int: "a whole number",
        bool: "true or false",
        str: "a text",
        dict: "a table",
        list: "a list of tables, each headed [[mix]]",
    }
    raise _wrong_type(where, key, words[kind], value)


def _wrong_type(where: str, key: str, expected: str, value: Any) -> RecipeError:
    got = shown_value(value)
    return RecipeError(f"{where}: {key}", f"must be {expected}, got {got}", "Mend that line.")
