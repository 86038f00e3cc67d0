"""Data of other tasks than classification, told apart by what a folder holds.

augfactory gives each image one label, or shares of labels. Boxes and masks would have to move with
the pixels, and a measure has no classes; so these are refused before their folders are taken for
classes. Nothing is said here that would make anybody delete a file.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from augfactory.errors import InputDataError
from augfactory.sources.parsing.decoder_errors import decoder_errors

IMAGES = frozenset(("images", "image", "imgs", "img", "jpegimages"))
MASKS = frozenset(
    ("masks", "mask", "segmentations", "segmentation", "segmentationclass", "groundtruth", "gt")
)
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
SPLITS = ("train", "training", "val", "valid", "validation", "test")
CLASS_FOLDERS = "put each image into a folder named after its class"
BOXES = (
    f"To classify whole images, {CLASS_FOLDERS}; to classify what is in the boxes, cut each box "
    "out and save it so. To vary images together with their boxes, use a detection library such as "
    "albumentations or torchvision.transforms.v2."
)
PIXELS = (
    f"To classify whole images, {CLASS_FOLDERS}, without the masks. To vary images together with "
    "their masks, use a library such as albumentations or torchvision.transforms.v2. If the two "
    "are classes, give them other names."
)
MEASURE = (
    "To classify, divide the measure into classes (such as low, middle, high) and give each row "
    "the number of its class."
)
ONLY = "augfactory is for classification only: one label for a whole image"


def classification_only(where: object, what: str, remedy: str = MEASURE) -> InputDataError:
    """Return the error for data of another task; ``what`` says by what it was recognised.

    ``remedy`` is by default that for a numeric target.
    """
    return InputDataError(where, f"{what}; {ONLY}", remedy)


def refuse_other_tasks(root: Path) -> None:
    """Refuse a folder that holds what boxes or masks belong to, in it or in its splits.

    Raises:
        InputDataError: it is a YOLO, COCO or Pascal VOC folder, or one of images and masks.
    """
    folders, files = _listed(root)
    _refuse_layout(root, folders, files)
    for split in SPLITS:
        if split in folders:
            below = root / folders[split]
            _refuse_layout(below, *_listed(below))


def _refuse_layout(root: Path, folders: dict[str, str], files: list[str]) -> None:
    def holds(folder: str, *endings: str) -> bool:
        return folder in folders and _any_file(root / folders[folder], endings)

    images = IMAGES & folders.keys()
    beside_classes = set(folders) - IMAGES - MASKS - {"labels", "annotations", *SPLITS}
    if holds("annotations", ".json") and not holds("annotations", *PICTURES):
        raise classification_only(root, "annotations/*.json are boxes or masks (COCO)", BOXES)
    if holds("annotations", ".xml") and images:
        raise classification_only(root, "annotations/*.xml are boxes (Pascal VOC)", BOXES)
    if images and holds("labels", ".txt") and not holds("labels", *PICTURES):
        raise classification_only(
            root, "images/ and labels/*.txt are images and boxes (YOLO)", BOXES
        )
    if not folders.keys() - {*SPLITS, "images", "labels"} and _names_boxes(files):
        raise classification_only(root, "its annotations are boxes or masks (COCO)", BOXES)
    masks = MASKS & folders.keys()
    if images and masks and not beside_classes:
        told = f"{folders[min(images)]}/ and {folders[min(masks)]}/ are images and their masks"
        raise classification_only(root, f"{told} (segmentation)", PIXELS)


def _names_boxes(files: Iterable[str]) -> bool:
    return any(name.lower() == "_annotations.coco.json" for name in files)


def _listed(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Return the folders in ``folder``, lower case -> name, and the names of its files."""
    with (
        decoder_errors(folder, "cannot be listed", "Check the folder."),
        os.scandir(folder) as entries,
    ):
        found = [(entry.name, entry.is_dir()) for entry in entries if entry.name[:1] != "."]
    folders = {name.lower(): name for name, is_folder in found if is_folder}
    return folders, [name for name, is_folder in found if not is_folder]


def _any_file(folder: Path, endings: tuple[str, ...]) -> bool:
    """Tell whether a file below ``folder``, at most two deep, ends so."""
    for place, folders, names in os.walk(folder):
        if any(name.lower().endswith(endings) for name in names):
            return True
        if len(Path(place).relative_to(folder).parts) > 1:
            folders.clear()
    return False
