"""How `verify` tells what is not as published: what is damaged, and what does not belong."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from augfactory.errors import VerificationError
from augfactory.store.layout import Foreign

MOST_SHOWN = 20  # problems that are named


def refuse_damaged(folder: Path, problems: Sequence[str], foreign: Sequence[Foreign]) -> None:
    """Refuse a version with ``problems``; what does not belong to it is named beside them.

    Raises:
        VerificationError: there is a problem.
    """
    if problems:
        named = [*problems, *(each.as_problem() for each in foreign)]
        more = f" Remove what does not belong: {_removing(folder, foreign)}" if foreign else ""
        raise VerificationError(
            folder,
            f"{len(named)} thing(s) are not as published:\n{_shown(named)}",
            f"Restore these files from a copy, or delete the version and expand again.{more}",
        )


def refuse_foreign(folder: Path, foreign: Sequence[Foreign]) -> None:
    """Refuse a version whose own files are all right, and into which something else was written.

    Raises:
        VerificationError: something lies in it; removing that is all it takes.
    """
    if foreign:
        raise VerificationError(
            folder,
            "its own files and rows are as published, but these do not belong to it:\n"
            + _shown([each.as_problem() for each in foreign]),
            f"Remove what does not belong, nothing else is wrong: {_removing(folder, foreign)}\n"
            "  A trainer that writes into its data folder is better given an export: "
            "augfactory export --layout.",
        )


def _shown(problems: Sequence[str]) -> str:
    more = len(problems) - MOST_SHOWN
    shown = "\n".join(f"  {problem}" for problem in problems[:MOST_SHOWN])
    return f"{shown}\n  and {more} more" if more > 0 else shown


def _removing(folder: Path, foreign: Sequence[Foreign]) -> str:
    """Return the command that removes the first of them; only folders need ``-r``."""
    named = foreign[:MOST_SHOWN]
    words = ["rm", *(["-r"] if any(each.is_folder for each in named) else [])]
    return shlex.join([*words, *(str(folder / each.path) for each in named)])
