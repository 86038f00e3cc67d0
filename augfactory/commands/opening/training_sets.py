"""Open whatever a SOURCE names as a training set: what its rows are made of is kept."""

import numpy as np

from augfactory.commands.opening.opening import open_any
from augfactory.evaluation.training.training_set import TrainingSet, plain_set
from augfactory.records import Int64Array, SourceSpec
from augfactory.store.reader import Version, open_version, read_parents
from augfactory.store.versions import find_version, looks_like_version


def open_training(spec: SourceSpec) -> TrainingSet:
    """Open the source that ``spec`` names.

    Raises:
        InputDataError: it is not there, cannot be read, or is no set of labelled images.
    """
    if looks_like_version(spec.text):
        return version_set(open_version(find_version(spec.text)))
    return plain_set(open_any(spec))


def version_set(version: Version) -> TrainingSet:
    """Return a dataset version as a training set."""
    return TrainingSet(
        source=version.source,
        original=version.methods == "original",
        round=version.rounds.astype(np.int64),
        origin=version.source_index[:, 0].astype(np.int64),
        clean=_clean_rows(version),
    )


def _clean_rows(version: Version) -> Int64Array:
    """Return for each view the row of the image it is a view of, -1 for all other rows."""
    clean = np.full(len(version.source), -1, dtype=np.int64)
    views = np.flatnonzero(version.views > 0)
    if len(views):
        for view, parents in zip(views.tolist(), read_parents(version, views), strict=True):
            if len(parents):
                clean[view] = parents[0]
    return clean
