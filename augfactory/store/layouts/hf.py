"""A Hugging Face dataset: Parquet files of the splits train and validation, and a card.

``load_dataset(DIR)`` reads it, and so do transformers' scripts and timm's ``hfds/``. Class names
stand in the files and in the card's ``dataset_info``.
"""

import json
from pathlib import Path

from augfactory.guarded.text import escaped
from augfactory.store.disk.atomic import make_folders, write_file
from augfactory.store.documents.card import Elsewhere, card
from augfactory.store.documents.markdown import quoted
from augfactory.store.formats.parquet import FOLDER, shard_bytes
from augfactory.store.layouts.trainer_layout import Exported, TrainerLayout, parts_of

SPLIT_NAMES = {"train": "train", "val": "validation"}
KINDS = {"method": "string", "round": "int32", "view": "int32"}


def _write(folder: Path, export: Exported) -> None:
    make_folders([folder / FOLDER])
    sizes = dict.fromkeys(export.splits, 0)
    numbers = dict.fromkeys(export.splits, 0)
    parents = 0
    for split, part in parts_of(export):
        count = export.splits[split].parts_count
        data = shard_bytes(
            part.rows, part.first, export.class_names, label=part.label, names=part.names
        )
        path = f"{FOLDER}/{SPLIT_NAMES[split]}-{numbers[split]:05d}-of-{count:05d}.parquet"
        write_file(folder / path, data)
        numbers[split] += 1
        sizes[split] += len(data)
        parents = max(parents, part.rows.source_index.shape[1])
    head = "\n".join([*_configs(export), *_dataset_info(export, sizes, parents)])
    text = card(export.manifest, Elsewhere(head, _reading(export)))
    write_file(folder / "README.md", text.encode())


def _configs(export: Exported) -> list[str]:
    lines = ["configs:", "- config_name: default", "  data_files:"]
    for split in export.splits:
        name = SPLIT_NAMES[split]
        lines += [f"  - split: {name}", f"    path: {FOLDER}/{name}-*"]
    return lines


def _dataset_info(export: Exported, sizes: dict[str, int], parents: int) -> list[str]:
    lines = ["dataset_info:", "  features:"]
    lines += ["  - name: image", "    dtype: image"]
    lines += ["  - name: label", "    dtype:", "      class_label:", "        names:"]
    lines += [
        f"          '{number}': {quoted(escaped(name))}"
        for number, name in enumerate(export.class_names)
    ]
    lists = {
        "soft_label": ("float32", len(export.class_names)),
        "source_index": ("int64", parents),
        "weight": ("float32", parents),
    }
    for name in ("soft_label", *KINDS, "source_index", "weight"):
        lines.append(f"  - name: {name}")
        if name in lists:
            kind, length = lists[name]
            lines += [f"    list: {kind}", f"    length: {length}"]
        else:
            lines.append(f"    dtype: {KINDS[name]}")
    lines.append("  splits:")
    for split, size in sizes.items():
        lines += [f"  - name: {SPLIT_NAMES[split]}", f"    num_bytes: {size}"]
        lines.append(f"    num_examples: {export.splits[split].count}")
    total = sum(sizes.values())
    return [*lines, f"  download_size: {total}", f"  dataset_size: {total}"]


def _reading(export: Exported) -> str:
    names = [SPLIT_NAMES[split] for split in export.splits]
    return f"""```python
from datasets import load_dataset

rows = load_dataset(".")  # splits: {json.dumps(names)}
image = rows["train"][0]["image"]
soft_label = rows["train"][0]["soft_label"]
```"""


LAYOUT = TrainerLayout(
    name="hf",
    about="Parquet with class names and a card: Hugging Face datasets, transformers, timm's hfds/",
    write=_write,
    split_names=SPLIT_NAMES,
    keeps_shares=True,
)
