"""A Parquet shard is a table that bare pyarrow and Pillow read, in small row groups."""

import io
import json

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from augfactory.records import Rows
from augfactory.store.formats import parquet
from tests.store.conftest import make_rows

CLASSES = ["cat", "dog", "emu"]


def test_bare_pyarrow_reads_what_was_written(rows: Rows) -> None:
    table = pq.read_table(io.BytesIO(parquet.shard_bytes(rows, 100, CLASSES)))
    for place, image in enumerate(table["image"].to_pylist()):
        assert image["path"] == f"{100 + place:08d}.png"
        with Image.open(io.BytesIO(image["bytes"])) as opened:
            assert np.array_equal(np.asarray(opened), rows.image[place])
    assert np.array_equal(np.float32(table["soft_label"].to_pylist()), rows.soft_label)
    assert table["label"].to_pylist() == rows.soft_label.argmax(axis=1).tolist()
    assert table["method"].to_pylist() == rows.method.tolist()
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": CLASSES, "_type": "ClassLabel"}
    assert features["soft_label"]["length"] == 3


def test_large_images_lie_in_small_row_groups() -> None:
    rows = make_rows(9)
    large = Rows(**{**vars(rows), "image": np.zeros((9, 210, 200, 3), dtype=np.uint8)})
    file = pq.ParquetFile(io.BytesIO(parquet.shard_bytes(large, 0, CLASSES)))
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    assert sizes == [2, 2, 2, 2, 1]


def test_names_tell_how_many_shards_there_are() -> None:
    assert parquet.shard_path(3, 12) == "data/train-00003-of-00012.parquet"
