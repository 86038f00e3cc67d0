"""Label unlabelled images while a dataset is made: train the teachers, let them read, keep it."""

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from augfactory.commands.evaluate.online_arms import baselines_of, online_stages
from augfactory.commands.expand.build import Build
from augfactory.commands.expand.rendering.job import Given, left_by_earlier_run, read_given
from augfactory.commands.progress import Progress
from augfactory.engines.processes import Run
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.images.judges import folds_of
from augfactory.evaluation.images.leakage import equal_images
from augfactory.evaluation.pseudo_labels import (
    BATCH,
    PseudoLabels,
    Reading,
    held_out_of,
    pseudo_labels,
    read_by_teacher,
    teaching,
)
from augfactory.evaluation.training.batch_policy import BatchPolicy
from augfactory.evaluation.training.online import OnlineStage
from augfactory.evaluation.training.probe import seconds_of_a_step
from augfactory.evaluation.training.training_set import plain_set
from augfactory.evaluation.trust import Trust, reads_worse, trust_in
from augfactory.keyed_random import key_of
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import LABELLING_CLASSIFIER
from augfactory.records import Float64Array, Int64Array, Source
from augfactory.store.beside.pseudo_label_table import PseudoLabelTable
from augfactory.store.disk.atomic import write_file
from augfactory.store.manifest_parts import LabellingEntry
from augfactory.store.shards import STATE

READ_IN_A_STEP = 3  # images are read in the time that one is learnt in


@dataclass(frozen=True)
class TeacherTask:
    """The teacher of fold ``own`` in a round, for the dataset that is built in ``building``."""

    building: Path
    round: int
    own: int


def label(build: Build, rows: Int64Array, run: Run, progress: Progress) -> bytes:
    """Return the table of labels of a build's unlabelled images, as bytes.

    ``rows`` are their numbers in their source. ``begin_job`` must have described the build. What
    an interrupted run has finished is taken up again.
    """
    stage = build.recipe.pseudo_label
    assert stage is not None
    building = build.building.resolve()  # as other processes name it
    given = read_given(building)
    tasks = [
        TeacherTask(building, number, own)
        for number in range(stage.rounds)
        for own in range(stage.teachers)
    ]
    last = _train(given, tasks, len(rows), run, progress)
    taken = _round_taken(given, last + 1)
    found, trust = _labels_of(given, taken), _trust(given, taken)
    progress.say(_in_words(trust, found, build.folder.name))
    if taken < last:
        progress.say(
            f"{build.folder.name}: the labels are those of round {taken + 1}: classifiers of round "
            f"{last + 1}, which learnt from these, read labelled images worse"
        )
    for told in trust.warnings(given.source.class_names):
        progress.say(f"warning: {told}")
    for told in trust.notes(given.source.class_names):
        progress.say(f"note: {told}")
    assert given.unlabelled is not None
    images = [given.unlabelled.row_name(row) for row in range(len(rows))]
    table = PseudoLabelTable(rows, found.soft_label, found.kept)
    return table.as_bytes(images, given.source.class_names)


def _train(
    given: Given, tasks: list[TeacherTask], unlabelled: int, run: Run, progress: Progress
) -> int:
    """Train those of ``tasks`` that are not kept, round by round; return the last round's number.

    Rounds end with one that reads worse than its own before: a further one would learn from it.
    """
    stage = given.recipe.pseudo_label
    assert stage is not None
    missing = [task for task in tasks if _kept_reading(given, task) is None]
    kept = len(tasks) - len(missing)
    if kept:
        progress.say(f"{kept} of {len(tasks)} classifiers are kept from an earlier run")
    if missing:
        each = seconds_each(given.recipe, given.source, unlabelled, given.weights)
        minutes = len(missing) * each / 60
        progress.say(
            f"{len(missing)} classifiers are trained for {stage.steps:,} steps each to label "
            f"{unlabelled:,} images: about {max(1, round(minutes)):,} min of one core; in a "
            "recipe, `steps` under `[pseudo_label]` sets that"
        )
        if stage.classifier == LABELLING_CLASSIFIER and given.weights is None:
            progress.say(
                "note: they learn from nothing. Where you train a network that knows more, let it "
                "label: --classifier NAME --weights FILE"
            )
    with progress.bar("training classifiers to label", len(tasks), "classifier", kept) as bar:
        for number in range(stage.rounds):
            for _ in run(teach, [task for task in missing if task.round == number]):
                bar.advance(1)
            if _round_taken(given, number + 1) < number:
                return number
    return stage.rounds - 1


def told_of_labels(build: Build) -> bytes:
    """Return what the manifest tells of labels that ``label`` has made for a build, as JSON."""
    given = read_given(build.building.resolve())
    assert given.recipe.pseudo_label is not None
    taken = _round_taken(given, given.recipe.pseudo_label.rounds)
    trust = _trust(given, taken)
    entry = LabellingEntry(
        round=taken + 1,
        labelled=trust.labelled,
        right=trust.right,
        chance=round(trust.chance, 4),
        sureness=round(trust.sureness, 4),
        warnings=tuple(trust.warnings(given.source.class_names)),
    )
    return entry.model_dump_json().encode()


def teach(task: TeacherTask) -> None:
    """Train one teacher, let it read, and keep what it read; nothing where that is there."""
    given = read_given(task.building)
    if _kept_reading(given, task) is not None:
        return
    stage, unlabelled = given.recipe.pseudo_label, given.unlabelled
    assert stage is not None
    assert unlabelled is not None
    taught = _labels_of(given, task.round - 1) if task.round else None
    seed = key_of(given.recipe.seed, "teacher", task.round, task.own) % 2**31
    reading = read_by_teacher(
        given.source,
        unlabelled,
        _folds(task.building),
        task.own,
        _online(given.recipe, given.source),
        find_classifier(stage.classifier, given.weights),
        steps=stage.steps,
        views=stage.views,
        seed=seed,
        taught=taught,
    )
    buffer, rows = io.BytesIO(), np.flatnonzero(_folds(task.building) == task.own)
    np.savez(buffer, rows=rows, held_out=reading.held_out, unlabelled=reading.unlabelled)
    write_file(task.building / _name(task), buffer.getvalue())


@lru_cache(maxsize=1)
def _equal(building: Path) -> Int64Array:
    """Return the number of each labelled image, int64 [N], equal ones having the same."""
    return equal_images(read_given(building).source)


def _folds(building: Path) -> Int64Array:
    """Return the fold of each labelled image, int64 [N]: equal images have one teacher."""
    given = read_given(building)
    assert given.recipe.pseudo_label is not None
    return folds_of(given.source.labels, given.recipe.pseudo_label.teachers, _equal(building))


def _online(recipe: Recipe, source: Source) -> tuple[OnlineStage, ...]:
    """Return the strongest way of varying the labelled images that needs no dataset."""
    values = recipe.model_dump(mode="json")
    free = baselines_of([values], uneven=False)[-1]
    return online_stages(free, [values], source.image_shape)


def seconds_each(recipe: Recipe, source: Source, unlabelled: int, weights: Path | None) -> float:
    """Train a few steps and reckon up how long a teacher takes on one core, reading included.

    Args:
        recipe: has a ``pseudo_label`` stage.
        source: the labelled images.
        unlabelled: how many images are to be labelled.
        weights: the file that teachers start from, None where they start anew.

    Returns:
        Seconds of one teacher; there are ``teachers`` times ``rounds``.
    """
    stage = recipe.pseudo_label
    assert stage is not None
    classifier = find_classifier(stage.classifier, weights)
    settings = teaching(classifier, stage.steps)
    batch_policy = BatchPolicy(online=_online(recipe, source))
    step = seconds_of_a_step(plain_set(source), classifier.build, settings, batch_policy)
    read = (stage.views + 1) * (unlabelled + len(source) / stage.teachers)
    return step * (stage.steps + read / (BATCH * READ_IN_A_STEP))


def _readings(given: Given, number: int) -> list[Reading]:
    """Return what each teacher of a round read."""
    stage = given.recipe.pseudo_label
    assert stage is not None
    readings = []
    for own in range(stage.teachers):
        task = TeacherTask(given.building, number, own)
        reading = _kept_reading(given, task)
        if reading is None:
            raise FileNotFoundError(given.building / _name(task))
        readings.append(reading)
    return readings


def _labels_of(given: Given, number: int) -> PseudoLabels:
    """Put together what the teachers read in a round, at the temperature of the first."""
    stage = given.recipe.pseudo_label
    assert stage is not None
    temperature = _labels_of(given, 0).temperature if number else None
    fold, readings = _folds(given.building), _readings(given, number)
    return pseudo_labels(given.source.labels, fold, readings, stage.keep, temperature)


def _held_out(given: Given, number: int) -> tuple[Float64Array, Int64Array]:
    """Return what a round's teachers read of labelled images, one of equal ones, and the labels."""
    rows = np.unique(_equal(given.building), return_index=True)[1]
    read = held_out_of(_folds(given.building), _readings(given, number))
    return read[rows], given.source.labels[rows]


def _round_taken(given: Given, rounds: int) -> int:
    """Return the number of the last of ``rounds`` before one that read worse than its own before.

    Those of which all teachers have read are looked at, from the first on.
    """
    for number in range(1, rounds):
        later, labels = _held_out(given, number)
        if reads_worse(later, _held_out(given, number - 1)[0], labels):
            return number - 1
    return rounds - 1


def _trust(given: Given, number: int) -> Trust:
    """Return what labels of a round are worth, by what the first, which nobody flattered, read."""
    return trust_in(*_held_out(given, 0), _labels_of(given, number))


def _kept_reading(given: Given, task: TeacherTask) -> Reading | None:
    """Return what a teacher read; None where it is not there, or is damaged."""
    kept = left_by_earlier_run(task.building / _name(task), _reading_in)
    if kept is None:
        return None
    reading, rows = kept
    stage, labels = given.recipe.pseudo_label, given.source.labels
    classes = len(given.source.class_names)
    assert stage is not None
    assert given.unlabelled is not None
    if rows is None:  # of before equal images were held together: where there are none, as now
        rows = np.flatnonzero(folds_of(labels, stage.teachers) == task.own)
    own = np.flatnonzero(_folds(given.building) == task.own)
    fits = reading.unlabelled.shape == (len(given.unlabelled), classes)
    fits = fits and reading.held_out.shape == (len(own), classes)
    return reading if fits and np.array_equal(rows, own) else None


def _reading_in(data: bytes) -> tuple[Reading, Int64Array | None]:
    """Return what a teacher read, and of which labelled images where that was kept."""
    found = np.load(io.BytesIO(data), allow_pickle=False)
    return Reading(found["held_out"], found["unlabelled"]), found.get("rows")


def _name(task: TeacherTask) -> str:
    return f"{STATE}/teacher-{task.round}-{task.own}.npz"


def _in_words(trust: Trust, found: PseudoLabels, name: str) -> str:
    return (
        f"{name}: of labelled images that they did not learn, classifiers read "
        f"{100 * trust.right / max(1, trust.labelled):.0f} %; {trust.serve.sum():,} of "
        f"{len(found.kept):,} unlabelled images serve, of whose labels they are "
        f"{100 * trust.sureness:.0f} % sure"
    )
