"""A ``.npz`` file of images and labels, with splits or without.

Keys: ``x_train, y_train, x_test, y_test`` (Keras) or ``train_images, train_labels, val_images,
val_labels, test_images, test_labels`` (MedMNIST); or, without splits, one of ``images, image, x``
with one of ``labels, label, y`` and perhaps ``soft_label(s)`` [N, K]. ``class_names`` may be in
either. Nothing is unpickled. The arrays are read whole; what is larger than memory belongs in HDF5.
"""

import contextlib
import zipfile
from pathlib import Path

import numpy as np

from augfactory.errors import InputDataError
from augfactory.guarded.files import open_regular
from augfactory.records import Source
from augfactory.sources.kind import SourceKind
from augfactory.sources.parsing.arrays import (
    AnyArray,
    check_size,
    source_of_arrays,
    whole_images,
)
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.labels import checked_hard, read_labels

IMAGE_KEYS = ("images", "image", "x")
LABEL_KEYS = ("labels", "label", "y")
SOFT_LABEL_KEYS = ("soft_labels", "soft_label")
SPLIT_IMAGE_KEYS = ("x_{split}", "{split}_images")
SPLIT_LABEL_KEYS = ("y_{split}", "{split}_labels")
SPLIT_WORDS = {
    "train": ("train",),
    "test": ("test",),
    "validation": ("val", "valid", "validation"),
}
SAVE_AGAIN = "Save it again with numpy.savez, as plain arrays of numbers."
KEYS_NEEDED = "It needs x_train and y_train (x_test, y_test), or images and labels."


def open_npz(path: Path, split: str | None, name: str) -> Source:
    """Open a ``.npz`` file; where it has splits, ``split`` None means train.

    Raises:
        InputDataError: it is damaged, lacks an array or a split, or an array has no clear meaning.
    """
    with contextlib.ExitStack() as opened:
        with decoder_errors(path, "cannot be read as .npz", SAVE_AGAIN):
            file = opened.enter_context(open_regular(path))
            archive = opened.enter_context(zipfile.ZipFile(file))
        keys = {entry.removesuffix(".npy") for entry in archive.namelist()}
        has_splits = any(_split_key(path, keys, SPLIT_IMAGE_KEYS, word) for word in SPLIT_WORDS)
        if has_splits:
            return _open_split(path, archive, keys, split or "train", name)
        if split is not None:
            raise InputDataError(
                path,
                f"it has no splits, so no {split} split",
                f"Leave :{split} off, or {KEYS_NEEDED}",
            )
        return _open_plain(path, archive, keys, name)


def read_array(path: Path, archive: zipfile.ZipFile, key: str) -> AnyArray:
    """Read one array, after its header: never more than it declares, never an object.

    Raises:
        InputDataError: damaged, of Python objects, too large, or not as long as declared.
    """
    where = f"{path}[{key}]"
    with decoder_errors(where, "cannot be read as an array", SAVE_AGAIN):
        member = archive.getinfo(f"{key}.npy")
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, _, dtype = read_header(file)
            header_bytes = file.tell()
        if dtype.hasobject:
            raise InputDataError(
                where, "it holds Python objects, which are never loaded", SAVE_AGAIN
            )
        if member.file_size != header_bytes + check_size(shape, dtype.itemsize, where):
            raise InputDataError(where, "it is shorter or longer than it declares", SAVE_AGAIN)
        with archive.open(member) as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _open_plain(path: Path, archive: zipfile.ZipFile, keys: set[str], name: str) -> Source:
    image, label, soft = (
        _one_of(path, keys, wanted) for wanted in (IMAGE_KEYS, LABEL_KEYS, SOFT_LABEL_KEYS)
    )
    if image is None or (label is None and soft is None):
        raise InputDataError(
            path, f"it holds only {', '.join(sorted(keys)) or 'nothing'}", KEYS_NEEDED
        )
    return _opened(path, archive, keys, name, None, image, label, soft)


def _open_split(
    path: Path, archive: zipfile.ZipFile, keys: set[str], split: str, name: str
) -> Source:
    image = _split_key(path, keys, SPLIT_IMAGE_KEYS, split)
    label = _split_key(path, keys, SPLIT_LABEL_KEYS, split)
    if image is None or label is None:
        wanted = SPLIT_IMAGE_KEYS if image is None else SPLIT_LABEL_KEYS
        word = SPLIT_WORDS[split][0]
        raise InputDataError(path, f"there is no {wanted[0].format(split=word)}", KEYS_NEEDED)
    least = max(
        _classes_of_other(path, archive, keys, other) for other in SPLIT_WORDS if other != split
    )
    return _opened(path, archive, keys, name, split, image, label, None, least)


def _opened(
    path: Path,
    archive: zipfile.ZipFile,
    keys: set[str],
    name: str,
    split: str | None,
    image: str,
    label: str | None,
    soft: str | None,
    least_classes: int = 0,
) -> Source:
    """Return the source in the arrays called ``image``, ``label`` and ``soft``."""
    labels, soft_labels, class_names = read_labels(
        None if label is None else read_array(path, archive, label),
        None if soft is None else read_array(path, archive, soft),
        _class_names(path, archive, keys),
        f"{path}[{label or soft}]",
        least_classes,
    )
    return source_of_arrays(
        name=name,
        split=split,
        class_names=class_names,
        images=whole_images(read_array(path, archive, image), f"{path}[{image}]"),
        labels=labels,
        soft_labels=soft_labels,
        row_name=lambda row: f"{path.name}[{image}] row {row}",
    )


def _one_of(path: Path, keys: set[str], wanted: tuple[str, ...]) -> str | None:
    found = [key for key in wanted if key in keys]
    if len(found) > 1:
        raise InputDataError(
            path, f"{' and '.join(found)} could mean the same", "Keep one of them in the file."
        )
    return found[0] if found else None


def _split_key(path: Path, keys: set[str], patterns: tuple[str, ...], split: str) -> str | None:
    named = (pattern.format(split=word) for pattern in patterns for word in SPLIT_WORDS[split])
    return _one_of(path, keys, tuple(named))


def _class_names(path: Path, archive: zipfile.ZipFile, keys: set[str]) -> list[str] | None:
    if "class_names" not in keys:
        return None
    names = read_array(path, archive, "class_names")
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise InputDataError(
            f"{path}[class_names]", "it is not a list of strings", "Save a 1-D array of strings."
        )
    with decoder_errors(
        f"{path}[class_names]", "cannot be read as text", "Save the names as UTF-8."
    ):
        return [name.decode() if isinstance(name, bytes) else name for name in names.tolist()]


def _classes_of_other(path: Path, archive: zipfile.ZipFile, keys: set[str], other: str) -> int:
    """Return how many classes the labels of the split ``other`` need, 0 where there is none."""
    key = _split_key(path, keys, SPLIT_LABEL_KEYS, other)
    if key is None:
        return 0
    labels = read_array(path, archive, key)
    if labels.ndim == 2 and labels.shape[1] > 1:
        return int(labels.shape[1])
    checked = checked_hard(labels, f"{path}[{key}]", None)
    return int(checked.max()) + 1 if len(checked) else 0


SOURCE = SourceKind(
    holds=lambda path, folder: not folder and path.suffix.lower() == ".npz",
    open=lambda path, split, spec: open_npz(path, split, spec.text),
)
