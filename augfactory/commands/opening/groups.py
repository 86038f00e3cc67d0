"""Which originals stay together wherever a source is split."""

import numpy as np

from augfactory.commands.progress import Progress
from augfactory.records import Int64Array, Source
from augfactory.sources.choosing.splitting import groups_of, joined


def originals_together(source: Source, group: str | None, progress: Progress) -> Int64Array:
    """Return the number of each row's group, int64 [N]; see ``groups_of`` for ``group``.

    Rows of equal pixels are in one group, whatever their names and labels are.

    Raises:
        RecipeError: ``group`` cannot be understood.
        InputDataError: a row has no such group, or cannot be read.
    """
    from augfactory.evaluation.images.leakage import pixel_hashes  # loads torch

    names = groups_of(source, group)
    with progress.bar("looking for equal images", len(source), "image") as bar:
        pixels = pixel_hashes(source, bar.advance)
    groups = joined(names, pixels.view(f"V{pixels.shape[1]}")[:, 0])
    repeated = len(np.unique(names)) - len(np.unique(groups))
    if repeated:
        progress.say(
            f"{source.name}: equal images join {repeated:,} groups to others: they stay together"
        )
    return groups
