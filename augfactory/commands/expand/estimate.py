"""What `augfactory expand --dry-run` says of a dataset before anything is written."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.request import ExpandRequest, plan_folds
from augfactory.commands.progress import Progress
from augfactory.pipeline.plan import UNLABELLED
from augfactory.pipeline.shares import count_decoded
from augfactory.store.versions import find_recipe, next_version


@dataclass(frozen=True)
class Estimate:
    """What is known of one dataset beforehand; bytes are those of the data files."""

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


def estimate(request: ExpandRequest, progress: Progress) -> list[Estimate]:
    """Say what `expand` would write, without writing anything."""
    return [_estimate(build) for _, _, builds in plan_folds(request, progress) for build in builds]


def _estimate(build: Build) -> Estimate:
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
    )


def _counts(build: Build) -> dict[str, int]:
    """Return the rows of each method."""
    recipe, sources = build.recipe, build.sources
    decoded = count_decoded(recipe, sources)
    counts = {
        "original": sources if recipe.originals else 0,
        "geometry": sources * recipe.further - decoded,
        "vae": decoded,
    }
    for stage in recipe.mix:
        counts[stage.method] = counts.get(stage.method, 0) + sources * stage.copies
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
    return "\n".join([*lines, "Nothing was written."])
