"""Hugging Face datasets on disk, written by ``datasets`` itself, and how they can be broken."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augfactory.errors import AugfactoryError, InputDataError, RecipeError
from augfactory.records import Source, SourceOptions, SourceSpec
from augfactory.source_rows import rows_of
from augfactory.sources.opening import open_source
from augfactory.sources.parsing import arrow_images
from augfactory.sources.recorded import open_rows
from tests.sources.written import HEIGHT, WIDTH, encoded, image_of, noise

os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
datasets = pytest.importorskip("datasets")
datasets.disable_progress_bars()

IMAGES = noise(7, HEIGHT, WIDTH, 3)
LABELS = [2, 0, 1, 2, 0, 1, 1]
NAMES = ["pear", "apple", "fig"]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def dataset(rows: range = range(7), **columns: Any) -> Any:
    """What a user would make: an image feature and a class label that is not in sorted order."""
    features = datasets.Features(
        {"img": datasets.Image(), "label": datasets.ClassLabel(names=NAMES), "weight": _float()}
    )
    values = {
        "img": [image_of(IMAGES[row]) for row in rows],
        "label": [LABELS[row] for row in rows],
        "weight": [0.5 * row for row in rows],
    }
    return datasets.Dataset.from_dict({**values, **columns}, features=features)


def _float() -> Any:
    return datasets.Value("float32")


def opened(path: object, **options: Any) -> Source:
    return open_source(SourceSpec(str(path), options=SourceOptions(**options)))


def check(source: Source, rows: range = range(7)) -> None:
    assert source.class_names == tuple(NAMES)
    assert source.labels.tolist() == [LABELS[row] for row in rows]
    chosen = np.array([len(rows) - 1, 0, 0])
    assert np.array_equal(source.read_images(chosen), IMAGES[[rows[place] for place in chosen]])


def refusal(path: object, kind: type[AugfactoryError] = InputDataError, **options: Any) -> str:
    def read() -> None:
        source = opened(path, **options)
        source.read_images(np.arange(len(source)))

    with pytest.raises(kind) as caught:
        read()
    return str(caught.value)


def test_what_save_to_disk_writes(tmp_path: Path) -> None:
    dataset().save_to_disk(tmp_path / "set", num_shards=3)
    source = opened(tmp_path / "set")
    check(source)
    assert source.split is None
    assert source.notes[0].startswith("set: images from column 'img', classes from column 'label'")
    assert len(open_rows(rows_of(SourceSpec(str(tmp_path / "set")), source))[1]) == 7
    assert "there is no test split" in refusal(f"{tmp_path / 'set'}:test")


def test_the_splits_of_a_dict(tmp_path: Path) -> None:
    parts = {"train": dataset(range(4)), "validation": dataset(range(4, 6)), "test": dataset()}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "set")
    for suffix, split, rows in (
        ("", "train", range(4)), (":val", "validation", range(4, 6)), (":test", "test", range(7)),
    ):  # fmt: skip
        source = opened(f"{tmp_path / 'set'}{suffix}")
        assert source.split == split
        check(source, rows)
    assert opened(tmp_path / "set" / "test").split == "test"


@pytest.mark.parametrize("held", [True, False])
def test_parquet_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
    if not held:
        monkeypatch.setattr(arrow_images, "MOST_HELD", 10)
    (tmp_path / "set" / "data").mkdir(parents=True)
    (tmp_path / "set" / "README.md").write_text("x")
    for number, rows in enumerate((range(3), range(3, 7))):
        name = f"train-{number:05d}-of-00002.parquet"
        dataset(rows).to_parquet(tmp_path / "set" / "data" / name, batch_size=2)
    dataset(range(2)).to_parquet(tmp_path / "set" / "data" / "test-00000-of-00001.parquet")
    source = opened(tmp_path / "set")
    assert source.split == "train"
    check(source)
    assert opened(f"{tmp_path / 'set'}:test").labels.tolist() == [2, 0]
    alone = tmp_path / "set" / "data" / "train-00001-of-00002.parquet"
    check(opened(alone), range(3, 7))
    assert source.row_name(4) == "train-00001-of-00002.parquet row 1"


def test_columns_without_features(tmp_path: Path) -> None:
    pictures = pa.array([encoded(image_of(image)) for image in IMAGES])
    kinds = [NAMES[label] for label in LABELS]
    table = pa.table({"picture": pictures, "kind": kinds, "label": [f"{n}" for n in range(7)]})
    pq.write_table(table, tmp_path / "a.parquet")
    source = opened(tmp_path / "a.parquet", label_column="kind")
    assert source.class_names == ("apple", "fig", "pear")
    assert [source.class_names[label] for label in source.labels] == kinds
    assert np.array_equal(source.read_images(np.array([6])), IMAGES[[6]])
    assert "--label-column" in refusal(tmp_path / "a.parquet", RecipeError, label_column="kinds")
    assert "Leave it out" in refusal(tmp_path / "a.parquet", RecipeError, root="x")


def test_what_cannot_be_used(tmp_path: Path) -> None:
    unlabelled = dataset(label=[-1, 0, 1, 2, 0, 1, 1])
    unlabelled.save_to_disk(tmp_path / "a")
    assert "1 rows have no class, such as row 0" in refusal(tmp_path / "a")
    dataset().remove_columns("label").save_to_disk(tmp_path / "b")
    assert "--label-column" in refusal(tmp_path / "b")
    assert "classification only" in refusal(tmp_path / "b", label_column="weight")
    dataset().rename_column("label", "objects").cast_column("objects", _float()).save_to_disk(
        tmp_path / "c"
    )
    assert "it holds boxes" in refusal(tmp_path / "c")
    path = pa.array([{"bytes": None, "path": "/etc/passwd"}] * 4, IMAGE)
    pq.write_table(pa.table({"image": path, "label": [0, 1, 0, 1]}), tmp_path / "d.parquet")
    assert "row 0: its image is not in the file" in refusal(tmp_path / "d.parquet")


def test_damaged_folders(tmp_path: Path) -> None:
    dataset().save_to_disk(tmp_path / "a")
    state = tmp_path / "a" / "state.json"
    (data,) = (tmp_path / "a").glob("*.arrow")
    whole = data.read_bytes()
    for damaged in (b"", whole[:100], whole[: len(whole) // 2], bytes(len(whole))):
        data.write_bytes(damaged)
        assert str(tmp_path / "a") in refusal(tmp_path / "a")
    data.write_bytes(whole)
    values = json.loads(state.read_text("utf-8"))
    for names in (["../a.arrow"], ["/etc/passwd"], [], [3], "x"):
        state.write_text(json.dumps({**values, "_data_files": names}), "utf-8")
        assert str(tmp_path / "a") in refusal(tmp_path / "a")
    state.write_text("{", "utf-8")
    assert "save_to_disk" in refusal(tmp_path / "a")
