"""Class folders: ``train/<class>/<name>.png`` and ``val/<class>/<name>.png``, and nothing else.

torchvision's ``ImageFolder`` and its reference scripts, the imagenet scripts of PyTorch and
Lightning, fastai, mmpretrain, and scripts made after these read it.
"""

from pathlib import Path

from augfactory.store.disk.atomic import make_folders, write_many
from augfactory.store.formats import png
from augfactory.store.layouts.trainer_layout import Exported, TrainerLayout, parts_of

SPLIT_NAMES = {"train": "train", "val": "val"}


def write_class_folders(folder: Path, export: Exported) -> None:
    """Write every row as a PNG into the folder of its split and its hard label."""
    names = export.class_names
    make_folders(folder / SPLIT_NAMES[split] / name for split in export.splits for name in names)
    for split, part in parts_of(export):
        write_many(
            folder,
            [
                (f"{SPLIT_NAMES[split]}/{names[label]}/{name}.png", png.encode(image))
                for image, label, name in zip(
                    part.rows.image, part.label.tolist(), part.names, strict=True
                )
            ],
        )


LAYOUT = TrainerLayout(
    name="imagefolder",
    about="train/ and val/ of class folders: torchvision, fastai, PyTorch's and Lightning's "
    "imagenet scripts",
    write=write_class_folders,
    split_names=SPLIT_NAMES,
    class_folders=True,
)
