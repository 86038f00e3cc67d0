"""What an evaluation trains and tests on: opened, found to fit together, free of leaks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from augfactory.commands.evaluate.arms import ArmsRequest, make_arms, opened_part
from augfactory.commands.opening.fit import among_classes, check_fit
from augfactory.commands.opening.groups import apart_from, refuse_shared_groups, shared_groups
from augfactory.commands.opening.look import Looked, look
from augfactory.commands.opening.opening import converted_like, lasting_text, spec_of
from augfactory.commands.opening.recorded_recipe import check_recipe
from augfactory.commands.progress import Progress
from augfactory.errors import AugfactoryError, InputDataError, RecipeError
from augfactory.evaluation.comparison.protocol import Arm
from augfactory.evaluation.images.leakage import find_shared_images, pixel_hashes
from augfactory.evaluation.training.batches import Order
from augfactory.evaluation.training.virtual_batches import fitting_batch, virtual_batches
from augfactory.evaluation.training.virtual_batches import rows_of as rows_that_share
from augfactory.guarded.text import escaped
from augfactory.records import Int64Array, Source, SourceSpec, UInt8Array
from augfactory.source_rows import SourceRows, rows_of
from augfactory.sources.choosing.subset import stratified_rows
from augfactory.sources.opening import open_source
from augfactory.sources.recorded import open_rows
from augfactory.sources.unlabelled import open_unlabelled
from augfactory.store.reader import Version, open_version
from augfactory.store.splits import VAL
from augfactory.store.versions import find_version

HELD_OUT_ROWS = 1000


@dataclass(frozen=True)
class Inputs:
    """The arms, the originals first, the dataset versions among them, and what is measured on.

    ``held_out`` are labelled rows that stand in no arm and not in the test, None where there are
    none; ``held_out_source`` is what they were read as. ``batch`` is the size of every batch.
    ``test_groups``, int64 [N], says which test images belong together, copies among them; None
    where each stands alone.
    ``learnt_from`` are what else datasets have learnt from: unlabelled images, those of VAEs.
    """

    arms: tuple[Arm, ...]
    versions: tuple[Version, ...]
    test_rows: SourceRows
    test: Source
    held_out: SourceRows | None
    held_out_source: Source | None
    batch: int
    test_groups: Int64Array | None = None
    learnt_from: tuple[Source, ...] = ()

    @property
    def baselines(self) -> tuple[str, ...]:
        """Name the arms that cost no dataset, the originals first."""
        return tuple(arm.name for arm in self.arms if arm.free)


def gather(
    datasets: tuple[str, ...],
    test_spec: SourceSpec,
    held_out_spec: SourceSpec | None,
    arms_request: ArmsRequest,
    progress: Progress,
    group: str | None = None,
) -> Inputs:
    """Open everything and refuse what cannot be compared.

    Test images are converted as the originals were, unless ``test_spec`` says otherwise. A batch
    of which nothing is said has 64 rows or, in the order "rounds", as many as share what is drawn
    once a batch. ``group`` says which images belong together: none of a group of the originals is
    measured on.

    Raises:
        RecipeError: the datasets were not made from the same originals, or cannot serve an arm; or
            the batch does not fit the rows that share draws.
        InputDataError: a source cannot be used, the test set does not fit the datasets, or a test
            image stands among the training images.
    """
    versions = _open_versions(datasets)
    origin = versions[0].manifest.source
    test_spec = converted_like(test_spec, origin)
    opened_test = open_source(test_spec)
    for version in versions:
        check_fit(version.source, among_classes(version.source, opened_test))
    looked = look(test_spec, opened_test, progress)
    looked = replace(looked, source=looked.source.in_memory())  # hashed, fingerprinted, compared
    # A class may lack test images, which checks.py tells; others are numbered as in training.
    test = looked.source.among(versions[0].source.class_names)
    size = fitting_batch(
        _rows_that_share(versions, arms_request.order), arms_request.batch, "--batch"
    )
    arms = make_arms(versions, replace(arms_request, batch=size))
    trained_on = {(arm.source, arm.part, arm.rows): opened_part(arm).source for arm in arms}
    learnt_from = _also_learnt_from(versions)
    total = len(test) + sum(len(each) for each in (*trained_on.values(), *learnt_from))
    with progress.bar("looking for test images among the training images", total, "image") as bar:
        hashes = refuse_shared((*trained_on.values(), *learnt_from), test, bar.advance)
    if group is not None:
        refuse_shared_groups(_originals(versions[0]), test, group)
    held_out, held_out_source = _held_out(held_out_spec, versions, test, group, progress)
    if None not in (group, held_out_spec) and held_out_source is not None:
        refuse_shared_groups(_originals(versions[0]), held_out_source, group)
    chosen = None if held_out_spec is not None else held_out_source
    if chosen is not None and find_shared_images(chosen, test, most=1):
        # Such as --test NAME:val. A temperature that was fitted to the test would flatter.
        held_out, held_out_source = None, None
    return Inputs(
        arms=arms,
        versions=versions,
        test_rows=rows_of(test_spec, looked.source, looked.numbers, skipped=looked.skipped),
        test=test,
        held_out=held_out,
        held_out_source=held_out_source,
        batch=size,
        test_groups=shared_groups(test, group, hashes),
        learnt_from=tuple(learnt_from),
    )


def _rows_that_share(versions: tuple[Version, ...], order: Order) -> list[int]:
    """Return how many rows share draws where the order keeps them together."""
    if order != "rounds":
        return []
    return [rows for version in versions for rows in rows_that_share(virtual_batches(version))]


def _open_versions(datasets: tuple[str, ...]) -> tuple[Version, ...]:
    folders = dict.fromkeys(find_version(text).resolve() for text in datasets)
    versions = tuple(open_version(folder) for folder in folders)
    for version in versions:
        check_recipe(version.folder, version.manifest)
    first = versions[0]
    for version in versions[1:]:
        if version.manifest.source.fingerprint != first.manifest.source.fingerprint:
            raise RecipeError(
                version.address,
                f"it was made from other originals than {first.address}, "
                "so one baseline cannot serve both",
                "Evaluate them one at a time, or expand both from the same source rows.",
            )
    return versions


def refuse_shared(
    trained_on: Iterable[Source], test: Source, advance: Callable[[int], None]
) -> UInt8Array:
    """Refuse test images that stand, pixel for pixel, in what is trained on.

    Returns:
        The ``pixel_hashes`` of the test images.

    Raises:
        InputDataError: naming the test image and where it stands.
    """
    test_hashes = pixel_hashes(test, advance)
    for source in trained_on:
        _refuse_shared(source, test, test_hashes, advance)
    return test_hashes


def _refuse_shared(
    source: Source, test: Source, test_hashes: UInt8Array, advance: Callable[[int], None]
) -> None:
    hashes = pixel_hashes(source, advance)
    shared = find_shared_images(
        source, test, training_hashes=hashes, test_hashes=test_hashes, most=1
    )
    if shared:
        raise InputDataError(
            shared[0].test_name,
            f"this test image is in the training set too, as {shared[0].training_name}",
            "Name a test source that shares no image with what the datasets were made from.",
        )


def _also_learnt_from(versions: tuple[Version, ...]) -> list[Source]:
    """Return what else the datasets have learnt from: images of their VAEs, unlabelled images."""
    seen = {versions[0].manifest.source.fingerprint}
    sources = []
    for version in versions:
        model, unlabelled = version.manifest.model or {}, version.manifest.unlabelled
        its_model = f"the model of {version.address} learnt"
        for entry, what, opener in (
            (_entry(model.get("trained_on")), its_model, open_source),
            (_entry(model.get("unlabelled")), its_model, open_unlabelled),
            (unlabelled, f"{version.address} was made from", open_unlabelled),
        ):
            if entry is None or entry.fingerprint in seen:
                continue
            seen.add(entry.fingerprint)
            remedy = (
                "Restore it: test images are looked for among all that a dataset has learnt from."
            )
            spec = spec_of(entry, version.folder)
            sources.append(open_rows(entry, what, remedy, spec=spec, opener=opener)[1])
    return sources


def _entry(values: dict[str, Any] | None) -> SourceRows | None:
    return None if values is None else SourceRows.model_validate(values)


def _originals(version: Version) -> Source:
    """Open the originals that a version was made from, which have names and columns."""
    origin = version.manifest.source
    remedy = "Restore it: --group tells by it which images belong together."
    what = f"{version.address} was made from"
    return open_rows(origin, what, remedy, spec=spec_of(origin, version.folder))[1]


def _held_out(
    spec: SourceSpec | None,
    versions: tuple[Version, ...],
    test: Source,
    group: str | None,
    progress: Progress,
) -> tuple[SourceRows | None, Source | None]:
    """Return ``spec`` or, without one, images that the datasets were not made from.

    These are their validation images, where all have the same; else unused rows of their source.
    """
    version = versions[0]
    origin = version.manifest.source
    if spec is not None:
        spec = converted_like(spec, origin)
        source = open_source(spec)
        check_fit(source, test)
        looked = look(spec, source, progress)
        rows = rows_of(spec, looked.source, looked.numbers, skipped=looked.skipped)
        return rows, looked.source
    kept = version.manifest.validation
    found = {
        each.manifest.validation and each.manifest.validation.content_hash for each in versions
    }
    if kept is not None and len(found) == 1:
        # By the version, which has them whatever became of the source that they were split off.
        spec = SourceSpec(f"{version.folder}:{VAL}")
        source = open_source(spec)
        return rows_of(spec, source), source
    own = spec_of(origin, version.folder)
    try:
        whole, _ = open_rows(origin, spec=own)
    except AugfactoryError:
        return None, None  # rows of a source that has changed may be used ones
    if whole.class_names != test.class_names or whole.image_shape != test.image_shape:
        return None, None
    used = [origin.rows]
    for other in versions:
        entry = other.manifest.unlabelled
        if entry is not None and lasting_text(entry.text) == lasting_text(origin.text):
            used.append(entry.rows)
    skipped = {each.name for each in origin.skipped or ()}
    if skipped:  # they are no rows of it, and cannot be read
        used.append(
            tuple(row for row in range(len(whole)) if escaped(whole.row_name(row)) in skipped)
        )
    if group is None and kept is not None:
        group = kept.group
    return unused_rows(Looked(whole), own, np.concatenate(used).astype(np.int64), group)


def unused_rows(
    looked: Looked, spec: SourceSpec, used: Int64Array, group: str | None = None
) -> tuple[SourceRows | None, Source | None]:
    """Return at most 1,000 rows that are not among ``used``; none where a class would have none.

    Nor are they of a group of one of these, where ``group`` says which rows belong together.
    """
    whole = looked.source
    unused = apart_from(whole, used, group)
    classes = len(whole.class_names)
    if len(np.unique(whole.labels[unused])) < classes or classes > HELD_OUT_ROWS:
        return None, None
    if len(unused) > HELD_OUT_ROWS:
        unused = unused[stratified_rows(whole.labels[unused], HELD_OUT_ROWS, seed=0)]
    chosen = looked.chosen(unused)
    rows = rows_of(spec, chosen.source, chosen.numbers, skipped=chosen.skipped)
    return rows, chosen.source
