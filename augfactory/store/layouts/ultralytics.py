"""Class folders for ``yolo classify``: those of ``imagefolder``, with a validation split for sure.

Without ``val/`` ultralytics validates on what it finds, or cuts the training images at random,
where copies of one original land on both sides.
"""

from augfactory.store.layouts.imagefolder import SPLIT_NAMES, write_class_folders
from augfactory.store.layouts.trainer_layout import TrainerLayout

LAYOUT = TrainerLayout(
    name="ultralytics",
    about="class folders with val/, for `yolo classify train data=DIR`",
    write=write_class_folders,
    split_names=SPLIT_NAMES,
    class_folders=True,
    needs_validation=True,
)
