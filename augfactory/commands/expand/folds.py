"""The folds of a request: a dataset for each, of a source that is looked at once."""

from collections.abc import Iterator
from dataclasses import replace

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.inputs import BuildInputs
from augfactory.commands.expand.request import ExpandRequest, plan_builds
from augfactory.commands.expand.validation import check_held
from augfactory.commands.progress import Progress


def _fold_requests(request: ExpandRequest) -> list[ExpandRequest]:
    """Return a request for each fold, or the request itself where it asks for none.

    Raises:
        RecipeError: what is asked of validation images contradicts itself.
    """
    held = request.held
    check_held(held)
    if held is None or held.folds is None:
        return [request]
    return [replace(request, held=replace(held, fold=fold)) for fold in range(held.folds)]


def plan_folds(
    request: ExpandRequest, progress: Progress
) -> Iterator[tuple[ExpandRequest, BuildInputs, list[Build]]]:
    """Yield what ``plan_builds`` gives for each fold of a request; its source is looked at once.

    Raises:
        AugfactoryError: as ``plan_builds``; or what is asked of validation contradicts itself.
    """
    seen = None
    for each in _fold_requests(request):
        inputs, builds = plan_builds(each, progress, seen)
        seen = inputs.seen
        yield each, inputs, builds
