"""Published corrupted test images: found, held to the clean ones, and said what they are."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from augfactory.commands.progress import Progress
from augfactory.errors import RecipeError
from augfactory.evaluation.comparison.protocol import CorruptedTest
from augfactory.evaluation.comparison.results import Alert
from augfactory.evaluation.corruptions.registry import PROFILES, Profile
from augfactory.guarded.files import open_regular
from augfactory.guarded.text import escaped
from augfactory.records import Float32Array, Source, SourceSpec
from augfactory.sources.choosing.subset import stratified_rows
from augfactory.sources.corrupted.finding import Found, find_parts
from augfactory.sources.corrupted.part import CorruptedPart, open_part
from augfactory.sources.parsing.decoder_errors import decoder_errors

PROFILE = "published"
# What is published beside a benchmark's corruptions, and no part of its mean.
EXTRA = {
    "cifar-c": ("speckle_noise", "gaussian_blur", "spatter", "saturate"),
    "mnist-c": ("identity",),
}
COMPARED = 64  # images that are looked at
ALIKE = 0.5  # correlation with the clean image; of another image it is about 0
BLOCK = 2**20


@dataclass(frozen=True)
class Published:
    """Corrupted test images that were found, and what a reader should know of them."""

    test: CorruptedTest
    profile: Profile  # of those that were found, called as their folder is
    alerts: tuple[Alert, ...]


def refuse_both(corruptions: str | None, corrupted: Path | None, where: str = "--") -> None:
    """Refuse corruptions that are made beside those that are read: a table has room for one.

    Raises:
        RecipeError: both are asked for.
    """
    if corruptions is not None and corrupted is not None:
        raise RecipeError(
            f"{where}corrupted",
            f"{where}corruptions makes corrupted images, and this reads them: one table cannot "
            "hold both",
            "Leave one out, and evaluate a second time for the other.",
        )


def published_test(
    folder: Path,
    test: Source,
    spec: SourceSpec,
    progress: Progress,
    most: int | None = None,
) -> Published:
    """Open the corrupted images in ``folder`` and hold them to ``test``; nothing is copied.

    Args:
        folder: in one of the layouts of ``sources/corrupted/finding.py``.
        test: the clean test images, whose classes and size they must have.
        spec: how ``test`` was opened: images of class folders are converted likewise.
        progress: is told how far the files are read.
        most: images of each part that are used, evenly from the classes; None is all.

    Raises:
        InputDataError: they cannot be read, or do not fit the test images.
    """
    grey = test.image_shape[2] == 1
    found = find_parts(folder, replace(spec, colour="grey" if grey else "rgb", skip_broken=False))
    opened = [open_part(part, test) for part in found.parts]
    parts = tuple(
        _restricted(part, source, most) for part, source in zip(found.parts, opened, strict=True)
    )
    extra = tuple(name for name in found.corruptions if name in EXTRA[found.family])
    if len(extra) == len(found.corruptions):
        extra = ()
    family = PROFILES[found.family]
    profile = replace(
        family,
        title=escaped(folder.resolve().name),
        corruptions=tuple(own for own in family.corruptions if own.name in found.corruptions),
    )
    overlapping = {each.name for each in profile.corruptions if each.overlaps_augmix}
    corrupted = CorruptedTest(
        PROFILE,
        0,
        parts,
        title=profile.title,
        fingerprint=_fingerprint(parts, progress),
        overlapping=tuple(name for name in found.corruptions if name in overlapping),
        extra=extra,
    )
    return Published(corrupted, profile, tuple(_alerts(folder, found, extra, opened, test)))


def _restricted(part: CorruptedPart, source: Source, most: int | None) -> CorruptedPart:
    if most is None or most >= len(source):
        return part
    return replace(part, rows=tuple(stratified_rows(source.labels, most, 0, "test_rows").tolist()))


def _fingerprint(parts: Sequence[CorruptedPart], progress: Progress) -> str:
    """Return the SHA-256 of all files, and of how their rows are divided."""
    digest = hashlib.sha256()
    files = list(dict.fromkeys(path for part in parts for path in _files_of(part)))
    with progress.bar("reading corrupted test images", len(files), "file") as bar:
        for path in files:
            with (
                decoder_errors(path, "cannot be read", "Check the file."),
                open_regular(path) as file,
            ):
                digest.update(os.fstat(file.fileno()).st_size.to_bytes(8))
                while block := file.read(BLOCK):
                    digest.update(block)
            bar.advance()
    for part in parts:
        spec = part.spec and (part.spec.size, part.spec.colour, part.spec.options)
        shown = (
            part.corruption, part.severity, part.first, part.count, part.first_label, spec,
            part.rows,
        )  # fmt: skip
        digest.update(repr(shown).encode())
    return digest.hexdigest()


def _files_of(part: CorruptedPart) -> list[str]:
    if part.spec is None:
        return [part.path, *([part.labels] if part.labels else [])]
    return sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(part.path)
        for name in names
        if not name.startswith(".")
    )


def _alerts(
    folder: Path, found: Found, extra: tuple[str, ...], opened: Sequence[Source], test: Source
) -> list[Alert]:
    """Say what was found, what the labels were taken for, and what does not fit."""
    severities = sorted({part.severity for part in found.parts})
    span = f"severity {severities[0]}"
    if len(severities) > 1:
        span = f"severities {severities[0]} to {severities[-1]}"
    count = len(found.corruptions)
    text = f"{escaped(str(folder))}: {count} corruption{'s' * (count != 1)} at {span}"
    if extra:
        text += f"; {', '.join(extra)} {'is' if len(extra) == 1 else 'are'} not in the mean"
    alerts = [Alert("note", f"{text}. {_mapping(found, test)}")]
    missing = [
        each.name
        for each in PROFILES[found.family].corruptions
        if each.name not in found.corruptions
    ]
    known = len(PROFILES[found.family].corruptions)
    if 0 < len(missing) < known:
        text = f"{PROFILES[found.family].title.removesuffix('-style')} has {known} corruptions, "
        text += f"and {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there: "
        alerts.append(Alert("warning", text + "means over the others are no published figures."))
    lacking = set(range(len(test.class_names))) - set(np.unique(opened[0].labels).tolist())
    if lacking:
        names = ", ".join(test.class_names[label] for label in sorted(lacking)[:10])
        alerts.append(
            Alert("warning", f"{escaped(str(folder))} has no image of: {escaped(names)}.")
        )
    if found.parts[0].spec is None:
        alerts += _rows_match(found, opened, test)
    return alerts


def _mapping(found: Found, test: Source) -> str:
    names = test.class_names
    if found.parts[0].spec is not None:
        return "Its class folders are called as the classes of the test images."
    shown = [f"{number} is {escaped(name)}" for number, name in enumerate(names)]
    if len(shown) > 10:
        shown = [*shown[:3], "…", shown[-1]]
    return f"Labels are numbers of the test images' classes in their order: {', '.join(shown)}."


def _rows_match(found: Found, opened: Sequence[Source], test: Source) -> list[Alert]:
    """Look whether row i is the test's row i, corrupted, where there are equally many."""
    if len(opened[0]) != len(test):
        text = (
            f"The corrupted images are {len(opened[0]):,} and the clean ones {len(test):,}: errors "
            "on both are of other images."
        )
        return [Alert("note", text)]
    differing = int((opened[0].labels != test.labels).sum())
    if differing:
        text = (
            f"The labels of {differing:,} of {len(test):,} corrupted images are not those of the "
            "test images in the same places: they are other images, in another order, or classes "
            "of other numbers. Where the classes are others, every figure is wrong."
        )
        return [Alert("warning", text)]
    rows = np.linspace(0, len(test) - 1, min(COMPARED, len(test))).astype(np.int64)
    clean = test.read_images(rows).astype(np.float32)
    mildest = [
        source.read_images(rows).astype(np.float32)
        for part, source in zip(found.parts, opened, strict=True)
        if part.severity == 1
    ]
    if max((_likeness(clean, each) for each in mildest), default=1.0) < ALIKE:
        text = (
            "The corrupted images have the labels of the test images, but none of them looks like "
            "the test image in its place: are they of another set?"
        )
        return [Alert("warning", text)]
    return []


def _likeness(clean: Float32Array, corrupted: Float32Array) -> float:
    """Return the median correlation of images [n, H, W, C] with those in the same places."""
    one, other = (
        each.reshape(len(each), -1) - each.reshape(len(each), -1).mean(axis=1, keepdims=True)
        for each in (clean, corrupted)
    )
    length = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return float(np.median((one * other).sum(axis=1) / np.maximum(length, 1e-6)))
