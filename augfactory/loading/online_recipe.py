"""What `augfactory.online` makes of a request: how many rounds, and what cannot be made."""

from dataclasses import replace

from augfactory.commands.expand.request import ExpandRequest
from augfactory.errors import RecipeError
from augfactory.evaluation.training.virtual_batches import shared_draws
from augfactory.pipeline.recipes.recipe import Recipe


def all_mixed(request: ExpandRequest) -> bool:
    """Tell whether every further image is asked to be a mixture: shares that make up 1."""
    return sum(stage.share or 0 for stage in request.mix or ()) > 1 - 1e-9


def for_epochs(request: ExpandRequest, epochs: int) -> ExpandRequest:
    """Return the request whose rows fill ``epochs`` epochs.

    Of a factor one image is always no mixture. Where all are to be mixed it is one more, so that
    each epoch has a round of mixtures; the images as they are then serve as parents alone.
    """
    if not all_mixed(request) or not request.factors:
        return request
    originals = request.originals or request.geometry is None
    return replace(request, factors=(epochs + 1,), originals=originals)


def check_made(recipe: Recipe) -> None:
    """Refuse what cannot be made row by row, or not in batches.

    Raises:
        RecipeError: classes have rows of their own numbers, classifiers would have to be trained
            first, or rows that share a boundary would be scattered over epochs.
    """
    if recipe.class_images is not None:
        raise RecipeError(
            "recipe",
            "classes of their own numbers of rows are stored, not made online",
            "Store it with `augfactory expand`, or leave out `balance` and `class_factors`.",
        )
    if recipe.pseudo_label is not None or (recipe.vae is not None and recipe.vae.filter):
        raise RecipeError(
            "recipe",
            "classifiers are trained for it before rows are made: it cannot be made online",
            "Store it with `augfactory expand` and load that, or leave out `filter` and "
            "`[pseudo_label]`.",
        )
    for number in shared_draws(recipe):
        share = recipe.mix[number - 1].share
        if share is not None and share < 1:
            raise RecipeError(
                "recipe: scope",
                f"an epoch has a share of {share:g} of each round, and so pieces of the rows that "
                'one draw of scope = "batch" is for',
                "Give share = 1.0, or copies in its place, or store it with `augfactory expand`.",
            )
