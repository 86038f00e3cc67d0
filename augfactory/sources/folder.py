"""Class folders: one folder per class, its name the class, the image files directly in it.

``root/<class>/…`` is a set without splits. With ``root/train/<class>/…`` the splits are the folders
``train`` and ``test`` (or ``val``, ``validation``), and no suffix means train. A folder called
``test`` (…) beside a folder ``train`` is a test split also when it is named by itself. A test
split has the classes of its train split. Hidden files are passed over, and so is what is no image,
which ``Source.left_out`` names; links that lead out of the root are refused. Folders of other tasks
than classification are told apart by ``other_tasks.py``. Conversion: see ``pixels.py``.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from augfactory.errors import InputDataError
from augfactory.records import LeftOut, Source, SourceSpec
from augfactory.sources.kind import SourceKind
from augfactory.sources.parsing.decoder_errors import decoder_errors
from augfactory.sources.parsing.image_files import source_of_files
from augfactory.sources.parsing.labels import require_two_classes
from augfactory.sources.parsing.other_tasks import refuse_other_tasks

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
TRAIN_NAMES = ("train",)
TEST_NAMES = ("test", "val", "validation")
NOT_CLASSES = ("__MACOSX", "__pycache__")
LAYOUT = "One folder per class is needed, with the image files directly in it."


@dataclass(frozen=True)
class _Chosen:
    """The folder that holds the class folders, its split, and the folder that names the classes.

    ``root`` holds all splits; links may not lead out of it.
    """

    folder: Path
    split: str | None
    classes_from: Path
    root: Path


@dataclass(frozen=True)
class _Entry:
    """What a listing says of one name, links followed."""

    name: str
    is_folder: bool
    is_file: bool
    is_link: bool


def open_folder(root: Path, split: str | None, spec: SourceSpec) -> Source:
    """Open class folders; listing them reads no pixels.

    Raises:
        InputDataError: no class folders or only one, a class without images, a class that train
            does not have, a split that is not there, a link out of ``root``, images that none can
            be read of, or what boxes or masks belong to.
    """
    refuse_other_tasks(root)
    chosen = _choose(root, split)
    class_names = _class_folders(chosen.classes_from, chosen.root)
    own_classes = class_names
    if chosen.folder != chosen.classes_from:
        own_classes = _class_folders(chosen.folder, chosen.root)
        _refuse_unknown(own_classes, class_names, chosen)
    files = {name: _image_files(chosen.folder / name, chosen.root) for name in own_classes}
    counts = [len(files.get(name, ())) for name in class_names]
    labels = np.repeat(np.arange(len(class_names)), counts)
    require_two_classes(labels, str(chosen.folder))
    starts = np.concatenate([[0], np.cumsum(counts)])

    def row_name(row: int) -> str:
        label = int(labels[row])
        name = class_names[label]
        return f"{name}/{files[name][row - int(starts[label])]}"

    source = source_of_files(
        spec,
        split=chosen.split,
        class_names=class_names,
        labels=labels,
        path_of=lambda row: chosen.folder / row_name(row),
        row_name=row_name,
    )
    return replace(source, left_out=lambda: tuple(_left_out(chosen.folder, files)))


def _left_out(folder: Path, files: dict[str, list[str]]) -> Iterator[LeftOut]:
    """Yield what is beside and in the class folders and is none of their ``files``."""
    for entry in _entries(folder):
        if not entry.is_folder:
            image = entry.name.lower().endswith(SUFFIXES)
            reason = "an image in no class folder" if image else "no image, by its name"
            yield LeftOut(entry.name, reason)
    for name, own in files.items():
        kept = set(own)
        for entry in _entries(folder / name):
            if entry.name in kept:
                continue
            inside = f"{name}/{entry.name}"
            if not entry.is_folder:
                yield LeftOut(inside, "no image, by its name")
            elif entry.name not in NOT_CLASSES and (count := _images_below(folder / inside)):
                yield LeftOut(f"{inside}/", f"a folder in a class folder, with {count:,} image(s)")


def _images_below(folder: Path) -> int:
    """Count the files below ``folder``, at any depth, that are images by their names."""
    return sum(name.lower().endswith(SUFFIXES) for _, _, names in os.walk(folder) for name in names)


def _choose(root: Path, split: str | None) -> _Chosen:
    train, test = _split_folder(root, TRAIN_NAMES), _split_folder(root, TEST_NAMES)
    if train is not None or (split == "test" and test is not None):
        folder = test if split == "test" else train
        if folder is None:
            raise InputDataError(
                root, "there is no test split beside train", f"Put it into {root / 'test'}"
            )
        return _Chosen(folder, split or "train", train or folder, root)
    whole = root.resolve()
    own_split, train = None, None
    if whole.name.lower() in TEST_NAMES:
        train = _split_folder(whole.parent, TRAIN_NAMES)
        own_split = None if train is None else "test"
    elif whole.name.lower() in TRAIN_NAMES and _split_folder(whole.parent, TEST_NAMES) is not None:
        own_split = "train"
    if split not in (None, own_split):
        what = f"this is the {own_split} split" if own_split else "it has no splits"
        raise InputDataError(
            root, f"{what}; there is no {split} split in it", f"Leave :{split} off."
        )
    return _Chosen(root, own_split, train or root, whole.parent if own_split else root)


def _split_folder(root: Path, names: tuple[str, ...]) -> Path | None:
    """Return the folder of one split, if it is there and holds folders, as a class would not."""
    folder = _named(root, names)
    return folder if folder is not None and any(_visible_folders(folder)) else None


def _named(root: Path, names: tuple[str, ...]) -> Path | None:
    found = {name.lower(): name for name in _visible_folders(root)}
    return next((root / found[name] for name in names if name in found), None)


def _class_folders(folder: Path, root: Path) -> tuple[str, ...]:
    found = [entry for entry in _entries(folder) if entry.is_folder]
    names = tuple(sorted(entry.name for entry in found if entry.name not in NOT_CLASSES))
    if not names:
        raise InputDataError(folder, "there are no class folders in it", LAYOUT)
    links = {entry.name for entry in found if entry.is_link}
    for name in names:
        if name in links:
            _refuse_way_out(folder / name, root)
    if len(names) == 1:
        below = folder / names[0]
        hint = f" Did you mean {below}?" if any(_visible_folders(below)) else ""
        raise InputDataError(
            folder, f"only one class folder, {names[0]}", f"At least two classes are needed.{hint}"
        )
    return names


def _refuse_unknown(own: tuple[str, ...], known: tuple[str, ...], chosen: _Chosen) -> None:
    all_known = set(known)
    for name in own:
        if name not in all_known:
            raise InputDataError(
                chosen.folder / name,
                f"{chosen.classes_from} has no class of this name",
                "A test split has the classes of its train split: rename or move the folder.",
            )


def _image_files(folder: Path, root: Path) -> list[str]:
    """Return the sorted names of the images directly in a class folder."""
    entries = _entries(folder)
    images = [
        entry
        for entry in entries
        if entry.name.lower().endswith(SUFFIXES) and (entry.is_file or entry.is_link)
    ]
    for entry in images:
        if entry.is_link:
            _refuse_way_out(folder / entry.name, root)
    if not images:
        besides = f", though {len(entries)} other entries" if entries else ""
        raise InputDataError(
            folder,
            f"no images in this class folder{besides}",
            f"{LAYOUT} If it is no class, move it elsewhere.",
        )
    return sorted(entry.name for entry in images)


def _refuse_way_out(path: Path, root: Path) -> None:
    """Refuse the link ``path`` where it does not lead into ``root``."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputDataError(
            path,
            f"this link leads out of {root}",
            "Put a copy in its place, or name the folder that it leads to.",
        )


def _visible_folders(folder: Path) -> list[str]:
    names = (entry.name for entry in _entries(folder) if entry.is_folder)
    return [name for name in names if name not in NOT_CLASSES]


def _entries(folder: Path) -> list[_Entry]:
    """List a folder once; only for links does the system look at more than the listing."""
    with (
        decoder_errors(folder, "cannot be listed", "Check the folder."),
        os.scandir(folder) as entries,
    ):
        return [
            _Entry(entry.name, entry.is_dir(), entry.is_file(), entry.is_symlink())
            for entry in entries
            if not entry.name.startswith(".")
        ]


SOURCE = SourceKind(holds=lambda _, folder: folder, open=open_folder)
