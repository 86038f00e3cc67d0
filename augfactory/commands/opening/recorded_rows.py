"""Open the rows of a source that a version, a model or an evaluation recorded: these or none."""

from collections.abc import Callable

import numpy as np

from augfactory.commands.opening.opening import open_any
from augfactory.errors import AugfactoryError, InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.sources.fingerprint import fingerprint
from augfactory.store.manifest_parts import SourceEntry


class ChangedSourceError(InputDataError):
    """The images or labels of recorded rows are no longer what they were."""


def open_recorded(
    entry: SourceEntry,
    spec: SourceSpec,
    what: str,
    remedy: str,
    *,
    open_source: Callable[[SourceSpec], Source] = open_any,
    on_rows: Callable[[int], None] | None = None,
) -> tuple[Source, Source]:
    """Open the source that ``spec`` names, and hold the recorded rows to their fingerprint.

    Args:
        entry: what was recorded.
        spec: where the source lies now, and how it is converted.
        what: what was made from these rows, for messages: "digits-x10@v1 was made from".
        remedy: what to do where they have changed.
        open_source: opens a source; another for images without labels.
        on_rows: told of each block that was read how many images it had.

    Returns:
        The whole source, and the recorded rows of it.

    Raises:
        ChangedSourceError: there are fewer rows now, or other images or labels.
        InputDataError: the source is gone, or cannot be read.
    """
    whole = open_source(spec)
    rows = np.asarray(entry.rows, dtype=np.int64)
    if rows.max() >= len(whole):
        how = f"it has {len(whole):,} rows"
    else:
        chosen = whole.restricted_to(rows)
        found = fingerprint(chosen, on_rows)
        if found == entry.fingerprint:
            return whole, chosen
        how = f"their fingerprint is {found[:16]}"
    raise ChangedSourceError(
        whole.name,
        f"its images or labels are no longer those that {what}: {how}, and not "
        f"{entry.fingerprint[:16]} of {len(rows):,} rows up to {rows.max()}",
        remedy,
    )


def recorded_or_none(
    entry: SourceEntry, spec: SourceSpec, open_source: Callable[[SourceSpec], Source] = open_any
) -> tuple[Source, Source] | None:
    """Return what ``open_recorded`` does; None where it raises: a dataset outlives its source."""
    try:
        return open_recorded(entry, spec, "", "", open_source=open_source)
    except AugfactoryError:
        return None
