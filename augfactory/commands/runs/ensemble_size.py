"""How many classifiers can answer together."""

from augfactory.errors import RecipeError


def check_ensemble(ensemble: int | None, seeds: int, where: str, seeds_where: str) -> None:
    """Refuse ensembles of more classifiers than an arm has.

    Raises:
        RecipeError: of one alone, or of more than ``seeds``.
    """
    if ensemble is None:
        return
    if ensemble < 2:
        raise RecipeError(where, f"{ensemble} is no ensemble", "Give 2 or more.")
    if ensemble > seeds:
        raise RecipeError(
            where,
            f"{ensemble} classifiers, and each arm trains {seeds}",
            f"Train as many or more: {seeds_where} {ensemble}.",
        )
