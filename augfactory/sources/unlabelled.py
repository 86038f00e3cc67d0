"""Images without labels: image files at any depth of a folder, or an ``.npz`` of images alone.

Any other source serves too: its labels are forgotten.
"""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from augfactory.errors import InputDataError
from augfactory.guarded.files import open_regular
from augfactory.records import Source, SourceSpec
from augfactory.sources.listing.folder_images import images_below
from augfactory.sources.npz import IMAGE_KEYS, read_array
from augfactory.sources.opening import open_source, refuse_test_split
from augfactory.sources.parsing.arrays import source_of_arrays, whole_images
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.image_files import source_of_files
from augfactory.sources.parsing.pixels import converted

ONE_CLASS = ("unlabelled",)


def open_unlabelled(spec: SourceSpec) -> Source:
    """Open the images of any SOURCE without their labels, or of what has images alone.

    Raises:
        InputDataError: there are no images, they cannot be read, or they are a test split.
    """
    try:
        source = open_source(spec)
    except InputDataError as error:
        found = open_unlabelled_path(Path(spec.text), spec)
        if found is None:
            raise InputDataError(
                error.where,
                error.what,
                "Unlabelled images are a folder of image files, a .npz with an array 'images', or "
                "any SOURCE.",
            ) from error
        return found
    refuse_test_split(source, "a training set made")
    return forget_labels(source)


def open_unlabelled_path(path: Path, spec: SourceSpec) -> Source | None:
    """Open the images at ``path``, whatever their labels; None where there are none.

    The source has one class, which every row is of; ``forget_labels`` makes that of others.

    Raises:
        InputDataError: an image that is looked at cannot be read.
    """
    if path.is_dir():
        files = images_below(path, links_out=spec.options.follow_links)
        if not files:
            return None
        return source_of_files(
            spec,
            split=None,
            class_names=ONE_CLASS,
            labels=np.zeros(len(files), dtype=np.int64),
            path_of=lambda row: path / files[row],
            row_name=lambda row: files[row],
        )
    if path.suffix.lower() == ".npz" and path.is_file():
        return _open_npz(path, spec)
    return None


def forget_labels(source: Source) -> Source:
    """Return the same images, all of one class."""
    nothing = np.zeros(len(source), dtype=np.int64)
    return replace(
        source,
        class_names=ONE_CLASS,
        labels=nothing,
        roots=None,
        read_soft_labels=lambda rows: np.ones((len(rows), 1), dtype=np.float32),
    )


def _open_npz(path: Path, spec: SourceSpec) -> Source | None:
    with (
        decoder_errors(path, "cannot be read as .npz", "Save it again with numpy.savez."),
        open_regular(path) as file,
        zipfile.ZipFile(file) as archive,
    ):
        keys = {entry.removesuffix(".npy") for entry in archive.namelist()}
        named = [key for key in IMAGE_KEYS if key in keys]
        if len(named) != 1:
            return None
        images = whole_images(read_array(path, archive, named[0]), f"{path}[{named[0]}]")
    plain = source_of_arrays(
        name=spec.text,
        split=None,
        class_names=ONE_CLASS,
        images=images,
        labels=np.zeros(len(images), dtype=np.int64),
        row_name=lambda row: f"{path.name}[{named[0]}] row {row}",
    )
    options = replace(plain.options, fit=spec.options.fit)
    return converted(replace(plain, options=options), spec.size, spec.colour, spec.options.fit)
