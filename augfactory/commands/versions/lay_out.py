"""Write the rows of a version as the trainers of others expect them, outside of any version."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from augfactory.commands.opening.fit import check_fit
from augfactory.commands.opening.opening import converted_like
from augfactory.commands.progress import Progress
from augfactory.commands.versions.export import check_files
from augfactory.commands.versions.rows.rejects import read_rejects
from augfactory.commands.versions.split_rows import (
    Labels,
    hard_labels,
    mixed_rows,
    split_of_version,
    split_to_validate_on,
    stems_of,
)
from augfactory.errors import InputDataError, RecipeError, one_of
from augfactory.guarded.files import is_folder, is_there
from augfactory.held_signals import signals_held
from augfactory.records import Int64Array, Source, SourceSpec
from augfactory.sources.opening import open_source
from augfactory.store.disk.atomic import make_folders, publish_folder, remove, remove_empty
from augfactory.store.disk.lock import Lock, only_writer
from augfactory.store.disk.room import check_disk
from augfactory.store.formats.png import check_class_names
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import DatasetSize
from augfactory.store.layouts.registry import LAYOUTS
from augfactory.store.layouts.trainer_layout import (
    TRAIN,
    VALIDATION,
    Exported,
    Split,
    TrainerLayout,
)
from augfactory.store.manifest import MANIFEST, read_manifest
from augfactory.store.reader import Version, open_rows, open_version
from augfactory.store.splits import VAL
from augfactory.store.versions import find_version

MOST_NAMED = 5  # classes or images, in a message


@dataclass(frozen=True)
class LaidOut:
    """What `export --layout` answers.

    ``splits`` maps what readers call each split to its number of rows.
    """

    layout: str
    path: Path
    name: str
    version: str
    labels: Labels
    splits: dict[str, int]
    class_names: tuple[str, ...]
    content_hash: str


def lay_out(
    text: str,
    layout_name: str,
    out: Path,
    progress: Progress,
    *,
    validation: SourceSpec | None = None,
    labels: str = "largest",
    seed: int = 0,
    without: Path | None = None,
    lock: Lock = "flock",
) -> LaidOut:
    """Write the version that ``text`` names into the new folder ``out``.

    What is written is built beside ``out`` and gets its name at the end, all at once; a run that
    was killed leaves a hidden folder, which the next one to the same ``out`` begins anew.

    Args:
        text: a version.
        layout_name: one of ``names.LAYOUTS``.
        out: is not there yet, or an empty folder; never in a version.
        progress: is told what goes on.
        validation: images of the validation split, converted as those of the version were; None
            takes those that the version has.
        labels: "largest", the class of the largest share, or "sampled", a class drawn with the
            shares as its probabilities.
        seed: of what is sampled.
        without: lists rows to leave out; see ``read_rejects``.
        lock: see ``store.disk.lock``.

    Raises:
        RecipeError: an option is wrong, or ``out`` is there already.
        InputDataError: there is no such version, or the validation images do not belong to it.
        VerificationError: the version is not what its manifest says.
        ResourceError: the disk is full.
    """
    layout = LAYOUTS[one_of(f"--layout {layout_name}", "layout", layout_name, [*LAYOUTS])]
    kinds: tuple[Labels, ...] = get_args(Labels)
    chosen = one_of(f"--labels {labels}", "kind of labels", labels, kinds)
    _check_place(out)
    folder = find_version(text)
    manifest = read_manifest(folder)
    if layout.class_folders:
        check_class_names(manifest.class_names)
    held, stems = None, None
    if validation is not None:
        held = _open_validation(validation, folder, progress)
    elif manifest.validation is not None:
        held = open_version(folder, verify=False, split=VAL).source  # checked below
        stems = stems_of(manifest.validation.source, folder, progress, open_source)
    check_files(folder, manifest, progress)
    version = open_rows(folder, manifest)
    rejected = None if without is None else read_rejects(without, manifest)
    _check_splits(layout, version, held, hard_labels(version.source, chosen, seed), rejected)
    if layout.class_folders and (mixed := mixed_rows(version.source)):
        progress.say(
            f"{mixed:,} rows have shares of several classes; in class folders each counts as one: "
            f"--labels {chosen} (docs/exports.md)"
        )
    left = manifest.rows - (0 if rejected is None else len(rejected))
    total = left + (0 if held is None else len(held))
    with progress.bar(f"writing {layout.name}", total, "row") as bar:
        splits = {TRAIN: split_of_version(version, chosen, seed, progress, bar.advance, rejected)}
        if held is not None:
            parents = version.source_index.shape[1]
            splits[VALIDATION] = split_to_validate_on(held, parents, bar.advance, stems)
        remedy = "Free some space, or name another disk with --out."
        check_disk(out, *_expected_size(version, splits), 1, remedy)
        _publish(layout, Exported(manifest, splits), out, lock)
    return LaidOut(
        layout=layout.name,
        path=out,
        name=manifest.name,
        version=manifest.version,
        labels=chosen,
        splits={layout.split_names[name]: split.count for name, split in splits.items()},
        class_names=tuple(manifest.class_names),
        content_hash=manifest.content_hash,
    )


def as_json(made: LaidOut) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {"export": {**vars(made), "path": str(made.path), "class_names": [*made.class_names]}}


def _check_place(out: Path) -> None:
    """Refuse a folder that has something in it, or belongs to a version.

    Raises:
        RecipeError: saying what is there.
    """
    if is_there(out) and not (is_folder(out) and not any(out.iterdir())):
        raise RecipeError(
            f"--out {out}",
            "is there already, and nothing is overwritten",
            "Name another folder, or remove this one first.",
        )
    whole = out.absolute()
    inside = next((each for each in whole.parents if is_there(each / MANIFEST)), None)
    if inside is not None:
        raise RecipeError(
            f"--out {out}",
            f"lies in the version {inside}, and a version never changes",
            f"Name a folder outside, such as --out {inside.parent.parent / 'export'}.",
        )


def _open_validation(spec: SourceSpec, folder: Path, progress: Progress) -> Source:
    """Open the images of the validation split, and hold them to the version in ``folder``.

    Raises:
        InputDataError: they have another shape or other classes, or stand in the version.
    """
    manifest = read_manifest(folder)
    source = open_source(converted_like(spec, manifest.source))
    version = open_rows(folder, manifest)
    check_fit(version.source, source, "a validation source")
    _warn_of_shared(source, version, progress)
    return source


def _warn_of_shared(source: Source, version: Version, progress: Progress) -> None:
    # torch, which an export without validation images need not wait for
    from augfactory.evaluation.images.leakage import find_shared_images, pixel_hashes

    total = len(source) + len(version.source)
    with progress.bar(f"looking for images of {source.name}", total, "image") as bar:
        shared = find_shared_images(
            version.source,
            source,
            training_hashes=pixel_hashes(version.source, bar.advance),
            test_hashes=pixel_hashes(source, bar.advance),
            most=MOST_NAMED,
        )
    if shared:
        more = " and more" if len(shared) == MOST_NAMED else ""
        progress.say(
            f"warning: validation images are in the version too, pixel for pixel, so that scores "
            f"on them flatter: {_some([each.test_name for each in shared])}{more}"
        )


def _check_splits(
    layout: TrainerLayout,
    version: Version,
    held: Source | None,
    labels: Int64Array,
    rejected: Int64Array | None,
) -> None:
    """Refuse splits that the readers of ``layout`` would misread.

    Raises:
        InputDataError: a class has no image in a split, so that its folder would be empty.
        RecipeError: the readers need a validation split, and there is none.
    """
    if layout.needs_validation and held is None:
        raise RecipeError(
            f"--layout {layout.name}",
            "its readers validate on training images where there is no validation split",
            "Name images for it with --validation SOURCE, such as --validation photos:val.",
        )
    if not layout.class_folders:
        return
    splits = {TRAIN: labels if rejected is None else np.delete(labels, rejected)}
    if held is not None:
        splits[VALIDATION] = held.labels
    names = version.manifest.class_names
    for split, label in splits.items():
        counts = np.bincount(label, minlength=len(names))
        empty = [name for name, count in zip(names, counts.tolist(), strict=True) if not count]
        if empty:
            raise InputDataError(
                f"--layout {layout.name}: {split}/",
                f"no row has the label {_some(empty)}; readers of class folders refuse an empty "
                "one, or number the others without it",
                "Choose a layout without class folders, such as hf, or add images of it.",
            )


def _some(names: Sequence[str]) -> str:
    """Return the first names, and how many there are where they are not all."""
    more = f", … ({len(names):,} in all)" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _expected_size(version: Version, splits: dict[str, Split]) -> tuple[int, int]:
    """Return (bytes, files), an upper bound: as many PNGs as there are rows."""
    size = DatasetSize(
        rows=sum(split.count for split in splits.values()),
        shards=sum(split.parts_count for split in splits.values()),
        image_shape=version.source.image_shape,
        classes=len(version.source.class_names),
        parents=version.source_index.shape[1],
    )
    return FORMATS["png"].expected_size(size)


def _publish(layout: TrainerLayout, export: Exported, out: Path, lock: Lock) -> None:
    """Write the layout beside ``out``, and give it that name at the end.

    Raises:
        RecipeError: another process is writing there, or something came to be there meanwhile.
        ResourceError: the disk is full.
    """
    work = out.absolute().parent / f".exporting-{out.name}"
    building = work / "building"
    with only_writer(work, lock):
        try:
            remove(building)
            make_folders([building])
            layout.write(building, export)
            _check_place(out)
            publish_folder(building, out)
        finally:
            with signals_held():
                remove(building)
    remove_empty(work)
