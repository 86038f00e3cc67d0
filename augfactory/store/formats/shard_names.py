"""What the files of shards are called, and which rows a file holds by its name."""

import re
from collections.abc import Callable, Sequence

from augfactory.store.splits import TRAIN, VAL

RowRange = tuple[int, int]  # the first and the last of some neighbouring rows


def folder_of(split: str, training: str) -> str:
    """Return the folder of a split's files: ``training`` that of the training rows, else val."""
    return training if split == TRAIN else VAL


def shard_number(index: int, count: int) -> str:
    """Return the number of shard ``index`` of ``count`` with so many digits that names sort."""
    return f"{index:0{max(5, len(str(count - 1)))}d}"


def rows_of_shard(
    shard_path: Callable[[int, int], str], path: str, shards: Sequence[RowRange]
) -> RowRange | None:
    """Return the rows of the shard that lies at ``path``; see ``StorageFormat.rows_of``."""
    number = re.search(r"\d{1,9}", path.rpartition("/")[2])
    index = int(number[0]) if number else len(shards)
    return shards[index] if index < len(shards) and path == shard_path(index, len(shards)) else None


def shard_files(
    paths: Sequence[str], folder: str, shard_path: Callable[[int, int], str]
) -> list[str]:
    """Return those of ``paths`` that lie in ``folder``, which are to be the shards, all of them.

    Raises:
        ValueError: they are not called as the format calls its shards.
    """
    found = [path for path in paths if path.startswith(f"{folder}/")]
    if not found or found != [shard_path(index, len(found)) for index in range(len(found))]:
        raise ValueError(f"the files in {folder} are not its shards, one after the other")
    return found
