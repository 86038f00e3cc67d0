"""What a user can get wrong, each with its exit code.

A message says where it is wrong, what is wrong there, and how to mend it.
"""

import difflib
from collections.abc import Sequence


class AugfactoryError(Exception):
    """A problem that is told to the user in words, without a traceback."""

    exit_code = 1

    def __init__(self, where: object, what: str, remedy: str) -> None:
        """Say ``where`` (a file, a row, an option), ``what`` is wrong, and the ``remedy``."""
        super().__init__(f"{where}: {what}\n  {remedy}")
        self.where, self.what, self.remedy = str(where), what, remedy

    def __reduce__(self) -> tuple[type["AugfactoryError"], tuple[str, str, str]]:
        """Pickle whole, so that an error in a worker process reaches the user as it was."""
        return type(self), (self.where, self.what, self.remedy)


class RecipeError(AugfactoryError):
    """The request itself cannot be carried out: an option, a recipe, a combination."""

    exit_code = 2


class InputDataError(AugfactoryError):
    """The data that was handed in cannot be used."""

    exit_code = 3


class VerificationError(AugfactoryError):
    """A dataset version is not what its manifest says."""

    exit_code = 4


class ResourceError(AugfactoryError):
    """Too little disk or memory."""

    exit_code = 5


def unknown_name(where: str, kind: str, name: str, known: Sequence[str]) -> RecipeError:
    """Return the error for a name that is not among ``known``, with the nearest that is."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    remedy = f"Did you mean {near[0]!r}? " if near else ""
    return RecipeError(
        where, f"there is no {kind} {name!r}", f"{remedy}There is: {', '.join(known)}."
    )
