"""Open the rows of a source that something recorded: these or none."""

from collections.abc import Callable

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.source_rows import OnRows, SourceRows, fingerprint
from augfactory.sources.opening import open_source


class ChangedSourceError(InputDataError):
    """The images or labels of recorded rows are no longer what they were."""


def open_rows(
    recorded: SourceRows,
    what: str = "were recorded",
    remedy: str = "Restore it as it was.",
    *,
    spec: SourceSpec | None = None,
    opener: Callable[[SourceSpec], Source] = open_source,
    on_rows: OnRows | None = None,
    trusted: bool = False,
    in_memory: int = 0,
) -> tuple[Source, Source]:
    """Open a source, and hold the recorded rows of it to their fingerprint.

    Args:
        recorded: which rows of which source.
        what: what was made from these rows, for messages: "digits-x10@v1 was made from".
        remedy: what to do where they have changed.
        spec: where the source is now, and how it is converted; None is as recorded.
        opener: opens it; another for images without labels.
        on_rows: see ``OnRows``.
        trusted: the fingerprint was taken just now: only the range of the rows is looked at.
        in_memory: in bytes; rows that take no more than so many are read into memory, once.

    Returns:
        The whole source, and the recorded rows of it.

    Raises:
        ChangedSourceError: there are fewer rows now, or other images or labels.
        InputDataError: the source is gone, or cannot be read.
    """
    whole, rows = opener(spec or recorded.spec), recorded.numbers
    if rows.max() >= len(whole):
        how = f"it has {len(whole):,} rows"
    else:
        there = whole.restricted_to(rows)
        chosen = there.in_memory(on_rows, most=in_memory)
        told = on_rows if chosen is there else None  # not twice
        found = recorded.fingerprint if trusted else fingerprint(chosen, told)
        if found == recorded.fingerprint:
            return whole, chosen
        how = f"their fingerprint is {found[:16]}"
    raise ChangedSourceError(
        whole.name,
        f"its images or labels are no longer those that {what}: {how}, and not "
        f"{recorded.fingerprint[:16]} of {len(rows):,} rows up to {rows.max()}",
        remedy,
    )
