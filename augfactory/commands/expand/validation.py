"""The validation images of a dataset: chosen among the originals before anything is drawn."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.commands.opening.fit import check_fit
from augfactory.commands.opening.groups import originals_together
from augfactory.commands.opening.look import look
from augfactory.commands.opening.opening import converted_like
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError, RecipeError
from augfactory.pipeline.plan import parents, rows_of_a_shard
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.records import Int64Array, Source, SourceSpec
from augfactory.source_rows import SourceRows, rows_of
from augfactory.sources.choosing.splitting import deal, groups_of
from augfactory.sources.opening import open_source
from augfactory.store.manifest_parts import ValidationEntry
from augfactory.store.shards import STATE
from augfactory.store.validation import WrittenValidation, write_validation

MOST_FOLDS = 100
MOST_NAMED = 5
SPLIT_FIRST = (
    "Split first: expand the SOURCE with --factor 1 and this option, train the model on that "
    "dataset, and expand the SOURCE again with --model."
)
OTHERS = "Name other validation images, or train the model without these."


@dataclass(frozen=True)
class Held:
    """What is asked of validation images: a ``share``, one ``fold`` of ``folds``, or a ``source``.

    ``group`` says what tells which originals belong together; see
    ``sources/choosing/splitting.py``.
    """

    share: float | None = None
    folds: int | None = None
    fold: int = 0
    group: str | None = None
    source: SourceSpec | None = None


@dataclass(frozen=True)
class Validation:
    """Validation images: their record, the opened source, and what the manifest tells of them."""

    rows: SourceRows
    source: Source
    told: dict[str, Any]


def check_held(held: Held | None) -> None:
    """Refuse what contradicts itself.

    Raises:
        RecipeError: naming the option.
    """
    if held is None:
        return
    given = {
        "--validation": held.share is not None,
        "--folds": held.folds is not None,
        "--with-validation": held.source is not None,
    }
    named = [option for option, used in given.items() if used]
    if not named:
        raise RecipeError(
            "--group", "says which originals stay together, and they are not split",
            "Add --validation 0.2 or --folds 5.",
        )  # fmt: skip
    if len(named) > 1:
        raise RecipeError(
            " ".join(named), "each says where validation images come from", "Give one of them."
        )
    if held.source is not None and held.group is not None:
        raise RecipeError(
            "--group", "splits originals, and --with-validation brings images of its own",
            "Leave --group out.",
        )  # fmt: skip
    if held.share is not None and not 0 < held.share < 1:
        raise RecipeError(
            f"--validation {held.share:g}", "is not between 0 and 1", "Give a share, such as 0.2."
        )
    if held.folds is not None and not 2 <= held.folds <= MOST_FOLDS:
        raise RecipeError(
            f"--folds {held.folds}", f"is not from 2 to {MOST_FOLDS}", "Give such as 5."
        )


@dataclass(frozen=True)
class Parts:
    """How originals were split: ``part`` and ``group`` of each row, int64 [N]."""

    part: Int64Array
    group: Int64Array


def split_originals(source: Source, held: Held, seed: int, progress: Progress) -> Parts:
    """Deal the rows into parts, without a group in two; see ``rows_of_part``.

    Rows of equal pixels are in one group, whatever their names and labels are.

    Raises:
        InputDataError: the rows were made themselves.
        RecipeError: ``held.group`` cannot be understood.
    """
    if source.roots is not None:
        raise InputDataError(
            source.name,
            "its rows were made from others, so that a split of them would leak",
            "Name the SOURCE that it was made from, and split that.",
        )
    groups = originals_together(source, held.group, progress)
    count = held.folds
    shares = [held.share or 0, 1 - (held.share or 0)] if count is None else [1 / count] * count
    return Parts(deal(source.labels, groups, shares, seed), groups)


def rows_of_part(source: Source, parts: Parts, held: Held) -> tuple[Int64Array, Int64Array]:
    """Return (rows to train on, rows to validate on), both sorted.

    Raises:
        InputDataError: a class has too few groups.
    """
    inside = parts.part == held.fold
    _check_classes(source, parts.group, inside, held)
    return np.flatnonzero(~inside), np.flatnonzero(inside)


def _check_classes(
    source: Source, groups: Int64Array, inside: np.ndarray[Any, Any], held: Held
) -> None:
    """Raise InputDataError unless each class has rows on both sides."""
    for label in np.unique(source.labels).tolist():
        own = source.labels == label
        if (own & inside).any() and (own & ~inside).any():
            continue
        side = "validate" if (own & ~inside).any() else "train"
        number = len(np.unique(groups[own]))
        what = ("image" if held.group is None else "group") + ("" if number == 1 else "s")
        remedy = (
            "Ask for a larger --validation, fewer --folds or another --seed, or add images to the "
            "class."
        )
        if held.group is not None:
            remedy += f" Or group otherwise: --group {held.group} makes {number} of all its images."
        raise InputDataError(
            source.name,
            f"class '{source.class_names[label]}' has {number} {what}, too few: none is left to "
            f"{side} on",
            remedy,
        )


def own_images(
    held: Held, source: Source, rows: SourceRows, progress: Progress
) -> tuple[SourceRows, Source]:
    """Open the images that ``--with-validation`` names, converted as those of ``source``.

    ``rows`` are the record of ``source``.

    Raises:
        InputDataError: they are a test split, or do not fit the source, or share an image with it.
    """
    assert held.source is not None
    asked = converted_like(held.source, rows)
    opened = open_source(asked)
    if opened.split == "test":
        raise InputDataError(
            opened.name,
            "this is a test split: a trainer that chooses by it leaves nothing to test on",
            "Name other labelled images, or split the originals with --validation 0.2.",
        )
    check_fit(source, opened, "a validation source")
    looked = look(asked, opened, progress)
    found = looked.source
    refuse_common(source, found, source.name)
    with progress.bar(f"reading {found.name}", len(found), "image") as bar:
        return rows_of(asked, found, looked.numbers, bar.advance, looked.skipped), found


def refuse_common(
    training: Source,
    validation: Source,
    where: str,
    remedy: str = "Take them out of one of the two, or split with --validation 0.2.",
) -> None:
    """Raise InputDataError where an image of ``validation`` is in ``training``, by its pixels."""
    from augfactory.evaluation.images.leakage import find_shared_images

    shared = find_shared_images(training, validation, most=MOST_NAMED + 1)
    if shared:
        named = ", ".join(
            f"{each.test_name} is {each.training_name}" for each in shared[:MOST_NAMED]
        )
        more = " and more" if len(shared) > MOST_NAMED else ""
        raise InputDataError(
            validation.name,
            f"images of it are in {where} too, pixel for pixel: {named}{more}",
            remedy,
        )


def told_of(held: Held, source: Source, seed: int) -> dict[str, Any]:
    """Return what the manifest tells of how validation images were chosen."""
    if held.source is not None:
        return {}
    told: dict[str, Any] = {"seed": seed}
    if held.folds is not None:
        told |= {"folds": held.folds, "fold": held.fold}
    else:
        told["share"] = held.share
    if held.group is not None:
        told |= {"group": held.group, "groups": len(np.unique(groups_of(source, held.group)))}
    return told


def write_held(
    building: Path, recipe: Recipe, validation: Validation | None
) -> WrittenValidation | None:
    """Write the images into a dataset under construction; nothing where there are none."""
    if validation is None:
        return None
    source = validation.source
    at_once = rows_of_a_shard(source.image_shape)
    state, width = building / STATE, parents(recipe)
    return write_validation(building, recipe.format, source, at_once, state, width)


def entry_of(validation: Validation | None, written: WrittenValidation) -> ValidationEntry:
    """Return what the manifest tells of them, which were ``written``."""
    assert validation is not None
    return ValidationEntry(
        source=validation.rows,
        content_hash=written.content_hash,
        counts=written.counts,
        **validation.told,
    )
