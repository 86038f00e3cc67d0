"""Where `push` sends a version: a folder of any fsspec file system, or a repository of the hub."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from augfactory.commands.progress import Bar
from augfactory.errors import RecipeError
from augfactory.guarded.files import inside, open_inside, sha256_of
from augfactory.store.disk.remote import is_local, open_remote, require
from augfactory.store.manifest_parts import FileEntry

HUB = "hf://"
MOST_FILES, MOST_BYTES = 1000, 2**31  # of one commit on the hub
HUB_OWN = (".gitattributes",)  # what the hub writes into a new repository
Found = dict[str, Any]


class Destination(Protocol):
    """Where a version is pushed to."""

    own: tuple[str, ...]  # files that the place itself writes
    visibility: str | None  # "private" or "public", on the hub

    def found(self) -> Found:
        """Return what is known of each file that is there, by its path in the version."""

    def size(self, known: Any) -> int:
        """Return the bytes of a file that was found."""

    def same(self, known: Any, entry: FileEntry) -> bool:
        """Tell whether a file that was found, of the right size, has the hash of ``entry``."""

    def read(self, path: str) -> bytes:
        """Return the content of a file."""

    def prepare(self, folders: Sequence[str]) -> None:
        """Make the place, and ``folders`` in it where there is such a thing."""

    def send(self, entries: Sequence[FileEntry], what: str, bar: Bar) -> None:
        """Send files of the version, ``what``; ``bar`` counts bytes."""


def destination_of(folder: Path, to: str, public: bool) -> Destination:
    """Return where ``to`` leads, for the version in ``folder``; nothing is changed there.

    Raises:
        RecipeError: ``to`` is no address that can be written to, or a package is missing.
    """
    if re.match(r"[\w+.-]+://[^/]*:[^/]*@", to):
        raise RecipeError(
            "DEST",
            "holds a password, which others could see on the command line",
            "Give it in the environment or in the settings of the file system's package.",
        )
    require("fsspec", to, "'augfactory[hub]'")
    if to.startswith(HUB):
        require("huggingface_hub", to, "'augfactory[hub]'")
        return _Hub(folder, to, public)
    if public:
        raise RecipeError("--public", f"is for {HUB}datasets/OWNER/NAME", "Leave it out.")
    return _Files(folder, to)


class _Files:
    """A folder of any file system that fsspec knows."""

    own: tuple[str, ...] = ()
    visibility: str | None = None

    def __init__(self, folder: Path, to: str) -> None:
        self.folder = folder
        self.place = open_remote(to, to, f", a path, or {HUB}datasets/OWNER/NAME")
        if is_local(to) and folder.resolve() in Path(self.place.root).resolve().parents:
            raise RecipeError(to, "is inside the version itself", "Name a place outside of it.")

    def found(self) -> Found:
        return self.place.found()

    def size(self, known: Any) -> int:
        return int(known["size"])

    def same(self, known: Any, entry: FileEntry) -> bool:
        with self.place.files.open(known["name"], "rb") as file:
            return sha256_of(file) == (entry.size, entry.sha256)

    def read(self, path: str) -> bytes:
        return self.place.read(path)

    def prepare(self, folders: Sequence[str]) -> None:
        for each in folders:
            self.place.make_folder(each)

    def send(self, entries: Sequence[FileEntry], what: str, bar: Bar) -> None:
        del what
        for entry in entries:
            self.place.put(inside(self.folder, entry.path), entry.path)
            bar.advance(entry.size)


class _Hub:
    """A dataset repository of the Hugging Face hub; the login is the hub's own."""

    own: tuple[str, ...] = HUB_OWN
    visibility: str | None

    def __init__(self, folder: Path, to: str, public: bool) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()  # those of this program tell of all files, and can be silenced
        found = re.fullmatch(r"hf://datasets/([\w.-]+/[\w.-]+?)/?", to)
        if found is None:
            raise RecipeError(
                to, "is not a dataset repository", f"Give {HUB}datasets/OWNER/NAME, no more."
            )
        self.folder, self.to, self.public, self.repo = folder, to, public, found[1]
        self.api, self.exists = HfApi(), False
        self.visibility = "public" if public else "private"

    def found(self) -> Found:
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            about = self.api.repo_info(self.repo, repo_type="dataset")
        except RepositoryNotFoundError:
            return {}
        self.exists = True
        if not about.private and not self.public:
            raise RecipeError(
                self.to, "is a public repository", "Add --public if all may see it, or name another"
            )
        self.visibility = "private" if about.private else "public"
        tree = self.api.list_repo_tree(self.repo, repo_type="dataset", recursive=True)
        return {each.path: each for each in tree if hasattr(each, "size")}

    def size(self, known: Any) -> int:
        return int(known.size)

    def same(self, known: Any, entry: FileEntry) -> bool:
        if known.lfs is not None:
            return bool(known.lfs.sha256 == entry.sha256)
        with open_inside(self.folder, entry.path) as file:  # git's name of a small file
            header = f"blob {entry.size}\0".encode()
            digest = hashlib.sha1(header + file.read(), usedforsecurity=False)
        return bool(known.blob_id == digest.hexdigest())

    def read(self, path: str) -> bytes:
        return Path(self.api.hf_hub_download(self.repo, path, repo_type="dataset")).read_bytes()

    def prepare(self, folders: Sequence[str]) -> None:
        del folders  # git has none
        if not self.exists:
            self.api.create_repo(
                self.repo, repo_type="dataset", private=not self.public, exist_ok=True
            )

    def send(self, entries: Sequence[FileEntry], what: str, bar: Bar) -> None:
        from huggingface_hub import CommitOperationAdd

        for batch in _batches(entries):
            added = [
                CommitOperationAdd(each.path, str(inside(self.folder, each.path))) for each in batch
            ]
            self.api.create_commit(
                self.repo, added, commit_message=f"{what}: {len(added)} files", repo_type="dataset"
            )
            bar.advance(sum(each.size for each in batch))


def _batches(entries: Sequence[FileEntry]) -> Iterator[list[FileEntry]]:
    """Yield commits of the hub: as many files as fit, so that little is sent twice."""
    batch: list[FileEntry] = []
    for entry in entries:
        if batch and (
            len(batch) == MOST_FILES or sum(each.size for each in batch) + entry.size > MOST_BYTES
        ):
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch
