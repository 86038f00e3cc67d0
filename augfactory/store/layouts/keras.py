"""Class folders for ``keras.utils.image_dataset_from_directory``, and the classes in label order.

It numbers classes by their sorted names unless it is told others: ``class_names.json`` holds them
in the order of the version, for its argument ``class_names``.
"""

import json
from pathlib import Path

from augfactory.guarded.text import escaped_json
from augfactory.store.disk.atomic import write_file
from augfactory.store.layouts.imagefolder import SPLIT_NAMES, write_class_folders
from augfactory.store.layouts.trainer_layout import Exported, TrainerLayout

NAMES = "class_names.json"


def _write(folder: Path, export: Exported) -> None:
    write_class_folders(folder, export)
    names = escaped_json(json.dumps(list(export.class_names), indent=1, ensure_ascii=False))
    write_file(folder / NAMES, f"{names}\n".encode())


LAYOUT = TrainerLayout(
    name="keras",
    about="class folders and class_names.json, for Keras' image_dataset_from_directory",
    write=_write,
    split_names=SPLIT_NAMES,
    class_folders=True,
)
