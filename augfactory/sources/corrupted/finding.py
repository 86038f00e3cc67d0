"""Find the corruptions in a folder, in one of the three ways in which they are published.

Stacked arrays, as CIFAR-10-C and CIFAR-100-C: ``CORRUPTION.npy`` with the same images at severities
1 to 5 one after another, and ``labels.npy``, for all of them or for those of one severity.
Arrays in folders, as MNIST-C: ``CORRUPTION/test_images.npy`` and ``test_labels.npy``.
Class folders, as ImageNet-C: ``CORRUPTION/SEVERITY/CLASS/…``, severities by number.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from augfactory.errors import InputDataError
from augfactory.guarded.files import is_folder
from augfactory.guarded.text import problem_with_name
from augfactory.records import Int64Array, SourceSpec
from augfactory.sources.corrupted.part import CorruptedPart, read_labels, read_npy
from augfactory.sources.parsing.decoder_errors import decoder_errors

SEVERITIES = 5
LABELS = "labels.npy"
IMAGES_IN_FOLDER, LABELS_IN_FOLDER = "test_images.npy", "test_labels.npy"
LAYOUTS = (
    "It needs CORRUPTION.npy files and labels.npy (CIFAR-10-C), "
    f"CORRUPTION/{IMAGES_IN_FOLDER} and {LABELS_IN_FOLDER} (MNIST-C), "
    "or CORRUPTION/SEVERITY/CLASS/ folders of images (ImageNet-C)."
)


@dataclass(frozen=True)
class Found:
    """What a folder holds: its parts by corruption and severity, and in which layout.

    ``family`` is the benchmark that lays out its files so: "cifar-c" or "mnist-c".
    """

    parts: tuple[CorruptedPart, ...]
    family: str

    @property
    def corruptions(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(dict.fromkeys(part.corruption for part in self.parts))


def find_parts(folder: Path, spec: SourceSpec) -> Found:
    """Return what is in ``folder``; ``spec`` says how images of class folders are converted.

    Raises:
        InputDataError: it is no folder, holds none of the three layouts, or files that do not
            belong together.
    """
    if not is_folder(folder):
        what = "is not a folder"
        if folder.suffix.lower() in (".tar", ".zip", ".gz", ".tgz"):
            what = "is an archive: unpack it first, and name the folder"
        raise InputDataError(folder, what, LAYOUTS)
    names = _names(folder)
    arrays = [name for name in names if name.endswith(".npy") and name != LABELS]
    folders = [name for name in names if is_folder(folder / name)]
    packed = [name for name in folders if _holds_arrays(folder / name)]
    if arrays:
        return Found(tuple(_stacked(folder, arrays, LABELS in names)), "cifar-c")
    if packed:
        return Found(tuple(_in_folder(folder / name) for name in packed), "mnist-c")
    parts = [part for name in folders for part in _class_folders(folder / name, spec)]
    if parts:
        return Found(tuple(parts), "cifar-c")
    raise InputDataError(folder, "there are no corrupted images in it", LAYOUTS)


def _stacked(folder: Path, names: Sequence[str], with_labels: bool) -> list[CorruptedPart]:
    if not with_labels:
        raise InputDataError(
            folder, f"there is no {LABELS} beside {names[0]}", f"Put it there. {LAYOUTS}"
        )
    labels_path = folder / LABELS
    labels = read_labels(labels_path)
    parts = []
    for name in names:
        path = folder / name
        rows = _rows(path)
        corruption = _checked(path, name.removesuffix(".npy"))
        if rows == SEVERITIES * len(labels):
            each, label_step = len(labels), 0
        elif rows == len(labels) and _repeated(labels):
            each = label_step = rows // SEVERITIES
        elif rows == len(labels):
            each, label_step = rows, 0
        else:
            raise InputDataError(
                path,
                f"it holds {rows:,} images, and {LABELS} {len(labels):,} labels",
                "There must be as many, or five times as many images: severities 1 to 5 one "
                "after another.",
            )
        if each == 0:
            raise InputDataError(path, "it holds no images", "Copy or download it again.")
        part = CorruptedPart(corruption, 1, str(path), str(labels_path), count=each)
        parts += [
            replace(part, severity=place + 1, first=place * each, first_label=place * label_step)
            for place in range(rows // each)
        ]
    return parts


def _repeated(labels: Int64Array) -> bool:
    """Tell whether the labels are the same ones five times over, as of five severities."""
    if len(labels) % SEVERITIES or not len(labels):
        return False
    blocks = labels.reshape(SEVERITIES, -1)
    return bool((blocks == blocks[0]).all())


def _holds_arrays(folder: Path) -> bool:
    return IMAGES_IN_FOLDER in _names(folder)


def _in_folder(folder: Path) -> CorruptedPart:
    images, labels = folder / IMAGES_IN_FOLDER, folder / LABELS_IN_FOLDER
    if LABELS_IN_FOLDER not in _names(folder):
        raise InputDataError(folder, f"there is no {LABELS_IN_FOLDER} in it", "Put it there.")
    rows, count = _rows(images), len(read_labels(labels))
    if rows != count or count == 0:
        raise InputDataError(
            images,
            f"it holds {rows:,} images, and {LABELS_IN_FOLDER} {count:,} labels",
            "Put files of one set, whole, beside each other.",
        )
    return CorruptedPart(_checked(folder, folder.name), 1, str(images), str(labels))


def _class_folders(folder: Path, spec: SourceSpec) -> list[CorruptedPart]:
    severities = sorted(
        (name for name in _names(folder) if re.fullmatch(r"[0-9]{1,3}", name)), key=int
    )
    return [
        CorruptedPart(
            _checked(folder, folder.name),
            int(name),
            str(folder / name),
            spec=replace(spec, text=str(folder / name)),
        )
        for name in severities
        if is_folder(folder / name)
    ]


def _rows(path: Path) -> int:
    shape = read_npy(path).shape
    return int(shape[0]) if shape else 0


def _checked(path: Path, name: str) -> str:
    """Return the name of a corruption, which tables and pages show."""
    problem = problem_with_name(name)
    if problem is not None:
        raise InputDataError(path, f"it cannot be called so: {problem}", "Rename it.")
    return name


def _names(folder: Path) -> list[str]:
    with decoder_errors(folder, "cannot be listed", "Check the folder."):
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
