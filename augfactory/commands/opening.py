"""Open whatever a SOURCE names: files, the bundled digits, torchvision sets, dataset versions."""

from dataclasses import replace
from typing import cast

from augfactory.errors import InputDataError
from augfactory.records import Colour, Source, SourceSpec
from augfactory.sources.opening import open_source
from augfactory.store.manifest import SourceEntry
from augfactory.store.reader import open_version
from augfactory.store.versions import find_version, looks_like_version


def open_any(spec: SourceSpec) -> Source:
    """Open the source that ``spec`` names.

    Raises:
        InputDataError: it is not there, cannot be read, or is no set of labelled images.
    """
    if looks_like_version(spec.text):
        return open_version(find_version(spec.text)).source
    name, _, split = spec.text.rpartition(":")
    if split in ("train", "test") and looks_like_version(name):
        source = open_version(find_version(name)).source
        if split != (source.split or "train"):
            raise InputDataError(
                spec.text,
                f"this dataset was made from a {source.split or 'train'} split",
                f"Name it without the suffix: {name}",
            )
        return replace(source, name=spec.text)
    return open_source(spec)


def spec_of(origin: SourceEntry) -> SourceSpec:
    """Return how to open what a dataset was made from."""
    return SourceSpec(origin.text, origin.size, cast(Colour, origin.colour))


def converted_like(spec: SourceSpec, origin: SourceEntry) -> SourceSpec:
    """Return ``spec``, its images converted as those of ``origin`` unless it says otherwise."""
    made_from = spec_of(origin)
    return replace(
        spec,
        size=spec.size or made_from.size,
        colour=made_from.colour if spec.colour == "auto" else spec.colour,
    )


def refuse_test_split(source: Source, what: str) -> None:
    """Keep test images out of what is made from training images.

    Raises:
        InputDataError: ``source`` is a test split.
    """
    if source.split == "test":
        raise InputDataError(
            source.name,
            f"this is a test split, and {what} from it would leak into every later test",
            "Name the training split instead, for example with the suffix :train.",
        )
