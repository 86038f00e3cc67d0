"""What a user can get wrong, each with its exit code.

A message says where it is wrong, what is wrong there, and how to mend it.
"""

import difflib
import errno
from collections.abc import Sequence
from typing import TypeVar

Name = TypeVar("Name", bound=str)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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


def one_of(where: str, kind: str, name: str, known: Sequence[Name]) -> Name:
    """Return the one of ``known`` that ``name`` is.

    Raises:
        RecipeError: it is none of them; the nearest is told.
    """
    for each in known:
        if name == each:
            return each
    raise unknown_name(where, kind, name, known)


def unwritable(path: object, error: OSError) -> ResourceError:
    """Return the error for what could not be written, made or removed at ``path``."""
    if error.errno in FULL:
        return ResourceError(
            path,
            "the disk is full",
            "Free some space and run the same command again: finished parts are kept.",
        )
    remedy = "Check the folder and its rights."
    if error.errno == errno.EISDIR:
        remedy = "It is a folder: name a file in it, or another one."
    return ResourceError(path, f"cannot be written ({error.strerror or error})", remedy)


def explained(error: BaseException) -> AugfactoryError | None:
    """Return in words what a machine or a library raised; None where it is a defect of ours.

    It is the last net: where more is known, the error is told there.
    """
    if isinstance(error, AugfactoryError):
        return error
    if isinstance(error, MemoryError) or _lacks_memory(error):
        return ResourceError(
            "memory",
            "there is too little of it",
            "Use fewer --workers where the command has them, or free some memory. Smaller images "
            "(--size) need less.",
        )
    if isinstance(error, OSError):
        return _explained_os_error(error)
    if isinstance(error, (RecursionError, UnicodeError)):
        deep = isinstance(error, RecursionError)
        what = "is nested too deeply" if deep else f"is not UTF-8 text ({error})"
        return InputDataError("a name or a file that was read", what, "Mend or rename it.")
    if type(error).__name__ == "ValidationError" and hasattr(error, "errors"):
        problem = error.errors()[0]  # pydantic's; it takes a while to import
        place = ".".join(map(str, problem["loc"]))
        return InputDataError(
            f"{getattr(error, 'title', 'a document')}: {place}",
            str(problem["msg"]),
            "Mend or restore the file that holds it.",
        )
    return None


def _explained_os_error(error: OSError) -> AugfactoryError:
    where = error.filename if error.filename is not None else "the disk"
    if error.errno in FULL:
        return unwritable(where, error)
    if isinstance(error, PermissionError):
        return InputDataError(
            where, "permission is denied", f"Allow it: chmod -R u+rwX '{where}', or use another."
        )
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return InputDataError(where, "is not there any more", "Restore it, or name another.")
    if error.errno == errno.ENAMETOOLONG:
        return RecipeError(where, "this name is too long", "Give a shorter one.")
    return ResourceError(
        where,
        f"cannot be used ({error.strerror or error})",
        "Check the disk and the limits of this account, and run the same command again.",
    )


def _lacks_memory(error: BaseException) -> bool:
    """Tell whether a library says in its own way that memory ran out."""
    text = str(error).lower()
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, (ImportError, RuntimeError, SystemError)) and any(
        words in text
        for words in ("cannot allocate memory", "failed to map", "not enough memory", "bad_alloc")
    )
