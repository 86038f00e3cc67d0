"""A study as TOML: a grid of arms over draws of originals and training seeds.

``docs/study.md`` says what each key means. An arm with a grid stands for one arm for each
combination; "{beta}" is replaced everywhere in it, and "{{" stands for a brace. ``[quick]`` and
``[full]`` hold what ``--quick`` and ``--full`` have instead; ``[quick.grid]`` narrows grids.
"""

import itertools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from augfactory.commands.expand.classes import ALIKE, check_rule, read_rule
from augfactory.commands.opening.toml_files import read_tables
from augfactory.commands.runs.ensemble_size import check_ensemble
from augfactory.commands.runs.published import refuse_both
from augfactory.commands.study.arm import StudyArm
from augfactory.commands.study.grid import MOST_ARMS, axes_of, check_grid, combinations, filled
from augfactory.commands.study.keys import Study
from augfactory.errors import RecipeError, unknown_name
from augfactory.evaluation.training.virtual_batches import fitting_batch
from augfactory.guarded.validation import checked, shown_value
from augfactory.pipeline.recipes.stages import method_of

SIZES = ("quick", "full")
Size = Literal["quick", "default", "full"]
MOST_CLASSIFIERS = 1_000_000


def read_study(path: Path, size: Size, instead: Mapping[str, Any] | None = None) -> Study:
    """Read the study in ``path`` at the given size, with keys ``instead`` of its own.

    Raises:
        RecipeError: naming the place, and the nearest right name for a wrong one.
    """
    tables = dict(read_tables(path, "Name a study file."))
    for name in SIZES:
        if isinstance(tables.get(name), dict):
            own = tables[name].items()
            tables[name] = {key: value for key, value in own if key not in (instead or {})}
    return study_of({**tables, **(instead or {})}, str(path), size)


def study_of(values: Mapping[str, Any], where: str, size: Size) -> Study:
    """Check the tables of a study file; ``where`` names it in messages.

    Raises:
        RecipeError: as ``read_study``.
    """
    sizes = {name: _size_of(values, name, where) for name in SIZES}
    settings = {key: value for key, value in values.items() if key not in SIZES}
    if size != "default":
        if size not in values:
            raise RecipeError(f"{where}: --{size}", "the file has no such size", f"Add [{size}].")
        settings |= {key: value for key, value in sizes[size].items() if key != "grid"}
    for key in settings:
        if key not in Study.model_fields:
            raise unknown_name(where, "key", key, [*Study.model_fields, *SIZES])
    narrowed = sizes[size].get("grid", {}) if size != "default" else {}
    arms = settings.get("arms")
    if not isinstance(arms, list) or not all(isinstance(arm, dict) for arm in arms):
        raise RecipeError(f"{where}: arms", "must be tables headed [[arms]]", "Add at least one.")
    axes = [
        axes_of(table, f"{where}, arm {number}", narrowed) for number, table in enumerate(arms, 1)
    ]
    count = sum(combinations(own) for own in axes)
    if count > MOST_ARMS:
        raise RecipeError(
            f"{where}: arms", f"they are {count:,} arms with their grids, more than {MOST_ARMS:,}",
            "Give fewer values in [arms.grid].",
        )  # fmt: skip
    settings["arms"] = tuple(
        arm
        for number, (table, own) in enumerate(zip(arms, axes, strict=True), 1)
        for arm in _arms(table, own, f"{where}, arm {number}")
    )
    names = [arm.name for arm in settings["arms"]]
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise RecipeError(
            f"{where}: arms", f"two are called {twice!r}", "Put the grid's keys into the name."
        )
    sizes_shared = {rows for arm in settings["arms"] for rows in _rows_that_share(arm)}
    batch = settings.get("batch")
    if sizes_shared and (batch is None or isinstance(batch, int)):  # others are refused below
        settings["batch"] = fitting_batch(sizes_shared, batch, f"{where}: batch")
    study = checked(Study, settings, where)
    _check_whole(study, where)
    return study


def _rows_that_share(arm: StudyArm) -> list[int]:
    """Return how many rows share what is drawn once a batch where the order keeps them together."""
    if arm.order != "rounds" or arm.recipe is None:
        return []
    found = [method.virtual_batch(own) for method, own in map(method_of, arm.recipe.mix)]
    return [shared.rows for shared in found if shared is not None]


def _check_whole(study: Study, where: str) -> None:
    """Refuse a study that lacks what an arm needs, or is too large."""
    check_ensemble(study.ensemble, study.seeds, f"{where}: ensemble", "seeds =")
    refuse_both(study.corruptions, study.corrupted, f"{where}: ")
    labelling = [each.name for each in study.arms if each.recipe and each.recipe.pseudo_label]
    if labelling and study.unlabelled is None:
        raise RecipeError(
            f"{where}: unlabelled",
            f"is missing, and the arm {labelling[0]!r} labels images",
            "Name a source of further images.",
        )
    for arm in study.arms:
        if arm.recipe is not None:
            rule, _ = read_rule(ALIKE, (), arm.recipe, f"arm {arm.name}")
            check_rule(rule, pseudo_label=arm.recipe.pseudo_label is not None)
        if study.freeze_of(arm) and (arm.weights or study.weights) is None:
            raise RecipeError(
                f"{where}, arm {arm.name!r}: freeze" if arm.freeze else f"{where}: freeze",
                "keeps weights that were drawn at random",
                "Add weights = FILE.",
            )
    names = [arm.name for arm in study.arms]
    classifiers = len(names) * len(study.n_train) * study.subsets * study.seeds
    if classifiers > MOST_CLASSIFIERS:
        raise RecipeError(
            where, f"it would train {classifiers:,} classifiers, more than {MOST_CLASSIFIERS:,}",
            "Give fewer arms, n_train, subsets or seeds.",
        )  # fmt: skip
    if study.against[0] not in names:
        raise RecipeError(
            f"{where}: against",
            f"there is no arm {study.against[0]!r} to compare with",
            'Add [[arms]] name = "originals", or name another arm first.',
        )


def _size_of(values: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """Return what a size has instead; nothing where the file has no such size."""
    size = values.get(name, {})
    if not isinstance(size, dict):
        raise RecipeError(
            f"{where}: {name}", f"must be a table, got {shown_value(size)}", f"Write [{name}]."
        )
    check_grid(size.get("grid", {}), f"{where}: {name}.grid", f"{name}.grid")
    return size


def _arms(table: dict[str, Any], axes: Mapping[str, list[Any]], where: str) -> list[StudyArm]:
    body = {key: value for key, value in table.items() if key != "grid"}
    return [
        checked(StudyArm, filled(body, dict(zip(axes, chosen, strict=True)), where), where)
        for chosen in itertools.product(*axes.values())
    ]
