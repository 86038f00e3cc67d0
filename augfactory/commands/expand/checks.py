"""Whether the images of a request fit what is to be made of them."""

import math
from collections.abc import Sequence

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.inputs import BuildInputs
from augfactory.commands.opening.notes import few_mixed_rows
from augfactory.methods.registry import METHODS
from augfactory.pipeline.partners import check_pairing, rows_by_class
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import MixStage, method_of
from augfactory.pipeline.sides import check_sides


def check_methods(recipe: Recipe, inputs: BuildInputs) -> None:
    """Refuse images that are too large for a method that takes part.

    Raises:
        InputDataError: naming the method and the source.
    """
    used = ["geometry"] if recipe.geometry is not None else []
    used += [stage.method for stage in recipe.vary] + [stage.method for stage in recipe.mix]
    source = inputs.source
    check_sides((METHODS[name] for name in used), source.image_shape, source.name)


def check_mixing(mix: tuple[MixStage, ...], inputs: BuildInputs) -> None:
    """Refuse mixtures whose partners the classes cannot give.

    Raises:
        InputDataError: naming the classes.
    """
    source = inputs.source
    class_rows = rows_by_class(source.labels, len(source.class_names))
    for stage in mix:
        method, parameters = method_of(stage)
        partners = method.parents(parameters) - 1
        if partners:
            pairing = method.pairing(parameters)
            check_pairing(class_rows, partners, pairing, source.class_names)


def few_rows(builds: Sequence[Build]) -> str | None:
    """Say of mixed images that they are few; None where they are enough, or nobody measured it."""
    most = max(builds, key=lambda build: build.rows)
    geometry, factor = most.recipe.geometry, most.recipe.factor
    if geometry is None or not most.recipe.mix or not factor:
        return None
    preset = str(geometry.parameters.get("preset"))
    return few_mixed_rows(preset, most.rows, factor, math.prod(most.image_shape))
