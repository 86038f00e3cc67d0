"""Class folders: one folder per class, its name the class, the image files at any depth in it.

``root/<class>/…`` is a set without splits. With ``root/train/<class>/…`` the splits are the folders
``train``, ``test`` and ``validation`` (or ``val``, ``valid``), and no suffix means train. Where
there is no ``test``, ``:test`` is the validation folder. A folder called ``test`` (…) beside a
folder ``train`` is that split also when it is named by itself. Every split has the classes of its
train split. Hidden files are passed over; so are empty folders and what is no image, which
``Source.left_out`` names. Links that lead out of the root are refused unless they are asked for.
Folders of other tasks than classification are told apart by ``other_tasks.py``. Conversion: see
``pixels.py``.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.sources.kind import SourceKind
from augfactory.sources.listing.class_paths import SPLIT_NAMES, VALIDATION_NAMES
from augfactory.sources.listing.files_left_out import NOT_CLASSES, files_left_out
from augfactory.sources.listing.folder_images import (
    Links,
    entries_of,
    images_in,
    nested_images,
    refuse_way_out,
)
from augfactory.sources.parsing.image_files import source_of_files
from augfactory.sources.parsing.labels import require_two_classes
from augfactory.sources.parsing.other_tasks import refuse_other_tasks
from augfactory.sources.parsing.table_files import IMAGE_SUFFIXES
from augfactory.sources.parsing.unread_formats import first_unread

SUFFIXES = IMAGE_SUFFIXES
TRAIN_NAMES = ("train",)
TEST_NAMES = ("test",)
LAYOUT = "One folder per class is needed, with the image files in it."
UNLABELLED = " Images that nobody has labelled go beside labelled ones: --unlabelled"


@dataclass(frozen=True)
class _Chosen:
    """The folder that holds the class folders, its split, and the folder that names the classes.

    ``root`` holds all splits; links may not lead out of it unless ``links_out``. ``nested`` is that
    of ``SourceOptions``.
    """

    folder: Path
    split: str | None
    classes_from: Path
    root: Path
    nested: bool | None = None
    links_out: bool = False

    @property
    def links(self) -> Links:
        """Where its links may lead."""
        return Links(self.root, self.links_out)


def open_folder(root: Path, split: str | None, spec: SourceSpec) -> Source:
    """Open class folders; listing them reads no pixels.

    Raises:
        InputDataError: no class folders or only one, a class without images, a class that train
            does not have, a split that is not there, a link out of ``root``, images that none can
            be read of, or what boxes or masks belong to.
    """
    refuse_other_tasks(root)
    chosen = replace(
        _choose(root, split), nested=spec.options.nested, links_out=spec.options.follow_links
    )
    own = _class_folders(chosen.folder, chosen)
    files = {name: found for name in own if (found := _image_files(chosen.folder / name, chosen))}
    class_names = tuple(files)
    if chosen.folder != chosen.classes_from:
        known = _class_folders(chosen.classes_from, chosen)
        class_names = tuple(name for name in known if entries_of(chosen.classes_from / name))
        _refuse_unknown(tuple(files), class_names, chosen)
    nested = any("/" in name for names in files.values() for name in names)
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
        options=replace(spec.options, nested=nested),
    )
    return replace(source, left_out=lambda: tuple(files_left_out(chosen.folder, files)))


def _choose(root: Path, split: str | None) -> _Chosen:
    found = {name: _split_folder(root, names) for name, names in SPLIT_NAMES.items()}
    train = found["train"]
    if train is not None or (split is not None and found[split] is not None):
        folder = found[split or "train"]
        if folder is None:
            others = [f":{name}" for name, there in found.items() if there and name != split]
            raise InputDataError(
                root,
                f"there is no {split} split beside {', '.join(others).replace(':', '')}",
                f"Put it into {root / (split or 'train')}, or name {' or '.join(others)}.",
            )
        return _Chosen(folder, split or "train", train or folder, root)
    whole = root.resolve()
    own_split, train = _split_called(whole.name), None
    if own_split is not None:
        train = _split_folder(whole.parent, TRAIN_NAMES)
        if train is None or (own_split == "train" and not _has_others(whole.parent)):
            own_split, train = None, None
    asked_of_val = own_split == "validation" and split == "test"  # as it was read before
    if split not in (None, own_split) and not asked_of_val:
        what = f"this is the {own_split} split" if own_split else "it has no splits"
        raise InputDataError(
            root,
            f"{what}; there is no {split} split in it",
            f"Leave :{split} off. To test on some of these images, keep them apart when a dataset "
            "is made (expand --validation 0.2), and test on NAME:val.",
        )
    classes_from = root if own_split in (None, "train") else train or root
    known_as = own_split and (split or own_split)
    return _Chosen(root, known_as, classes_from, whole.parent if own_split else root)


def _split_called(name: str) -> str | None:
    """Return the split that a folder of this name is, beside its train split."""
    for split, names in (
        ("train", TRAIN_NAMES), ("test", TEST_NAMES), ("validation", VALIDATION_NAMES),
    ):  # fmt: skip
        if name.lower() in names:
            return split
    return None


def _has_others(root: Path) -> bool:
    return any(_split_folder(root, SPLIT_NAMES[name]) for name in ("test", "validation"))


def _split_folder(root: Path, names: tuple[str, ...]) -> Path | None:
    """Return the folder of one split, if it is there and holds folders, as a class would not."""
    folder = _named(root, names)
    return folder if folder is not None and any(_visible_folders(folder)) else None


def _named(root: Path, names: tuple[str, ...]) -> Path | None:
    found = {name.lower(): name for name in _visible_folders(root)}
    return next((root / found[name] for name in names if name in found), None)


def _class_folders(folder: Path, chosen: _Chosen) -> tuple[str, ...]:
    found = [entry for entry in entries_of(folder) if entry.is_folder]
    names = tuple(sorted(entry.name for entry in found if entry.name not in NOT_CLASSES))
    if not names:
        images = sum(entry.name.lower().endswith(SUFFIXES) for entry in entries_of(folder))
        flat = ""
        if images:
            flat = f" Or a table that tells the class of each file: --labels TABLE.csv.{UNLABELLED}"
        what = "there are no class folders in it"
        what += f", and {images:,} images directly in it" if images else ""
        raise InputDataError(folder, what, LAYOUT + flat)
    links = {entry.name for entry in found if entry.is_link}
    for name in names:
        if name in links:
            refuse_way_out(folder / name, chosen.links)
    if len(names) == 1:
        below = folder / names[0]
        hint = f" Did you mean {below}?" if any(_visible_folders(below)) else UNLABELLED
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


def _image_files(folder: Path, chosen: _Chosen) -> list[str]:
    """Return the names of the images in a class folder, told from it: its own first, sorted.

    There are none where it holds nothing at all: then it is no class.
    """
    entries = entries_of(folder)
    if not entries:
        return []
    found = images_in(folder, entries, chosen.links)
    if chosen.nested is not False:
        found += nested_images(folder, "", entries, chosen.links, {os.path.realpath(folder)})
    if not found:
        others = "1 other entry" if len(entries) == 1 else f"{len(entries):,} other entries"
        what, remedy = (
            f"no images in this class folder, though {others}",
            f"{LAYOUT} If it is no class, move it elsewhere.",
        )
        if (unread := first_unread(entry.name for entry in entries)) is not None:
            what, remedy = f"{what}: {unread[0]} is {unread[1]}", unread[2]
        raise InputDataError(folder, what, remedy)
    return found


def _visible_folders(folder: Path) -> list[str]:
    names = (entry.name for entry in entries_of(folder) if entry.is_folder)
    return [name for name in names if name not in NOT_CLASSES]


SOURCE = SourceKind(holds=lambda _, folder: folder, open=open_folder)
