"""What costs no dataset: the originals, and the same varied in every batch while it is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from augfactory.errors import unknown_name
from augfactory.evaluation.training.batch_policy import LOSS_BY_END, BatchPolicy
from augfactory.evaluation.training.online import (
    OnlineStage,
    check_views,
    of_whole_batches,
    online_stage,
)
from augfactory.evaluation.training.virtual_batches import DEFAULT_BATCH
from augfactory.methods.registry import METHODS
from augfactory.pipeline.recipes.composition import STRENGTHS
from augfactory.pipeline.recipes.content import look_at, looks_of, preset_for
from augfactory.pipeline.recipes.stages import default_geometry
from augfactory.pipeline.sides import check_sides
from augfactory.records import Source
from augfactory.store.reader import Version

ORIGINALS = "originals"
ONLINE_GEOMETRY = "originals+geometry"
SYNTHETIC_ONLY = "synthetic-only"
REAL_AND_SYNTHETIC = "real+synthetic"
ONLINE_MIXUP = "originals+geometry+mixup"
WEIGHTED = "+weighted"
WEIGHTED_MIXUP = f"{ONLINE_MIXUP}{WEIGHTED}"
# They cost no dataset; the last is one of uneven classes alone, see ``baselines_of``.
BASELINES = (ORIGINALS, ONLINE_GEOMETRY, ONLINE_MIXUP, WEIGHTED_MIXUP)
# What varies images in torchvision and Keras too: a set that does so has to beat it done online.
TRAINERS_HAVE = ("crop", "erasing", "jitter", "randaugment", "trivialaugment")


def recipes_of(versions: tuple[Version, ...], source: Source) -> list[dict[str, Any]]:
    """Return the recipes of datasets, that whose parameters online arms take first.

    Where their presets differ, that is the first whose preset suits the originals ``source``.
    """
    recipes = [version.manifest.recipe for version in versions]
    presets = [preset for recipe in recipes if (preset := preset_of(recipe)) is not None]
    if len({*presets}) == 1:
        return recipes
    suited = preset_for(looks_of(source), look_at(source))
    if presets:
        return sorted(recipes, key=lambda recipe: preset_of(recipe) != suited)
    # No dataset says how its originals may be varied: they do.
    geometry = default_geometry(source.image_shape, suited)
    return [*recipes, {"geometry": geometry.model_dump(mode="json")}]


def preset_of(recipe: Mapping[str, Any]) -> str | None:
    """Return the preset of a recipe's geometry; None where it has none."""
    parameters = (recipe.get("geometry") or {}).get("parameters")
    return None if parameters is None else str(parameters["preset"])


def baselines_of(recipes: Sequence[Mapping[str, Any]], *, uneven: bool) -> tuple[str, ...]:
    """Name the arms that cost no dataset, the originals first.

    Where one of ``recipes`` varies images by what trainers have too, an arm does so to every image
    while it trains, whatever share it was. Where classes are ``uneven``, what mixes has a twin that
    weighs the classes in its loss.
    """
    found = [*BASELINES[:3], *([WEIGHTED_MIXUP] if uneven else [])]
    for recipe in recipes:
        methods = [stage["method"] for stage in recipe.get("vary") or ()]
        if methods and set(methods) <= set(TRAINERS_HAVE):
            name = "+".join((ONLINE_GEOMETRY, *methods, "mixup"))
            found += [name, *([name + WEIGHTED] if uneven else [])]
    return tuple(dict.fromkeys(found))


def online_policy(
    name: str,
    recipes: Sequence[Mapping[str, Any]],
    image_shape: tuple[int, int, int],
    batch: int = DEFAULT_BATCH,
) -> BatchPolicy:
    """Return what the arm ``name`` does to each ``batch``; what it ends in may say by which loss.

    Raises:
        RecipeError: the name is another, or its last method makes no views.
        InputDataError: as ``online_stages``.
    """
    end = next((end for end in LOSS_BY_END if name.endswith(end)), "")
    methods, loss = name.removesuffix(end), LOSS_BY_END.get(end, "ce")
    if (methods, loss) == (ORIGINALS, "weighted"):
        return BatchPolicy(loss=loss)
    stages = online_stages(methods, recipes, image_shape, batch)
    if loss == "jsd":
        check_views(stages, f"arm {name}")
    return BatchPolicy(online=stages, loss=loss)


def online_stages(
    name: str,
    recipes: Sequence[Mapping[str, Any]],
    image_shape: tuple[int, int, int],
    batch: int = DEFAULT_BATCH,
) -> tuple[OnlineStage, ...]:
    """Return what the arm ``name``, such as "originals+geometry+mixup", applies to each ``batch``.

    Each method gets the parameters of the first of ``recipes`` that has it, else those that
    were measured where it has such, else its own.

    Raises:
        RecipeError: the name is another.
        InputDataError: a side of ``image_shape`` is longer than a method can take.
    """
    first, *methods = name.split("+")
    known = [SYNTHETIC_ONLY, REAL_AND_SYNTHETIC, *(f"{ORIGINALS}+{method}" for method in METHODS)]
    if first != ORIGINALS or not methods or not set(methods) <= set(METHODS):
        raise unknown_name("--arm", "arm", name, known)
    check_sides((METHODS[method] for method in methods), image_shape, f"arm {name}")
    found = []
    for method in methods:
        asked = _asked(method, recipes)
        if asked is None:
            asked = STRENGTHS.get(method, {})
            if method == "geometry":
                asked = default_geometry(image_shape).parameters
        stage = online_stage(method, METHODS[method].parameters.model_validate(asked))
        found.append(of_whole_batches(stage, batch))
    return tuple(found)


def _asked(method: str, recipes: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    for recipe in recipes:
        further = (*recipe.get("vary", []), *recipe.get("mix", []))
        stages = [*further, {"method": "geometry", **(recipe.get("geometry") or {})}]
        for stage in stages:
            if stage["method"] == method and "parameters" in stage:
                return dict(stage["parameters"])
    return None
