"""``torchvision:NAME``: data sets that torchvision knows how to read and, when asked, to fetch.

They lie under the folder that the environment variable AUGFACTORY_TORCHVISION_ROOT names, else in
``~/.cache/augfactory/torchvision``, in torchvision's own layout. Nothing is fetched unless the
request says ``--download``. A folder in which torchvision has put a set is known by what is in it
(``FOUND_BY``), and is read as ``torchvision:NAME`` would be from there. EMNIST's
images stay as torchvision gives them, transposed. (CIFAR comes as pickles; torchvision checks each
file against its published MD5 before it reads it.)
"""

import contextlib
import difflib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.sources.kind import SourceKind
from augfactory.sources.parsing.arrays import source_of_arrays, whole_images
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.image_files import source_of_files
from augfactory.sources.parsing.labels import read_labels
from augfactory.torchvision_import import import_torchvision

PREFIX = "torchvision:"
ROOT_VARIABLE = "AUGFACTORY_TORCHVISION_ROOT"
DEFAULT_ROOT = Path("~/.cache/augfactory/torchvision")

BY_FLAG = {"train": {"train": True}, "test": {"train": False}}
BY_WORD = {"train": {"split": "train"}, "test": {"split": "test"}}
UNSPLIT: dict[str, dict[str, Any]] = {"": {}}
EMNIST_PARTS = ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")

# NAME: (torchvision's class, its keywords for each split). Sets of one hard label per image only.
CATALOGUE: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    **{name: (name, BY_FLAG) for name in ("MNIST", "FashionMNIST", "KMNIST", "QMNIST", "USPS")},
    **{
        f"EMNIST-{part}": ("EMNIST", {word: {"split": part, **BY_FLAG[word]} for word in BY_FLAG})
        for part in EMNIST_PARTS
    },
    **{name: (name, BY_FLAG) for name in ("CIFAR10", "CIFAR100")},
    **{name: (name, BY_WORD) for name in ("SVHN", "STL10")},
    "Country211": ("Country211", {**BY_WORD, "validation": {"split": "valid"}}),
    "EuroSAT": ("EuroSAT", UNSPLIT),
}


# What tells that torchvision has put a set into a folder, and the set's name.
FOUND_BY = {
    **{f"{name}/raw": name for name in ("MNIST", "FashionMNIST", "KMNIST", "QMNIST")},
    "cifar-10-batches-py": "CIFAR10",
    "cifar-100-python": "CIFAR100",
    "stl10_binary": "STL10",
    "train_32x32.mat": "SVHN",
    "usps.bz2": "USPS",
}


def open_torchvision(
    known_as: str, split: str | None, spec: SourceSpec, root: Path | None = None
) -> Source:
    """Open the set that torchvision calls ``known_as``; ``split`` None means train.

    ``root`` is where torchvision has put it; None is ``torchvision_root()``.

    Raises:
        InputDataError: no such set or split, or its files are not there or damaged.
    """
    class_name, splits = _entry(known_as)
    own_split = None if splits is UNSPLIT else split or "train"
    if splits is UNSPLIT and split is not None:
        raise InputDataError(
            spec.text, f"{known_as} has no splits, so no {split} split", f"Leave :{split} off."
        )
    if (own_split or "") not in splits:
        raise InputDataError(
            spec.text,
            f"{known_as} has no {split} split",
            f"It has {' and '.join(f':{name}' for name in splits)}.",
        )
    dataset = _load(class_name, splits[own_split or ""], known_as, spec, root)
    if not hasattr(dataset, "data"):
        return _source_of_samples(dataset, own_split, spec)
    values = getattr(dataset, "targets", None)
    labels = np.asarray(dataset.labels if values is None else values)
    if labels.ndim == 2:  # QMNIST: the class is the first of several columns
        labels = labels[:, 0]
    checked, _, class_names = read_labels(labels, None, _class_names(dataset), spec.text)
    images = whole_images(np.asarray(dataset.data), spec.text)
    return source_of_arrays(
        name=spec.text,
        split=own_split,
        class_names=class_names,
        images=images,
        labels=checked,
        row_name=lambda row: f"{known_as}:{own_split} row {row}",
    )


def torchvision_root() -> Path:
    """Return the folder under which torchvision's sets lie."""
    return Path(os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT).expanduser()


def _entry(known_as: str) -> tuple[str, dict[str, dict[str, Any]]]:
    if known_as in CATALOGUE:
        return CATALOGUE[known_as]
    by_lower_case = {name.lower(): name for name in CATALOGUE}
    wanted = known_as.lower()
    near = [name for name in by_lower_case if name.startswith(f"{wanted}-")]
    near = near or difflib.get_close_matches(wanted, by_lower_case, n=1)
    hint = f"Did you mean {PREFIX}{by_lower_case[near[0]]}? " if near else ""
    raise InputDataError(
        PREFIX + known_as, "no such set", f"{hint}The names are {', '.join(sorted(CATALOGUE))}."
    )


def open_folder(path: Path, split: str | None, spec: SourceSpec) -> Source:
    """Open a folder in which torchvision has put a set, or that set's own folder in it.

    Raises:
        InputDataError: there are several sets in it, or it cannot be opened; see
            ``open_torchvision``.
    """
    found = sets_in(path)
    if len(found) > 1:
        listed = ", ".join(sorted(found))
        raise InputDataError(
            path, f"torchvision has put several sets there: {listed}",
            f"Name one: {ROOT_VARIABLE}={path} and {PREFIX}{min(found)}.",
        )  # fmt: skip
    ((known_as, root),) = found.items()
    return open_torchvision(known_as, split, spec, root)


def sets_in(folder: Path) -> dict[str, Path]:
    """Return the sets that torchvision has put into a folder, and the root of each.

    A folder that is itself such a set's counts too.
    """
    whole = folder.resolve()
    found = {}
    for mark, name in FOUND_BY.items():
        if (folder / mark).exists():
            found[name] = folder
        elif whole.name == mark.partition("/")[0] and (whole.parent / mark).is_dir():
            found[name] = whole.parent
    return found


def _load(
    class_name: str,
    keywords: dict[str, Any],
    known_as: str,
    spec: SourceSpec,
    given_root: Path | None = None,
) -> Any:
    """Make torchvision's dataset object, fetching its files only where the request says so."""
    root = given_root or torchvision_root()
    remedy = (
        "Check the network connection, then the files there."
        if spec.download
        else f"Put its files there as torchvision keeps them, or fetch them: --download "
        f"(another folder: {ROOT_VARIABLE}=DIR)"
    )
    if spec.download:
        keywords = {**keywords, "download": True}
    what = f"torchvision cannot open {known_as} under {root}"
    with decoder_errors(spec.text, what, remedy), contextlib.redirect_stdout(sys.stderr):
        datasets = import_torchvision("torchvision.datasets")
        return getattr(datasets, class_name)(str(root), **keywords)


def _source_of_samples(dataset: Any, split: str | None, spec: SourceSpec) -> Source:
    """Make a Source of a set that is a list of (image file, class number)."""
    paths = [Path(path) for path, _ in dataset.samples]
    values = np.asarray([label for _, label in dataset.samples], dtype=np.int64)
    labels, _, class_names = read_labels(values, None, _class_names(dataset), spec.text)
    return source_of_files(
        spec,
        split=split,
        class_names=class_names,
        labels=labels,
        path_of=paths.__getitem__,
        row_name=lambda row: f"{paths[row].parent.name}/{paths[row].name}",
    )


def _class_names(dataset: Any) -> list[str] | None:
    names = getattr(dataset, "classes", None)
    return None if names is None else [str(name) for name in names]


SOURCE = SourceKind(holds=lambda path, folder: folder and bool(sets_in(path)), open=open_folder)
