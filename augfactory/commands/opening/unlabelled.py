"""Unlabelled images beside the labelled ones: which of a SOURCE's serve."""

from dataclasses import replace

import numpy as np

from augfactory.commands.opening.look import look
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError
from augfactory.evaluation.images.leakage import equal_images, pixel_hashes
from augfactory.evaluation.training.training_set import spread_rows
from augfactory.records import Colour, Source, SourceSpec
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
    spec: SourceSpec, labelled: Source, progress: Progress, most: int = MOST
) -> tuple[SourceRows, Source]:
    """Open unlabelled images, converted as the labelled ones are, and leave out what is these.

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
    known = {digest.tobytes() for digest in pixel_hashes(labelled)}
    with progress.bar("reading unlabelled images", len(looked.source), "image") as bar:
        whole = looked.source.in_memory(bar.advance)  # a file is decoded once
        digests = pixel_hashes(whole, bar.advance if whole is looked.source else None)
    looked = replace(looked, source=whole)
    rows = np.flatnonzero([digest.tobytes() not in known for digest in digests])
    if not len(rows):
        raise InputDataError(
            whole.name, "all of its images are labelled ones", "Name a source with further images."
        )
    if len(rows) > most:
        progress.say(f"{whole.name}: {most:,} of its {len(rows):,} images serve, evenly spread")
        rows = rows[spread_rows(len(rows), most)]
    chosen = looked.chosen(rows)
    recorded = rows_of(spec, chosen.source, chosen.numbers, skipped=chosen.skipped)
    return recorded, chosen.source
