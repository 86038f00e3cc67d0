"""Filter decoded images while a dataset is made: teach the judges, ask them, or do as they did."""

import io
from pathlib import Path

import numpy as np

from augfactory.commands.evaluate.online_arms import ONLINE_GEOMETRY, online_stages
from augfactory.commands.expand.build import Build
from augfactory.commands.expand.rendering.job import left_by_earlier_run
from augfactory.commands.progress import Progress
from augfactory.engines.processes import pinned_threads
from augfactory.errors import InputDataError
from augfactory.evaluation.images.decoded_filter import (
    DecodedFilter,
    filter_from,
    reasons,
    taught_filter,
)
from augfactory.evaluation.images.judges import FEWEST, FOLDS, STEPS, can_teach
from augfactory.pipeline.plan import REASONS, PlanRows
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.render import EncodedSource, decoded_images
from augfactory.pipeline.settle import FIT, UNTOLD, Settle, settle_as, settle_by
from augfactory.records import Int64Array, Source
from augfactory.store.disk.atomic import write_file
from augfactory.store.shards import STATE

JUDGES = f"{STATE}/judges.npz"
REJECTED = f"{STATE}/rejected.npz"


def judges_of(build: Build, originals: Source, progress: Progress) -> bytes:
    """Return the judges of a build's originals; those that an interrupted run left, if it did.

    Raises:
        InputDataError: there are too few images, or one class alone.
    """
    if not can_teach(originals):
        raise InputDataError(
            originals.name,
            f"its {len(originals)} images of {len(np.unique(originals.labels))} classes are too "
            "few to teach classifiers that filter decoded images",
            f"Have {FEWEST} images that differ and two classes at least, or leave --filter out.",
        )
    kept = _kept_judges(build.building, originals)
    if kept is not None:
        return kept.as_bytes()
    recipe = build.recipe.model_dump(mode="json")
    online = online_stages(ONLINE_GEOMETRY, [recipe], originals.image_shape)
    with (
        pinned_threads(1),
        progress.bar("teaching classifiers to filter", FOLDS * STEPS, "step") as bar,
    ):
        judges = taught_filter(originals, online, bar.advance)
    progress.say(
        f"{build.folder.name}: decoded images are filtered; of originals that they did not learn, "
        f"classifiers read {100 * judges.read.mean():.0f} %"
    )
    return judges.as_bytes()


def keep_rejected(building: Path, rejected: Int64Array) -> None:
    """Leave what was rejected of each row, int64 [rows, reasons], for rows to be made again so.

    Those that are ``UNTOLD`` are left to judges.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, rejected=rejected.astype(np.int8))
    write_file(building / REJECTED, buffer.getvalue())


def settle_in(building: Path, recipe: Recipe, originals: Source, encoded: EncodedSource) -> Settle:
    """Return what says which decoded rows are drawn again.

    Raises:
        FileNotFoundError: there are neither judges nor what they once said, or both are damaged.
    """
    told = left_by_earlier_run(building / REJECTED, _rejected_in)
    if told is not None and not (told == UNTOLD).any():
        return settle_as(told)
    judges = _kept_judges(building, originals)
    if judges is None:
        raise FileNotFoundError(building / JUDGES)

    def reason_of(plan: PlanRows) -> Int64Array:
        found = np.full(len(plan), FIT, dtype=np.int64)
        rows = np.flatnonzero(plan.method == "vae")
        if len(rows):
            images = decoded_images(recipe, plan, rows, encoded)
            named = reasons(judges, originals, images, plan.source_index[rows])
            for place, reason in enumerate(REASONS):
                found[rows[named == reason]] = place
        return found

    return settle_by(reason_of, told)


def _kept_judges(building: Path, originals: Source) -> DecodedFilter | None:
    return left_by_earlier_run(building / JUDGES, lambda data: filter_from(data, originals))


def _rejected_in(data: bytes) -> Int64Array:
    rejected: Int64Array = np.load(io.BytesIO(data), allow_pickle=False)["rejected"]
    return rejected.astype(np.int64)
