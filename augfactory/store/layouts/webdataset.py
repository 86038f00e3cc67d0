"""WebDataset archives: ``train-00000.tar``, ``validation-00000.tar`` and ``_info.json`` for timm.

Each archive is as the format webdataset has it: ``<row>.png``, ``<row>.cls``, ``<row>.json``.
"""

from pathlib import Path

from augfactory.store.disk.atomic import write_file
from augfactory.store.formats.webdataset import INFO, info_bytes, shard_bytes
from augfactory.store.layouts.trainer_layout import Exported, TrainerLayout, parts_of

SPLIT_NAMES = {"train": "train", "val": "validation"}


def _write(folder: Path, export: Exported) -> None:
    written: dict[str, dict[str, int]] = {SPLIT_NAMES[split]: {} for split in export.splits}
    for split, part in parts_of(export):
        name = SPLIT_NAMES[split]
        path = f"{name}-{len(written[name]):05d}.tar"
        write_file(folder / path, shard_bytes(part.rows, part.first, part.label))
        written[name][path] = len(part.rows)
    write_file(folder / INFO, info_bytes(export.class_names, written))


LAYOUT = TrainerLayout(
    name="webdataset",
    about="tar archives with _info.json: webdataset, timm's wds/",
    write=_write,
    split_names=SPLIT_NAMES,
    keeps_shares=True,
)
