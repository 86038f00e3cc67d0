"""The recipe that a manifest holds, as this program understands it."""

from pathlib import Path

from pydantic import ValidationError

from augfactory.errors import VerificationError
from augfactory.guarded.validation import document_problem
from augfactory.pipeline.plan import count_rows, count_stored
from augfactory.pipeline.recipes.recipe import Recipe, recipe_id
from augfactory.store.manifest import MANIFEST, Manifest


def recipe_of(manifest: Manifest) -> Recipe:
    """Return the recipe, every parameter of it checked.

    Raises:
        ValueError: it is none that this program knows.
    """
    try:
        recipe = Recipe.model_validate(manifest.recipe)
    except ValidationError as error:
        raise ValueError(document_problem(error)) from error
    if recipe.left_out and recipe.left_out[-1] >= count_rows(recipe, len(manifest.source.rows)):
        raise ValueError("left_out lists rows that it does not make")
    images = recipe.class_images
    if images is not None and (
        [*images] != manifest.class_names or sum(images.values()) != len(manifest.source.rows)
    ):
        raise ValueError("class_images are not those of the source")
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
        manifest.validation.source.fingerprint if manifest.validation else None,
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
    made = count_stored(recipe, len(manifest.source.rows))
    if made != manifest.rows:
        raise VerificationError(
            folder / MANIFEST,
            f"its recipe makes {made:,} rows, and it has {manifest.rows:,}",
            "It was edited: restore it from a copy.",
        )
    if class_rows_of(recipe) != manifest.class_rows:
        raise VerificationError(
            folder / MANIFEST,
            "its class_rows are not those that its recipe makes",
            "It was edited: restore it from a copy.",
        )


def class_rows_of(recipe: Recipe) -> dict[str, int] | None:
    """Return the rows of each class, None where classes are expanded alike or rows are left out."""
    rows = recipe.class_rows
    if recipe.left_out or rows is None or recipe.class_images is None:
        return None
    return dict(zip(recipe.class_images, rows.sum(axis=0).tolist(), strict=True))
