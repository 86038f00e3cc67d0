"""What the shards of a dataset are made from, left in its building folder for any process.

On machines that share no folder it travels: pixels and labels in place of the source, the files of
the model, all of it below the folder of the state.
"""

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from augfactory.commands.expand.build import Build
from augfactory.commands.expand.inputs import BuildInputs
from augfactory.commands.expand.rendering.kept_images import (
    IMAGES,
    UNLABELLED,
    keep_images,
    keep_unlabelled,
    with_kept_images,
    write_images,
)
from augfactory.commands.expand.rendering.libraries import JOB, LIBRARIES, pixel_libraries
from augfactory.commands.progress import Progress
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import open_regular
from augfactory.guarded.npy import map_npy
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.records import Source, SourceSpec
from augfactory.source_rows import SourceRows
from augfactory.sources.opening import open_source
from augfactory.sources.parsing.arrays import source_of_arrays
from augfactory.sources.recorded import open_rows
from augfactory.sources.unlabelled import ONE_CLASS, open_unlabelled
from augfactory.store.disk.atomic import make_folders, write_file, writing
from augfactory.store.shards import STATE, begin

MODEL = f"{STATE}/model"
WEIGHTS = f"{STATE}/labelling-weights"  # and the end of the file's own name
LABELLING = f"{STATE}/labelling.json"
NAMES = f"{STATE}/unlabelled.json"
LABELS, SOFT_LABELS = f"{STATE}/labels.npy", f"{STATE}/soft-labels.npy"
Left = TypeVar("Left")


@dataclass(frozen=True)
class Given:
    """What a dataset under construction is made from, opened again.

    ``source`` are the chosen rows; ``unlabelled`` the unlabelled images, None where there are none;
    ``weights`` the file that what labels them starts from, None where it starts anew.
    """

    building: Path
    recipe: Recipe
    source: Source
    unlabelled: Source | None
    model: Path | None
    checkpoint: str | None
    weights: Path | None = None


def begin_job(build: Build, inputs: BuildInputs, progress: Progress) -> None:
    """Make the folders of a build, and leave there what a process needs to render any shard."""
    _begin(build)
    keep_images(build, inputs.source, progress)
    if inputs.unlabelled is not None:
        keep_unlabelled(build, _unlabelled_of(inputs), progress)
    more = inputs.unlabelled
    _write_job(
        build,
        inputs,
        source=inputs.rows.model_dump(mode="json"),
        unlabelled=more and more.model_dump(mode="json"),
        model=inputs.model_folder and str(inputs.model_folder.resolve()),
        class_names=None,
    )


def begin_job_that_travels(build: Build, inputs: BuildInputs, progress: Progress) -> list[str]:
    """Do so for machines that see nothing but what is left; return the files of it.

    They are all that a shard is made from, but what classifiers learned.
    """
    _begin(build)
    files = _leave_all(build.building, inputs, progress)
    model = inputs.model_folder and MODEL
    names = build.class_names
    _write_job(build, inputs, source=None, unlabelled=None, model=model, class_names=names)
    return [JOB, *files]


def _begin(build: Build) -> None:
    read_given.cache_clear()
    begin(build.building, build.recipe.format, build.class_names)


def _write_job(build: Build, inputs: BuildInputs, **more: Any) -> None:
    weights = None
    if inputs.weights is not None:  # classifiers learn on the machine of the command
        weights = f"{WEIGHTS}{inputs.weights.suffix}"
        with open_regular(inputs.weights) as read, writing(build.building / weights) as file:
            shutil.copyfileobj(read, file)
    job = {
        "recipe": build.recipe.model_dump(mode="json"),
        "checkpoint": inputs.checkpoint,
        "weights": weights,
        LIBRARIES: pixel_libraries(),
        **more,
    }
    write_file(build.building / JOB, json.dumps(job).encode())


def _leave_all(building: Path, inputs: BuildInputs, progress: Progress) -> list[str]:
    source = inputs.source
    write_images(building / IMAGES, source, progress)
    with writing(building / LABELS) as file:
        np.save(file, source.labels)
    with writing(building / SOFT_LABELS) as file:
        np.save(file, np.concatenate([source.read_soft_labels(rows) for rows in source.blocks()]))
    files = [IMAGES, LABELS, SOFT_LABELS]
    if inputs.unlabelled is not None:
        unlabelled = _unlabelled_of(inputs)
        write_images(building / UNLABELLED, unlabelled, progress)
        names = [unlabelled.row_name(row) for row in range(len(unlabelled))]
        write_file(building / NAMES, json.dumps(names).encode())
        files += [UNLABELLED, NAMES]
    if inputs.model_folder is not None:
        from augfactory.vae.checkpoint import checkpoint_path  # torch: only with a model
        from augfactory.vae.files import CONFIG

        for name in (CONFIG, checkpoint_path(inputs.checkpoint)):
            path = f"{MODEL}/{name}"
            make_folders([(building / path).parent])
            with open_regular(inputs.model_folder / name) as read, writing(building / path) as file:
                shutil.copyfileobj(read, file)
            files.append(path)
    return files


def left_by_earlier_run(path: Path, parse: Callable[[bytes], Left]) -> Left | None:
    """Return what an interrupted run left in a file; None where it is missing or damaged."""
    try:
        with open_regular(path, follow=False) as file:
            return parse(file.read())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


@lru_cache(maxsize=1)
def read_given(building: Path) -> Given:
    """Open what ``begin_job`` told of."""
    values = read_json(building / JOB, follow=False)
    if values["class_names"] is None:
        source = with_kept_images(building, _opened(values["source"]))
        unlabelled = None
        if values["unlabelled"] is not None:
            opened = _opened(values["unlabelled"], open_unlabelled)
            unlabelled = with_kept_images(building, opened, UNLABELLED)
    else:
        source, unlabelled = _left_source(building, tuple(values["class_names"]))
    return Given(
        building=building,
        recipe=Recipe.model_validate(values["recipe"]),
        source=source,
        unlabelled=unlabelled,
        model=values["model"] and building / values["model"],
        checkpoint=values["checkpoint"],
        weights=values["weights"] and building / values["weights"],
    )


def _opened(rows: Any, opener: Callable[[SourceSpec], Source] = open_source) -> Source:
    return open_rows(SourceRows.model_validate(rows), opener=opener, trusted=True)[1]


def _unlabelled_of(inputs: BuildInputs) -> Source:
    if inputs.unlabelled_source is not None:
        return inputs.unlabelled_source
    assert inputs.unlabelled is not None
    return _opened(inputs.unlabelled.model_dump(mode="json"), open_unlabelled)


def _left_source(building: Path, class_names: tuple[str, ...]) -> tuple[Source, Source | None]:
    """Return the source and the unlabelled images that ``_leave_all`` left."""

    def array(name: str) -> Any:
        return map_npy(building / name, follow=False)

    images, labels, soft_labels = array(IMAGES), np.array(array(LABELS)), array(SOFT_LABELS)
    source = source_of_arrays(
        name="the source",
        split=None,
        class_names=class_names,
        images=images,
        labels=labels,
        row_name=str,
        soft_labels=np.array(soft_labels),
    )
    if not (building / UNLABELLED).exists():
        return source, None
    more, names = array(UNLABELLED), read_json(building / NAMES, follow=False)
    unlabelled = source_of_arrays(
        name="the unlabelled images",
        split=None,
        class_names=ONE_CLASS,
        images=more,
        labels=np.zeros(len(more), dtype=np.int64),
        row_name=names.__getitem__,
    )
    return source, unlabelled
