"""The recipe that a manifest holds, as this program understands it."""

from pathlib import Path

from pydantic import ValidationError

from augfactory.errors import VerificationError
from augfactory.methods.registry import METHODS
from augfactory.pipeline.plan import count_rows
from augfactory.pipeline.recipe import (
    Recipe,
    method_of,
    recipe_id,
)
from augfactory.store.manifest import MANIFEST, Manifest
from augfactory.vae.samplers.registry import SAMPLERS


def recipe_of(manifest: Manifest) -> Recipe:
    """Return the recipe, every parameter of it checked.

    Raises:
        ValueError: it is none that this program knows.
    """
    try:
        recipe = Recipe.model_validate(manifest.recipe)
        for stage in recipe.mix:
            method_of(stage)
        if recipe.geometry is not None:
            METHODS["geometry"].parameters.model_validate(recipe.geometry.parameters)
        if recipe.vae is not None:
            SAMPLERS[recipe.vae.sampler].params.model_validate(recipe.vae.parameters)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise ValueError(f"{place}: {problem['msg']}") from error
    except KeyError as error:
        raise ValueError(f"there is no method or sampler {error}") from error
    return recipe


def request_id(recipe: Recipe, manifest: Manifest) -> str:
    """Return the id of the request for ``recipe``, made from what the manifest's version was.

    With the versions that made it: a newer program must still find an old dataset sound.
    """
    return recipe_id(
        recipe,
        manifest.versions,
        manifest.source.fingerprint,
        manifest.model["sha256"] if manifest.model else None,
        manifest.unlabelled.fingerprint if manifest.unlabelled else None,
    )


def check_recipe(folder: Path, manifest: Manifest) -> Recipe:
    """Return the recipe of the version in ``folder``; see ``recipe_of``.

    Raises:
        VerificationError: it is none that this program knows.
    """
    try:
        return recipe_of(manifest)
    except ValueError as error:
        made_with = manifest.libraries.get("augfactory", "another one")
        raise VerificationError(
            folder / MANIFEST,
            f"its recipe is not one that this program knows: {error}",
            f"Use the augfactory that made it ({made_with}), or restore the file.",
        ) from error


def check_rows(folder: Path, manifest: Manifest, recipe: Recipe) -> None:
    """Hold the version in ``folder`` to have as many rows as its recipe makes.

    Raises:
        VerificationError: it has not.
    """
    made = count_rows(recipe, len(manifest.source.rows))
    if made != manifest.rows:
        raise VerificationError(
            folder / MANIFEST,
            f"its recipe makes {made:,} rows, and it has {manifest.rows:,}",
            "It was edited: restore it from a copy.",
        )
