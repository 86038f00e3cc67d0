"""Hold the validation images of a version to its manifest, and to the images that they are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augfactory.commands.opening.opening import spec_of
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError, RecipeError, VerificationError
from augfactory.records import Source
from augfactory.source_rows import fingerprint
from augfactory.sources.recorded import ChangedSourceError, open_rows
from augfactory.store.manifest import MANIFEST, Manifest, content_hash, row_digests
from augfactory.store.reader import Version, read_row_ranges
from augfactory.store.reader import open_rows as open_stored
from augfactory.store.shards import count_rows
from augfactory.store.splits import VAL
from augfactory.store.validation import originals

DIGEST = "V32"  # of a row


def validation_problems(
    folder: Path, training: Manifest, trained: npt.NDArray[np.void]
) -> list[str]:
    """Hold the validation images to the manifest, and to be none that a row was made from.

    ``trained`` V32 [n] are the digests of the originals among the training rows.
    """
    manifest = training.of_validation()
    held = open_stored(folder, manifest, VAL)
    problems = _wrong_columns(held)
    found = b"".join(row_digests(rows) for _, rows in read_row_ranges(held))
    if content_hash(manifest.image_shape, manifest.class_names, [found]) != manifest.content_hash:
        problems.append(f"{VAL}: its pixels and labels are not those of its content hash")
    elif fingerprint(held.source) != manifest.source.fingerprint:
        problems.append(f"{VAL}: its images are not those of the fingerprint in {MANIFEST}")
    counts = count_rows(held.methods, held.source.labels, manifest.class_names)
    if counts != manifest.counts:
        problems.append(f"{MANIFEST}: its counts of {VAL} are not those of the data")
    of_training, of_held = training.source, manifest.source
    if (of_training.text, of_training.split) == (of_held.text, of_held.split):
        both = np.intersect1d(of_training.numbers, of_held.numbers)
        if len(both):
            problems.append(f"{VAL}: source image {both[0]} is among the training rows' too")
    shared = np.flatnonzero(np.isin(np.frombuffer(found, DIGEST), trained))
    if len(shared):
        problems.append(
            f"{VAL}: image {shared[0]} of it is an original among the training rows too"
        )
    return problems


def _wrong_columns(held: Version) -> list[str]:
    """Say which columns are not those of images as they are, in the order of their source."""
    expected = np.full(held.source_index.shape, -1, dtype=np.int64)
    expected[:, 0] = np.arange(len(expected))
    shares = np.concatenate([rows.soft_label for _, rows in read_row_ranges(held)])
    right = {
        "label": np.array_equal(held.source.labels, shares.argmax(axis=1)),
        "soft_label": bool((np.abs(shares.sum(axis=1) - 1) < 1e-3).all() and shares.min() >= 0),
        "round": not held.rounds.any(),
        "view": not held.views.any(),
        "source_index": np.array_equal(held.source_index, expected),
        "weight": np.array_equal(held.weight, expected >= 0),
    }
    return [
        f"{VAL}: its column {name} is not that of images as they are"
        for name, same in right.items()
        if not same
    ]


def _compare(folder: Path, manifest: Manifest, images: Source) -> None:
    """Hold what is in ``val/`` to the ``images``, row by row."""
    stored = open_stored(folder, manifest.of_validation(), VAL)
    for first, rows in read_row_ranges(stored):
        numbers = np.arange(first, first + len(rows))
        again = originals(images, numbers, rows.source_index.shape[1])
        wrong = np.flatnonzero(
            np.frombuffer(row_digests(rows), DIGEST) != np.frombuffer(row_digests(again), DIGEST)
        )
        if len(wrong):
            row = first + int(wrong[0])
            raise VerificationError(
                folder / VAL,
                f"its image {row} is not {images.row_name(row)}, which it was",
                "Run `augfactory verify` on the version, restore the files, or expand again.",
            )


def check_again(
    version: Version, source: str | None, validation: str | None, progress: Progress
) -> int:
    """Read the validation images from their source again, and compare them; return how many.

    ``source`` and ``validation`` say where the source of the rows, and the user's own validation
    images, are now; None is where they were.

    Raises:
        RecipeError: ``validation`` is named, and there are no such images.
        InputDataError: their source is gone or has changed.
        VerificationError: ``val/`` holds something else.
    """
    manifest = version.manifest
    entry, address = manifest.validation, manifest.address
    split_off = entry is not None and entry.seed is not None
    if validation is not None and (entry is None or split_off):
        what = "has no validation images" if entry is None else "split them off its source"
        raise RecipeError(
            "--with-validation", f"{address} {what}", "Leave it out; --source names the source."
        )
    if entry is None:
        return 0
    spec = spec_of(entry.source, version.folder)
    there = source if split_off else validation
    spec = replace(spec, text=there or spec.text)
    option = "--source SOURCE" if split_off else "--with-validation SOURCE"
    remedy = f"Restore them to {spec.text}, or name another copy with {option}."
    what = f"the validation images of {address} were"
    with progress.bar("reading the validation images", len(entry.source.rows), "image") as bar:
        try:
            _, images = open_rows(entry.source, what, remedy, spec=spec, on_rows=bar.advance)
        except ChangedSourceError:
            raise
        except InputDataError as error:
            told = f"{error.what}; the validation images of {address} are from it"
            raise InputDataError(error.where, told, remedy) from error
    _compare(version.folder, manifest, images)
    return len(images)
