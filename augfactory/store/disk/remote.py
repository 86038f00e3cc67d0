"""Places that are no folder of this machine: what fsspec reaches, such as a bucket of S3.

fsspec, and what it needs for an address, are loaded when one is opened.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from augfactory.errors import AugfactoryError, RecipeError, ResourceError

PART = ".augfactory-part"  # a file that is being written, where a file system can rename


@dataclass(frozen=True)
class Remote:
    """A folder of any file system that fsspec knows.

    Attributes:
        address: what the user wrote.
        files: the file system, as fsspec has it.
        root: the folder, as the file system calls it.
        renames: whether a rename makes a file appear as a whole; object stores do so by themselves.
    """

    address: str
    files: Any
    root: str
    renames: bool

    def found(self) -> dict[str, Any]:
        """Return what the file system tells of each file, by its path in the folder."""
        self.files.invalidate_cache()
        paths = self.files.find(self.root, detail=True)
        self.files.invalidate_cache()  # else what comes later would not be found
        return {path[len(self.root) :].lstrip("/"): info for path, info in paths.items()}

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return bytes(self.files.cat_file(f"{self.root}/{path}"))

    def make_folder(self, path: str) -> None:
        """Make a folder where there is such a thing: object stores have none."""
        if self.renames:
            self.files.makedirs(f"{self.root}/{path}", exist_ok=True)

    def put(self, file: Path, path: str) -> None:
        """Send ``file``; it appears there whole or not at all, once its folder was made."""
        final = f"{self.root}/{path}"
        written = final + PART if self.renames else final
        self.files.put_file(str(file), written)
        if self.renames:
            self.files.mv(written, final)

    def drop(self, paths: Iterable[str]) -> None:
        """Remove files of the folder."""
        own = [f"{self.root}/{path}" for path in paths]
        if own:
            self.files.rm(own)

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        self.files.rm(self.root, recursive=True)


def is_local(address: str) -> bool:
    """Tell whether an address is a path of this machine, however it is written."""
    return "://" not in address or address.startswith(("file://", "local://"))


def open_remote(address: str, where: str, other: str = "") -> Remote:
    """Return the place ``address``; nothing is changed there. Messages say ``where`` it was given.

    ``other`` is what might be given instead of such an address.

    Raises:
        RecipeError: it cannot be written to, holds a password, or a package is missing.
    """
    require("fsspec", where, "'augfactory[hub]'")
    import fsspec

    try:
        options = {"auto_mkdir": True} if is_local(address) else {}
        files, root = fsspec.url_to_fs(address, **options)
    except ImportError as error:  # the message names the package
        raise RecipeError(
            where, f"needs a package more ({error})", "Install it: python -m pip install PACKAGE"
        ) from error
    except ValueError as error:
        raise RecipeError(
            where,
            f"is not an address that can be written to ({error})",
            f"Give an fsspec URL such as s3://BUCKET/NAME{other}",
        ) from error
    renames = type(files).mv is not fsspec.AbstractFileSystem.mv
    return Remote(address, files, str(root).rstrip("/"), renames)


def require(package: str, where: str, asked: str) -> None:
    """Refuse what needs a package that is not there.

    Raises:
        RecipeError: ``asked`` is to be installed.
    """
    if find_spec(package) is None:
        raise RecipeError(
            where, f"needs the package {package}", f"Install it: python -m pip install {asked}"
        )


@contextlib.contextmanager
def told(address: str, login: str = "") -> Iterator[None]:
    """Tell in words what a place raises; each kind raises errors of its own.

    Raises:
        AugfactoryError: what our own code says; else that ``address`` cannot be used.
    """
    try:
        yield
    except AugfactoryError:
        raise
    except Exception as error:
        said = [_first_line(error)]
        if error.__cause__ is not None:  # "error while uploading" says nothing of why
            said.append(_first_line(error.__cause__))
        raise ResourceError(
            address,
            f"cannot be read or written ({': '.join(said)})",
            f"Check the address, your login {login}and the network, and run the same command "
            "again: what was sent whole is not sent again.",
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
