"""Open whatever a SOURCE names: files, the bundled digits, torchvision sets, dataset versions."""

from dataclasses import replace

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.sources.opening import open_source
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
