"""Which originals stay together wherever a source is split."""

import numpy as np

from augfactory.arrays.equal_images import first_of_equals
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError
from augfactory.evaluation.images.leakage import equal_images
from augfactory.guarded.text import escaped
from augfactory.records import Int64Array, Source, UInt8Array
from augfactory.sources.choosing.splitting import groups_of, joined

MOST_NAMED = 5


def originals_together(source: Source, group: str | None, progress: Progress) -> Int64Array:
    """Return the number of each row's group, int64 [N]; see ``groups_of`` for ``group``.

    Rows of equal pixels are in one group, whatever their names and labels are.

    Raises:
        RecipeError: ``group`` cannot be understood.
        InputDataError: a row has no such group, or cannot be read.
    """
    names = groups_of(source, group)
    with progress.bar("looking for equal images", len(source), "image") as bar:
        groups = joined(names, equal_images(source, bar.advance))
    repeated = len(np.unique(names)) - len(np.unique(groups))
    if repeated:
        progress.say(
            f"{source.name}: {repeated:,} more of equal images: equal ones stay on the same side"
        )
    return groups


def shared_groups(source: Source, group: str | None, hashes: UInt8Array) -> Int64Array | None:
    """Return the number of each row's group, int64 [N]; None where every row stands alone.

    Rows of equal pixels are in one group; ``hashes`` are those of ``pixel_hashes``.

    Raises:
        RecipeError, InputDataError: as ``originals_together``.
    """
    groups = joined(groups_of(source, group), first_of_equals(hashes))
    return groups if len(np.unique(groups)) < len(groups) else None


def refuse_shared_groups(training: Source, other: Source, group: str | None) -> None:
    """Refuse images whose group is among those of ``training``; nothing is asked at None.

    Raises:
        InputDataError: naming groups that both have, or a row without a group.
        RecipeError: ``group`` cannot be understood.
    """
    if group is None:
        return
    shared = np.intersect1d(groups_of(training, group), groups_of(other, group)).tolist()
    if shared:
        named = ", ".join(map(escaped, shared[:MOST_NAMED]))
        more = f" and {len(shared) - MOST_NAMED:,} more" if len(shared) > MOST_NAMED else ""
        raise InputDataError(
            other.name,
            f"groups by {escaped(group)} are in {training.name} too: {named}{more}",
            "Name images of other groups, split the originals with `augfactory expand "
            "--validation 0.2 --group`, or leave --group out.",
        )


def apart_from(source: Source, used: Int64Array, group: str | None) -> Int64Array:
    """Return the rows that are not among ``used``, nor of a group that one of these is of.

    Raises:
        InputDataError, RecipeError: as ``groups_of``.
    """
    rest = np.setdiff1d(np.arange(len(source)), used)
    if group is None:
        return rest
    names = groups_of(source, group)
    return rest[~np.isin(names[rest], names[used])]
