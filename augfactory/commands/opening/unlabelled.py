"""Unlabelled images beside the labelled ones: which of a SOURCE's serve."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from augfactory.commands.opening.look import look
from augfactory.commands.opening.near_copies import MOST_PAIRS, near_copies
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError
from augfactory.evaluation.images.leakage import equal_images, pixel_hashes
from augfactory.evaluation.training.training_set import spread_rows
from augfactory.records import Colour, Source, SourceSpec, UInt8Array
from augfactory.source_rows import SourceRows, rows_of
from augfactory.sources.unlabelled import open_unlabelled

MOST = 20_000  # that a VAE learns from


def check_labelled(source: Source) -> None:
    """Refuse a labelled set whose classifiers could not be tested before they label others.

    Raises:
        InputDataError: a class has a single image, however often.
    """
    pairs = np.unique(np.stack([source.labels, equal_images(source)]), axis=1)
    different = np.bincount(pairs[0], minlength=len(source.class_names))
    for label in np.flatnonzero(different == 1).tolist():
        often = int((source.labels == label).sum())
        times = "" if often == 1 else f", {often} times"
        raise InputDataError(
            source.name,
            f"class {source.class_names[label]} has a single image{times}: a classifier that "
            "labels others could not be tested on it",
            "Label another image of this class, or leave --pseudo-label out.",
        )


def gather_unlabelled(
    spec: SourceSpec,
    labelled: Source,
    progress: Progress,
    most: int = MOST,
    kept_apart: Source | None = None,
) -> tuple[SourceRows, Source]:
    """Open unlabelled images, converted as the labelled ones are, and leave out what is these.

    What is ``kept_apart`` for validation is left out, too, and what looks nearly like that is told.
    Of more than ``most`` so many are taken, evenly spread. The images are in memory where they take
    no more than 1 GiB.

    Raises:
        InputDataError: they cannot be used, or none is left.
    """
    height, width, channels = labelled.image_shape
    options = replace(spec.options, fit=labelled.options.fit)
    colour: Colour = "rgb" if channels == 3 else "grey"
    spec = replace(spec, size=(height, width), colour=colour, options=options)
    looked = look(spec, open_unlabelled(spec), progress)
    with progress.bar("reading unlabelled images", len(looked.source), "image") as bar:
        whole = looked.source.in_memory(bar.advance)  # a file is decoded once
        digests = pixel_hashes(whole, bar.advance if whole is looked.source else None)
    looked = replace(looked, source=whole)
    known = _among(digests, labelled)
    held = np.zeros_like(known) if kept_apart is None else _among(digests, kept_apart) & ~known
    if (known | held).any():
        apart = f", {held.sum():,} of them kept apart for validation" if held.any() else ""
        progress.say(
            f"{whole.name}: {(known | held).sum():,} of its {len(whole):,} images are labelled "
            f"ones{apart}: they are left out of the unlabelled ones"
        )
    rows = np.flatnonzero(~(known | held))
    if not len(rows):
        raise InputDataError(
            whole.name, "all of its images are labelled ones", "Name a source with further images."
        )
    if len(rows) > most:
        progress.say(f"{whole.name}: {most:,} of its {len(rows):,} images serve, evenly spread")
        rows = rows[spread_rows(len(rows), most)]
    chosen = looked.chosen(rows)
    if kept_apart is not None:
        _tell_near_copies(chosen.source, kept_apart, progress)
    recorded = rows_of(spec, chosen.source, chosen.numbers, skipped=chosen.skipped)
    return recorded, chosen.source


def _among(hashes: UInt8Array, other: Source) -> npt.NDArray[np.bool_]:
    """Tell which of ``hashes``, uint8 [N, 16], are those of images of ``other``: bool [N]."""
    known = {digest.tobytes() for digest in pixel_hashes(other)}
    return np.array([digest.tobytes() in known for digest in hashes], dtype=np.bool_)


def _tell_near_copies(unlabelled: Source, kept_apart: Source, progress: Progress) -> None:
    found = near_copies(unlabelled, kept_apart, MOST_PAIRS)
    if found.pairs is not None:
        progress.say(
            "warning: images that are kept apart for validation look nearly like unlabelled ones, "
            f"so that they measure what was learnt by heart: {found.pairs}. Look at them; if they "
            f"show the same, take them out of {unlabelled.name}"
        )
    if found.not_all:
        progress.say(
            f"note: validation images that look nearly like unlabelled ones: {found.not_all}"
        )
