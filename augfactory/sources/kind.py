"""What a kind of source is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from augfactory.records import Source, SourceSpec


@dataclass(frozen=True)
class SourceKind:
    """One way in which labelled images are kept at a path; each is one file of this folder.

    Attributes:
        holds: (path, whether it is a folder) -> whether this kind opens it. Only what is a folder
            or a regular file is asked about.
        open: (path, split "train", "test", "validation" or None, what the user wrote) -> the
            source; raises InputDataError where it cannot be used. Its images keep their size and
            colour. What it passes over is told in ``Source.left_out``. A row that is damaged does
            not hinder the opening; reading it raises InputDataError, by which ``examine`` finds all
            of them.
    """

    holds: Callable[[Path, bool], bool]
    open: Callable[[Path, str | None, SourceSpec], Source]
