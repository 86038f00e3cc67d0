"""What `augfactory expand --dry-run` says of a dataset before anything is written."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.folds import plan_folds
from augfactory.commands.expand.inputs import BuildInputs
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.opening.recorded_recipe import class_rows_of
from augfactory.commands.progress import Progress
from augfactory.pipeline.plan import UNLABELLED
from augfactory.pipeline.shares import count_decoded
from augfactory.store.documents.made_in_words import class_rows_in_words
from augfactory.store.versions import find_recipe, next_version


@dataclass(frozen=True)
class Estimate:
    """What is known of one dataset beforehand; bytes are those of the data files.

    ``class_rows`` are the rows of each class, None where classes are expanded alike;
    ``labelling_minutes`` of one core go to classifiers that label unlabelled images, None where
    none are trained.
    """

    name: str
    version: str
    path: Path
    rows: int
    counts: dict[str, int]
    bytes: int
    files: int
    disk_left: int
    existing: bool
    validation: int = 0
    class_rows: dict[str, int] | None = None
    labelling_minutes: float | None = None


def estimate(request: ExpandRequest, progress: Progress) -> list[Estimate]:
    """Say what `expand` would write, and how long it would label, without writing anything.

    Raises:
        AugfactoryError: saying what is wrong with the request, the data or the place on the way.
    """
    check_place(request)
    found = []
    for _, inputs, builds in plan_folds(request, progress):
        labelling: float | None = None
        for build in builds:
            expected = estimate_of(build)
            if build.recipe.pseudo_label is not None and not expected.existing:
                if labelling is None:  # classifiers are trained once for all factors
                    labelling = _labelling_minutes(build, inputs)
                expected = replace(expected, labelling_minutes=labelling)
            found.append(expected)
    return found


def check_place(request: ExpandRequest) -> None:
    """Open the place that shards would come through: what is wrong with it is told at once.

    Raises:
        AugfactoryError: there is no such place, or nothing can be written there.
    """
    if request.through is not None:
        from augfactory.commands.expand.rendering.elsewhere import open_place

        open_place(request.through)


def _labelling_minutes(build: Build, inputs: BuildInputs) -> float:
    from augfactory.commands.expand import pseudo_labelling  # torch: only where needed

    stage = build.recipe.pseudo_label
    assert stage is not None
    assert inputs.unlabelled is not None
    unlabelled = len(inputs.unlabelled.numbers)
    each = pseudo_labelling.seconds_each(build.recipe, inputs.source, unlabelled, inputs.weights)
    return stage.teachers * stage.rounds * each / 60


def estimate_of(build: Build) -> Estimate:
    """Say what making a build would write."""
    existing = find_recipe(build.folder, build.recipe_id)
    version = existing.name if existing else next_version(build.folder)
    size, files = build.expected_size()
    disk = next(path for path in build.folder.resolve().parents if path.is_dir())
    return Estimate(
        name=build.folder.name,
        version=version,
        path=build.folder / version,
        rows=build.rows,
        counts=_counts(build),
        bytes=size,
        files=files,
        disk_left=shutil.disk_usage(disk).free,
        existing=existing is not None,
        validation=len(build.validation.rows.rows) if build.validation else 0,
        class_rows=class_rows_of(build.recipe),
    )


def _counts(build: Build) -> dict[str, int]:
    """Return the rows of each method."""
    recipe, sources = build.recipe, build.sources
    decoded = count_decoded(recipe, sources)
    counts = {
        "original": sources if recipe.originals else 0,
        "geometry": recipe.further_rows(sources) - decoded,
        "vae": decoded,
    }
    for stage, rows in zip(recipe.mix, recipe.section_rows(sources)[1:], strict=True):
        counts[stage.method] = counts.get(stage.method, 0) + rows
    if recipe.pseudo_label is not None:
        counts[UNLABELLED] = sources * recipe.pseudo_label.copies
    return {method: rows for method, rows in counts.items() if rows}


def estimates_text(estimates: Sequence[Estimate]) -> str:
    """Return what ``--dry-run`` prints."""
    lines = []
    for estimate_ in estimates:
        counts = ", ".join(f"{count:,} {name}" for name, count in estimate_.counts.items() if count)
        lines.append(
            f"{estimate_.name}@{estimate_.version}  {estimate_.rows:,} rows ({counts})"
            + (f" and {estimate_.validation:,} to validate on" if estimate_.validation else "")
            + ", "
            f"about {estimate_.bytes / 2**20:,.1f} MiB in {estimate_.files:,} file(s), "
            f"disk left {estimate_.disk_left / 2**30:,.1f} GiB"
            + (" - exists already" if estimate_.existing else "")
        )
        if estimate_.class_rows is not None:
            lines.append(f"  rows of each class: {class_rows_in_words(estimate_.class_rows)}")
        if estimate_.labelling_minutes is not None:
            minutes = max(1, round(estimate_.labelling_minutes))
            lines.append(f"  labelling the unlabelled images: about {minutes:,} min of one core")
    return "\n".join([*lines, "Nothing was written."])
