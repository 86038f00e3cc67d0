"""What a layout is: how the rows of a version become the files that a trainer reads.

A layout is written once and belongs to its user: it is no version, has no manifest, and nothing
of ours reads it again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from augfactory.records import Int64Array, Rows
from augfactory.store.manifest import Manifest

TRAIN, VALIDATION = "train", "val"


@dataclass(frozen=True)
class NamedRows:
    """Neighbouring rows of a split.

    Attributes:
        first: the number of the first one in its split.
        rows: every column of them.
        label: int64 [n], the hard label of each, which need not be that of its largest share.
        names: what to call the file of each, without an ending; no two in a split are equal.
    """

    first: int
    rows: Rows
    label: Int64Array
    names: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """The rows of one split, in parts that fit into memory; ``parts`` may be walked once.

    ``count`` is the number of rows, ``parts_count`` that of the parts.
    """

    count: int
    parts_count: int
    parts: Callable[[], Iterator[NamedRows]]


@dataclass(frozen=True)
class Exported:
    """All that a layout is written from: ``splits`` holds "train", and "val" where there is one."""

    manifest: Manifest
    splits: Mapping[str, Split]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in label order."""
        return tuple(self.manifest.class_names)


@dataclass(frozen=True)
class TrainerLayout:
    """One way to lay out a training set; each is one file of this folder.

    Attributes:
        name: what ``--layout`` calls it.
        about: who reads it, in a few words for help and documentation.
        write: writes all of it into an empty folder; raises ResourceError where it cannot.
        split_names: "train" and "val" -> what its readers call them.
        class_folders: whether classes are folders: names must fit, and no split may lack a class.
        needs_validation: whether its readers make a validation split of their own without one.
        keeps_shares: whether the soft labels are in it too.
    """

    name: str
    about: str
    write: Callable[[Path, Exported], None]
    split_names: Mapping[str, str]
    class_folders: bool = False
    needs_validation: bool = False
    keeps_shares: bool = False


def parts_of(export: Exported) -> Iterator[tuple[str, NamedRows]]:
    """Yield (split, part) over all splits, train first."""
    for name, split in export.splits.items():
        for part in split.parts():
            yield name, part
