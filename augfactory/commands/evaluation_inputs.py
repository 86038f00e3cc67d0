"""What an evaluation trains and tests on: opened, found to fit together, free of leaks."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from augfactory.commands.opening import open_any
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation.leakage import find_shared_images, pixel_hashes
from augfactory.evaluation.protocol import Arm
from augfactory.records import Colour, Source, SourceSpec, UInt8Array
from augfactory.sources.fingerprint import fingerprint
from augfactory.store.manifest import SourceEntry
from augfactory.store.reader import Version, open_version
from augfactory.store.versions import find_version

ORIGINALS = "originals"


@dataclass(frozen=True)
class Inputs:
    """The arms, the originals first, the dataset versions among them, and the test set."""

    arms: tuple[Arm, ...]
    versions: tuple[Version, ...]
    test_spec: SourceSpec
    test: Source
    test_fingerprint: str


@dataclass(frozen=True)
class _TrainingSet:
    name: str
    factor: int | None
    spec: SourceSpec
    rows: tuple[int, ...] | None
    source: Source
    fingerprint: str


def gather(datasets: tuple[str, ...], test_spec: SourceSpec, progress: Progress) -> Inputs:
    """Open everything and refuse what cannot be compared.

    Test images are converted as the originals were, unless ``test_spec`` says otherwise.

    Raises:
        RecipeError: the datasets were not made from the same originals.
        InputDataError: a source cannot be used, the test set does not fit the datasets, or a test
            image stands among the training images.
    """
    versions = _open_versions(datasets)
    origin = versions[0].manifest.source
    test_spec = replace(
        test_spec,
        size=test_spec.size or origin.size,
        colour=_colour(origin) if test_spec.colour == "auto" else test_spec.colour,
    )
    test = open_any(test_spec)
    for version in versions:
        _check_fit(version.source, test)
    training_sets = [_originals(versions), *_training_sets(versions)]
    total = len(test) + sum(len(each.source) for each in training_sets)
    with progress.bar("looking for test images among the training images", total, "image") as bar:
        test_hashes = pixel_hashes(test, bar.advance)
        arms = tuple(_checked_arm(each, test, test_hashes, bar.advance) for each in training_sets)
    return Inputs(arms, tuple(versions), test_spec, test, fingerprint(test))


def _open_versions(datasets: tuple[str, ...]) -> list[Version]:
    folders = dict.fromkeys(find_version(text).resolve() for text in datasets)
    versions = [open_version(folder) for folder in folders]
    first = versions[0]
    for version in versions[1:]:
        if version.manifest.source.fingerprint != first.manifest.source.fingerprint:
            raise RecipeError(
                version.address,
                f"it was made from other originals than {first.address}, "
                "so one baseline cannot serve both",
                "Evaluate them one at a time, or expand both from the same source rows.",
            )
    return versions


def _check_fit(training: Source, test: Source) -> None:
    if len(test) == 0:
        raise InputDataError(test.name, "it holds no images", "Name a test source with images.")
    if training.class_names != test.class_names:
        raise InputDataError(
            test.name,
            f"its classes ({_listed(test.class_names)}) are not those of {training.name} "
            f"({_listed(training.class_names)})",
            "Name a test source that has the same classes under the same names.",
        )
    if training.image_shape != test.image_shape:
        raise InputDataError(
            test.name,
            f"its images are {_shape(test)}, those of {training.name} are {_shape(training)}",
            "Name a test source of that size and colour, or convert it first.",
        )


def _training_sets(versions: list[Version]) -> list[_TrainingSet]:
    return [
        _TrainingSet(
            name=name,
            factor=version.manifest.recipe.get("factor"),
            spec=SourceSpec(str(version.folder)),
            rows=None,
            source=version.source,
            fingerprint=version.manifest.content_hash,
        )
        for name, version in zip(_names(versions), versions, strict=True)
    ]


def _names(versions: list[Version]) -> list[str]:
    """Call each version by its name where that is clear, else NAME@vN, else its folder."""
    plain = [version.manifest.name for version in versions]
    addresses = Counter(version.address for version in versions)
    uses = Counter([ORIGINALS, *plain])
    return [
        name
        if uses[name] == 1
        else version.address
        if addresses[version.address] == 1
        else str(version.folder)
        for name, version in zip(plain, versions, strict=True)
    ]


def _originals(versions: list[Version]) -> _TrainingSet:
    """Return the originals as they stand in a dataset, else read again from their source."""
    origin = versions[0].manifest.source
    for version in versions:
        rows = np.flatnonzero(version.methods == "original")
        if len(rows):
            spec, whole = SourceSpec(str(version.folder)), version.source
            break
    else:
        spec, rows = SourceSpec(origin.text, origin.size, _colour(origin)), np.asarray(origin.rows)
        whole = open_any(spec)
        if rows.max() >= len(whole) or fingerprint(whole.restricted_to(rows)) != origin.fingerprint:
            raise InputDataError(
                whole.name,
                f"it is no longer what {versions[0].address} was made from",
                "Restore the source as it was, or expand it again.",
            )
    source = whole.restricted_to(rows)
    return _TrainingSet(ORIGINALS, 1, spec, tuple(rows.tolist()), source, origin.fingerprint)


def _checked_arm(
    training: _TrainingSet, test: Source, test_hashes: UInt8Array, advance: Callable[[int], None]
) -> Arm:
    hashes = pixel_hashes(training.source, advance)
    shared = find_shared_images(
        training.source, test, training_hashes=hashes, test_hashes=test_hashes, most=1
    )
    if shared:
        raise InputDataError(
            shared[0].test_name,
            f"this test image stands in the training set too, as {shared[0].training_name}",
            "Name a test source that shares no image with what the datasets were made from.",
        )
    return Arm(
        name=training.name,
        factor=training.factor,
        source=training.spec,
        rows=training.rows,
        size=len(training.source),
        fingerprint=training.fingerprint,
    )


def _colour(origin: SourceEntry) -> Colour:
    return cast(Colour, origin.colour)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown}, … {len(names)} in all"


def _shape(source: Source) -> str:
    height, width, channels = source.image_shape
    return f"{height}×{width} {'RGB' if channels == 3 else 'grey'}"
