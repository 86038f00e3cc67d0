"""Check a dataset version against its manifest: every file, every hash, every label."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augfactory.commands.opening import converted_like, open_any
from augfactory.commands.progress import Progress
from augfactory.commands.shard_rows import rows_in_words, rows_of_files
from augfactory.errors import InputDataError, VerificationError
from augfactory.pipeline.recipe import Recipe, recipe_id
from augfactory.records import SourceSpec
from augfactory.store.manifest import (
    CHECKSUMS,
    MANIFEST,
    Manifest,
    content_hash,
    file_entry,
    read_manifest,
    row_digests,
)
from augfactory.store.reader import Version, open_rows, open_version, read_stretches
from augfactory.store.versions import find_version


@dataclass(frozen=True)
class Verified:
    """What `verify` answers: nothing is wrong with so many files and rows."""

    name: str
    version: str
    path: Path
    rows: int
    files: int
    content_hash: str


def verify(text: str, progress: Progress) -> Verified:
    """Check the version that ``text`` names.

    Raises:
        InputDataError: there is no such version.
        VerificationError: naming every file that is not what it should be.
    """
    folder = find_version(text)
    manifest = read_manifest(folder)
    problems, rows = _manifest_problems(folder, manifest), rows_of_files(manifest)
    with progress.bar("checking files", len(manifest.files), "file") as bar:
        for expected in manifest.files:
            problem = _file_problem(folder, expected.path, expected.size, expected.sha256)
            if problem is not None:
                holding = rows.get(expected.path)
                told = f"; it holds {rows_in_words(holding)}" if holding else ""
                problems.append(f"{problem}{told}")
            bar.advance()
    known = {entry.path for entry in manifest.files} | {MANIFEST, CHECKSUMS}
    problems += [
        f"{path.relative_to(folder)}: is not in the manifest"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and str(path.relative_to(folder)) not in known
    ]
    _raise(folder, problems)
    version = open_rows(folder, manifest)
    _raise(folder, _content_problems(version, progress))
    return Verified(
        manifest.name,
        manifest.version,
        folder,
        manifest.rows,
        len(manifest.files),
        manifest.content_hash,
    )


@dataclass(frozen=True)
class Unshared:
    """What `verify --against` answers: none of the images of ``source`` stands in the version."""

    source: str
    images: int


def verify_against(text: str, test: SourceSpec, progress: Progress) -> Unshared:
    """Check that no image of ``test`` stands, pixel for pixel, in the version that ``text`` names.

    Images of ``test`` are converted as those that the version was made from, unless it says
    otherwise; labels do not matter. Memory takes 16 bytes for each row and each image.

    Raises:
        InputDataError: there is no such version or source, or their images have other shapes.
        VerificationError: naming the images that stand in it, and their rows.
    """
    # The hashes' room loads torch, which verifying alone needs not wait for.
    from augfactory.evaluation.leakage import find_shared_images, pixel_hashes

    version = open_version(find_version(text))
    source = open_any(converted_like(test, version.manifest.source))
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
        named = "\n".join(
            f"  {each.test_name} stands in {each.training_name}" for each in shared[:5]
        )
        more = "\n  and there are more" if len(shared) > 5 else ""
        raise VerificationError(
            version.folder,
            f"images of {source.name} stand in it, pixel for pixel:\n{named}{more}",
            "Name images that the version was not made from, or expand without them.",
        )
    return Unshared(source.name, len(source))


def _manifest_problems(folder: Path, manifest: Manifest) -> list[str]:
    problems = []
    try:
        lines = [line.split("  ", 1) for line in (folder / CHECKSUMS).read_text().splitlines()]
        recorded = {path: digest for digest, path in lines}
    except (OSError, ValueError):
        return [f"{CHECKSUMS}: is missing or cannot be read"]
    if recorded.get(MANIFEST) != hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest():
        problems.append(f"{MANIFEST}: was edited, {CHECKSUMS} knows another hash")
    listed = {entry.path: entry.sha256 for entry in manifest.files}
    if {path: digest for path, digest in recorded.items() if path != MANIFEST} != listed:
        problems.append(f"{CHECKSUMS}: does not list what {MANIFEST} lists")
    model = manifest.model["sha256"] if manifest.model else None
    recipe = Recipe.model_validate(manifest.recipe)
    # With the versions that made it: a newer program must still find an old dataset sound.
    expected = recipe_id(recipe, manifest.versions, manifest.source.fingerprint, model)
    if expected != manifest.recipe_id:
        problems.append(f"{MANIFEST}: recipe_id is not that of its recipe, source and model")
    return problems


def _file_problem(folder: Path, path: str, size: int, sha256: str) -> str | None:
    try:
        found = file_entry(folder, path)
    except FileNotFoundError:
        return f"{path}: is missing"
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror})"
    if found.size != size:
        return f"{path}: has {found.size:,} bytes, not {size:,}"
    return None if found.sha256 == sha256 else f"{path}: its content was changed (sha256 differs)"


def _content_problems(version: Version, progress: Progress) -> list[str]:
    manifest = version.manifest
    digests, problems = [], []
    with progress.bar("checking rows", manifest.rows, "row") as bar:
        for first, rows in read_stretches(version):
            digests.append(row_digests(rows))
            wrong = np.flatnonzero(
                (np.abs(rows.soft_label.sum(axis=1) - 1) > 1e-5)
                | (rows.soft_label < 0).any(axis=1)
                | (version.source.labels[first : first + len(rows)] != rows.label)
            )
            problems += [f"row {first + row}: its label is not one" for row in wrong[:3].tolist()]
            bar.advance(len(rows))
    if len(version.source) != manifest.rows:
        problems.append(f"there are {len(version.source):,} rows, not {manifest.rows:,}")
    names = list(version.source.class_names)
    if content_hash(manifest.image_shape, names, digests) != manifest.content_hash:
        problems.append("the decoded pixels and labels are not those of the content hash")
    return problems


def _raise(folder: Path, problems: list[str]) -> None:
    if problems:
        shown = "\n".join(f"  {problem}" for problem in problems[:20])
        more = f"\n  and {len(problems) - 20} more" if len(problems) > 20 else ""
        raise VerificationError(
            folder,
            f"{len(problems)} thing(s) are not as published:\n{shown}{more}",
            "Restore these files from a copy, or delete the version and expand again.",
        )
