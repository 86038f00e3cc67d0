"""PNG trees: ``train/<class>/<row>.png``, and ``train/metadata.parquet`` with every column.

Nothing but class folders and that one file lies under ``train/``, so that whoever reads class
folders reads this one. An image lies in the folder of its largest label share; the exact shares are
in the table. The table carries the schema key of Hugging Face ``datasets``, which keeps class names
and float32 through ``load_dataset("imagefolder")``.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from augfactory.errors import RecipeError
from augfactory.records import Rows, UInt8Array
from augfactory.store.tables import Columns

FOLDER = "train"
METADATA = f"{FOLDER}/metadata.parquet"


def check_class_names(class_names: Sequence[str]) -> None:
    """Refuse class names that cannot be folder names.

    Raises:
        RecipeError: naming the class.
    """
    for name in class_names:
        if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise RecipeError(
                f"class {name!r}",
                "this name cannot be a folder, which --format png makes of it",
                "Rename the class, or write --format hdf5.",
            )


def image_path(row: int, class_name: str) -> str:
    """Return where the image of ``row`` lies, relative to the version's folder."""
    return f"{FOLDER}/{class_name}/{row:08d}.png"


def encode(image: UInt8Array) -> bytes:
    """Return ``image`` [H, W, C] as PNG, losslessly."""
    buffer = io.BytesIO()
    pixels = image[:, :, 0] if image.shape[2] == 1 else image
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def decode(path: Path, channels: int) -> UInt8Array:
    """Read one PNG that ``encode`` made as uint8 [H, W, channels]."""
    with Image.open(path, formats=("PNG",)) as image:
        return np.asarray(image, dtype=np.uint8).reshape(image.height, image.width, channels)


def schema(class_names: Sequence[str], parents: int) -> pa.Schema:
    """Return the table's schema, with the key that Hugging Face ``datasets`` reads."""
    classes = len(class_names)

    def value(kind: str) -> dict[str, object]:
        return {"dtype": kind, "_type": "Value"}

    def sequence(kind: str, length: int) -> dict[str, object]:
        return {"feature": value(kind), "length": length, "_type": "List"}

    features = {
        "file_name": value("string"),
        "label": {"names": list(class_names), "_type": "ClassLabel"},
        "soft_label": sequence("float32", classes),
        "method": value("string"),
        "round": value("int32"),
        "view": value("int32"),
        "source_index": sequence("int64", parents),
        "weight": sequence("float32", parents),
    }
    return pa.schema(
        [
            ("file_name", pa.string()),
            ("label", pa.int64()),
            ("soft_label", pa.list_(pa.float32(), classes)),
            ("method", pa.string()),
            ("round", pa.int32()),
            ("view", pa.int32()),
            ("source_index", pa.list_(pa.int64(), parents)),
            ("weight", pa.list_(pa.float32(), parents)),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def metadata_columns(rows: Rows, first: int, class_names: Sequence[str]) -> Columns:
    """Return the table's columns for ``rows``, whose first is row ``first`` of the dataset."""
    names = [
        image_path(first + place, class_names[label]).removeprefix(f"{FOLDER}/")
        for place, label in enumerate(rows.label.tolist())
    ]
    return {
        "file_name": np.array(names),
        "label": rows.label,
        "soft_label": rows.soft_label,
        "method": rows.method,
        "round": rows.round,
        "view": rows.view,
        "source_index": rows.source_index,
        "weight": rows.weight,
    }
