"""Check a dataset version against its manifest: every file, every hash, every label."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augfactory.commands.opening.opening import converted_like
from augfactory.commands.opening.recorded_recipe import class_rows_of, recipe_of, request_id
from augfactory.commands.progress import Progress
from augfactory.commands.versions.refused import refuse_damaged, refuse_foreign
from augfactory.commands.versions.rows.rejected_draws import read_rejected
from augfactory.commands.versions.shard_rows import rows_in_words, rows_of_files
from augfactory.commands.versions.verifying.held_rows import HeldRows, hold_rows
from augfactory.commands.versions.verifying.validation_problems import validation_problems
from augfactory.errors import InputDataError, RecipeError, VerificationError
from augfactory.guarded.decoding import decoding
from augfactory.guarded.files import NotRegularError, is_there, open_inside, read_inside, sha256_of
from augfactory.pipeline.settle import count_rejected
from augfactory.records import SourceSpec
from augfactory.sources.opening import open_source
from augfactory.store.beside.pseudo_label_table import tables_beside
from augfactory.store.checked import DOCUMENTS
from augfactory.store.formats.registry import FORMATS
from augfactory.store.layout import foreign_entries, layout_of, layout_problems
from augfactory.store.manifest import (
    CHECKSUMS,
    MANIFEST,
    PLAN,
    Manifest,
    checksums_bytes,
    read_manifest,
)
from augfactory.store.manifest_parts import FileEntry
from augfactory.store.reader import open_version
from augfactory.store.splits import VAL
from augfactory.store.statistics import Counts
from augfactory.store.versions import find_version

LONGER = 2**20  # how much longer than it should be a list may be and is still compared


@dataclass(frozen=True)
class Verified:
    """What `verify` answers: nothing is wrong with so many files and rows."""

    name: str
    version: str
    path: Path
    rows: int
    files: int
    content_hash: str


def verify(text: str, progress: Progress, *, expected_hash: str | None = None) -> Verified:
    """Check the version that ``text`` names.

    The whole folder is held to the manifest: every entry of any kind, every file's hash, the bytes
    of SHA256SUMS; then every row to the content hash, and what the manifest says of the rows to
    the rows. With ``expected_hash``, a content hash that was kept elsewhere, the version is held to
    that too: a manifest that was edited together with its sums is found by nothing else.

    Raises:
        RecipeError: ``expected_hash`` is not a content hash.
        InputDataError: there is no such version.
        VerificationError: naming everything that is not what it should be.
    """
    if expected_hash is not None and not re.fullmatch(r"[0-9a-f]{64}", expected_hash):
        raise RecipeError(
            f"--content-hash {expected_hash}",
            "is not a content hash, which has 64 digits from 0 to f",
            "Copy all 64 from `augfactory info`: a few digits are soon met by trying.",
        )
    folder = _find(text)
    manifest = read_manifest(folder)
    problems, rows = _manifest_problems(folder, manifest), rows_of_files(manifest)
    if expected_hash is not None and manifest.content_hash != expected_hash:
        problems.append(
            f"{MANIFEST}: its content hash is {manifest.content_hash}, not {expected_hash}"
        )
    with progress.bar("checking files", len(manifest.files), "file") as bar:
        for expected in manifest.files:
            problem = _file_problem(folder, expected)
            if problem is not None:
                holding = rows.get(expected.path)
                told = f"; it holds {rows_in_words(holding)}" if holding else ""
                problems.append(f"{problem}{told}")
            bar.advance()
    foreign = foreign_entries(folder, layout_of(manifest))
    refuse_damaged(folder, problems, foreign)
    refuse_damaged(folder, _content_problems(folder, manifest, progress), foreign)
    refuse_foreign(folder, foreign)
    return Verified(
        manifest.name,
        manifest.version,
        folder,
        manifest.rows,
        len(manifest.files),
        manifest.content_hash,
    )


def _find(text: str) -> Path:
    """Find the version; a folder that lost its manifest is one that is not as published."""
    try:
        return find_version(text)
    except InputDataError:
        folder = Path(text)
        if is_there(folder / CHECKSUMS):
            read_manifest(folder)  # raises, for it is missing
        raise


@dataclass(frozen=True)
class Unshared:
    """What `verify --against` answers: none of the images of ``source`` is in the version."""

    source: str
    images: int


def verify_against(text: str, test: SourceSpec, progress: Progress) -> Unshared:
    """Check that no image of ``test`` is, pixel for pixel, in the version that ``text`` names.

    Images of ``test`` are converted as those that the version was made from, unless it says
    otherwise; labels do not matter. Memory takes 16 bytes for each row and each image.

    Raises:
        InputDataError: there is no such version or source, or their images have other shapes.
        VerificationError: naming the images that are in it, and their rows.
    """
    # The hashes' room loads torch, which verifying alone needs not wait for.
    from augfactory.evaluation.images.leakage import find_shared_images, pixel_hashes

    version = open_version(find_version(text))
    source = open_source(converted_like(test, version.manifest.source))
    ours, theirs = version.source.image_shape, source.image_shape
    if ours != theirs:
        raise InputDataError(
            source.name,
            f"its images are {theirs} (height, width, channels), those of {version.address} are "
            f"{ours}, so that none can be told to be the same",
            "Convert them with --size HxW and --grey or --rgb as those of the version were.",
        )
    with progress.bar(
        f"looking for images of {source.name}", len(source) + len(version.source), "image"
    ) as bar:
        test_hashes = pixel_hashes(source, bar.advance)
        training_hashes = pixel_hashes(version.source, bar.advance)
    shared = find_shared_images(
        version.source, source, training_hashes=training_hashes, test_hashes=test_hashes, most=6
    )
    if shared:
        named = "\n".join(f"  {each.test_name} is in {each.training_name}" for each in shared[:5])
        more = "\n  and there are more" if len(shared) > 5 else ""
        raise VerificationError(
            version.folder,
            f"images of {source.name} are in it, pixel for pixel:\n{named}{more}",
            "Name images that the version was not made from, or expand without them.",
        )
    return Unshared(source.name, len(source))


def _manifest_problems(folder: Path, manifest: Manifest) -> list[str]:
    """Hold SHA256SUMS, the entries of the folder and the recipe to the manifest."""
    problems = []
    data = read_inside(folder, MANIFEST)
    listed = checksums_bytes(manifest.files, data)
    try:
        found = read_inside(folder, CHECKSUMS, len(listed) + LONGER)
    except FileNotFoundError:
        problems.append(f"{CHECKSUMS}: is missing")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problems.append(f"{CHECKSUMS}: cannot be read: {reason}")
    else:
        own = f"{hashlib.sha256(data).hexdigest()}  {MANIFEST}\n".encode()
        if not found.endswith(own):
            problems.append(f"{MANIFEST}: was edited, {CHECKSUMS} knows another hash")
        if found != listed and (found.endswith(own) or found[: -len(own)] != listed[: -len(own)]):
            problems.append(f"{CHECKSUMS}: is not the list of what {MANIFEST} lists")
    problems += layout_problems(folder, layout_of(manifest))
    try:
        recipe = recipe_of(manifest)
        expected = request_id(recipe, manifest)
    except ValueError as error:
        problems.append(f"{MANIFEST}: its recipe is none that this program knows: {error}")
    else:
        if expected != manifest.recipe_id:
            problems.append(f"{MANIFEST}: recipe_id is not that of its recipe, source and model")
        if class_rows_of(recipe) != manifest.class_rows:
            problems.append(f"{MANIFEST}: class_rows are not those that its recipe makes")
    return problems


def _file_problem(folder: Path, expected: FileEntry) -> str | None:
    path = expected.path
    try:
        with open_inside(folder, path) as file:
            size = os.fstat(file.fileno()).st_size
            if size != expected.size:
                return f"{path}: has {size:,} bytes, not {expected.size:,}"
            found = sha256_of(file)
    except FileNotFoundError:
        return f"{path}: is missing"
    except NotRegularError:
        return f"{path}: cannot be read"  # what it is instead is told with the folder's entries
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return f"{path}: cannot be read ({reason})"
    same = found == (expected.size, expected.sha256)
    return None if same else f"{path}: its content was changed (sha256 differs)"


def _content_problems(folder: Path, manifest: Manifest, progress: Progress) -> list[str]:
    """Hold the rows to the content hash, and what the manifest says of them to the rows."""
    with progress.bar("checking rows", manifest.rows, "row") as bar:
        held = hold_rows(folder, manifest, bar)
    names, problems = list(manifest.class_names), held.problems
    if held.content_hash != manifest.content_hash:
        problems.append("the decoded pixels and labels are not those of the content hash")
    paths = [entry.path for entry in manifest.files]
    try:
        with decoding():
            stored = FORMATS[manifest.format].read_class_names(folder, paths)
    except (OSError, ValueError) as error:
        problems.append(f"the class names in the data cannot be read: {error}")
    else:
        if any(each != names for each in stored):
            problems.append(f"{MANIFEST}: its class_names are not those of the data")
    for key, told, found in (
        ("counts", manifest.counts, held.counts),
        ("statistics", manifest.statistics, held.statistics),
    ):
        if told not in (found, None):  # manifests of before there were statistics have none
            problems.append(f"{MANIFEST}: its {key} are not those of the data")
    if manifest.rejected is not None and manifest.rejected != _rejected(folder, manifest, held):
        problems.append(f"{MANIFEST}: its rejected draws are not those of {PLAN}")
    problems += _wrong_paths(manifest)
    if manifest.validation is not None:
        problems += validation_problems(folder, manifest, held.originals)
    return problems


def _rejected(folder: Path, manifest: Manifest, held: HeldRows) -> Counts | None:
    """Count the rejected draws of decoded rows again; None where the plan holds none such."""
    assert held.labels is not None
    try:
        rejected = read_rejected(folder, manifest.rows)
    except VerificationError:
        return None
    return count_rejected(rejected, held.labels.astype(np.int64), manifest.class_names)


def _wrong_paths(manifest: Manifest) -> list[str]:
    """Say which files of the manifest are none that this program writes for such a version."""
    known = {*tables_beside(manifest), *DOCUMENTS}
    storage = FORMATS[manifest.format]
    folders = {name.partition("/")[0] for name in storage.folders(manifest.class_names)}
    if manifest.validation is not None:
        folders.add(VAL)
    return [
        f"{entry.path}: is not a file of a dataset in the format {manifest.format}"
        for entry in manifest.files
        if entry.path not in known
        and entry.path not in storage.more_files
        and entry.path.partition("/")[0] not in folders
    ]
