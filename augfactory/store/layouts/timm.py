"""Class folders for timm's ``train.py``, and ``class_map.txt``, the classes in label order.

timm sorts class folders as people count ("2" before "10"); ``--class-map class_map.txt`` gives
every class the number that it has in the version.
"""

from pathlib import Path

from augfactory.store.disk.atomic import write_file
from augfactory.store.layouts.imagefolder import SPLIT_NAMES, write_class_folders
from augfactory.store.layouts.trainer_layout import Exported, TrainerLayout

CLASS_MAP = "class_map.txt"


def _write(folder: Path, export: Exported) -> None:
    write_class_folders(folder, export)
    lines = "".join(f"{name}\n" for name in export.class_names)
    write_file(folder / CLASS_MAP, lines.encode())


LAYOUT = TrainerLayout(
    name="timm",
    about="class folders and class_map.txt, for timm's train.py",
    write=_write,
    split_names=SPLIT_NAMES,
    class_folders=True,
)
