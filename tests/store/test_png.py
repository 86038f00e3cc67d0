"""A PNG keeps every pixel; the table keeps every column, float32 and class names."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from augfactory.errors import RecipeError
from augfactory.records import Rows
from augfactory.store.formats import png
from augfactory.store.tables import table_bytes
from tests.store.conftest import make_rows

CLASSES = ["cat", "dog", "emu"]


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_survive(tmp_path: Path, channels: int) -> None:
    image = make_rows(1, channels).image[0]
    (tmp_path / "a.png").write_bytes(png.encode(image))
    with open(tmp_path / "a.png", "rb") as file:
        assert np.array_equal(png.decode(file, (5, 7, channels)), image)
        with pytest.raises(ValueError, match="it is 5x7"):
            png.decode(file, (7, 5, channels))
        with pytest.raises(ValueError, match="it is 5x7"):
            png.decode(file, (5, 7, 4 - channels))
    with Image.open(tmp_path / "a.png") as opened:
        assert opened.mode == {1: "L", 3: "RGB"}[channels]
        assert opened.size == (7, 5)  # Pillow says width first


def test_table_names_each_file_by_row_and_largest_share(tmp_path: Path, rows: Rows) -> None:
    columns = png.metadata_columns(rows, first=100, class_names=CLASSES)
    (tmp_path / "t.parquet").write_bytes(table_bytes(columns, png.schema(CLASSES, parents=2)))

    table = pq.read_table(tmp_path / "t.parquet")

    largest = [CLASSES[label] for label in np.argmax(rows.soft_label, axis=1)]
    assert table["file_name"].to_pylist() == [
        f"{name}/{100 + row:08d}.png" for row, name in enumerate(largest)
    ]
    assert np.array_equal(np.float32(table["soft_label"].to_pylist()), rows.soft_label)
    assert np.array_equal(np.array(table["source_index"].to_pylist()), rows.source_index)
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["label"]["names"] == CLASSES


@pytest.mark.parametrize(
    "name",
    ["a/b", "..", "", "a\\b", "a\nb", "a\rb", "a\u2028b", "a\x1bb", "\udcff", "x" * 256, "猫" * 86],
)
def test_class_names_that_are_no_folder_names_are_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="cannot be a folder") as caught:
        png.check_class_names(["fine", name])
    assert not set("\n\r\u2028\x1b\udcff") & set(caught.value.where)
    assert len(caught.value.where) < 100


def test_class_names_that_are_folder_names_will_do() -> None:
    png.check_class_names(["x" * 255, "猫" * 85, "\u202eab", "a b", "nul", "-"])
