"""Open the set of labelled images that a SOURCE of the command line names."""

import os
import stat
from pathlib import Path

from augfactory.errors import InputDataError, RecipeError
from augfactory.records import Source, SourceSpec
from augfactory.sources.folder import open_folder
from augfactory.sources.hdf5 import open_hdf5
from augfactory.sources.idx import holds_idx, open_idx
from augfactory.sources.npz import open_npz
from augfactory.sources.pixels import converted
from augfactory.sources.reading import reading
from augfactory.sources.sample import open_sample
from augfactory.sources.torchvision_source import PREFIX, open_torchvision

SAMPLE = "sample"
SPLITS = ("train", "test")
HDF5_SUFFIXES = (".h5", ".hdf5")
MAX_SIDE = 4096
KINDS = (
    "A source is a folder of class folders, a folder of IDX files, a .npz or .h5 file, "
    f"'{SAMPLE}' (the bundled digits) or {PREFIX}NAME."
)


def open_source(spec: SourceSpec) -> Source:
    """Open a source; the kind follows from ``spec.text``.

    ``sample`` is always the bundled digits (a folder of that name is ``./sample``). A suffix
    ``:train`` or ``:test`` names a split unless a file or folder is called so, suffix and all.
    Images are converted to ``spec.size`` and ``spec.colour`` when they are read.

    Raises:
        InputDataError: nothing is there, it is of no known kind, or cannot be used; with the file.
        RecipeError: ``spec.size`` is no size.
    """
    if spec.size is not None and not all(1 <= side <= MAX_SIDE for side in spec.size):
        raise RecipeError(
            "--size", f"{spec.size} is no size", f"Give 1 to {MAX_SIDE} pixels a side."
        )
    text, split = split_suffix(spec.text)
    if text == SAMPLE:
        return converted(open_sample(split, spec.text), spec.size, spec.colour)
    if text.startswith(PREFIX) and not os.path.lexists(text):
        source = open_torchvision(text.removeprefix(PREFIX), split, spec)
    else:
        source = _open_path(text, split, spec)
    return converted(source, spec.size, spec.colour)


def split_suffix(text: str) -> tuple[str, str | None]:
    """Take ``:train`` or ``:test`` off the end; what exists with the suffix keeps it."""
    name, colon, split = text.rpartition(":")
    if not colon or split not in SPLITS or os.path.lexists(text):
        return text, None
    return name, split


def _open_path(text: str, split: str | None, spec: SourceSpec) -> Source:
    with reading(text, "cannot be looked at", f"Check the path. {KINDS}"):
        try:
            mode = os.stat(text).st_mode
        except (FileNotFoundError, NotADirectoryError) as error:
            what = "there is no such file or folder"
            raise InputDataError(text or "''", what, f"Check the path. {KINDS}") from error
    path = Path(text)
    if stat.S_ISDIR(mode):
        if holds_idx(path):
            return open_idx(path, split, spec.text)
        return open_folder(path, split, spec)
    suffix = path.suffix.lower()
    if not stat.S_ISREG(mode) or suffix not in (".npz", *HDF5_SUFFIXES):
        raise InputDataError(path, "a file of this kind is no source", KINDS)
    if suffix == ".npz":
        return open_npz(path, split, spec.text)
    return open_hdf5(path, split, spec.text)
