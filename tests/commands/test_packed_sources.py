"""Archives and Hugging Face datasets through the commands: workers, reproduction, Python."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest

import augfactory
from augfactory.errors import RecipeError
from augfactory.store.reader import open_version
from tests.cli.in_process import answer, run
from tests.sources.written import encoded, image_of, noise, write_class_folders

IMAGES = noise(12, 14, 22, 3)
LABELS = np.arange(12) % 3


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images as class folders, as a zip, as a table, and as ``save_to_disk`` writes."""
    root = tmp_path_factory.mktemp("packed")
    write_class_folders(root / "folders", IMAGES, LABELS)
    files = sorted((root / "folders").rglob("*.png"))
    with zipfile.ZipFile(root / "set.zip", "w") as archive:
        for path in files:
            archive.write(path, path.relative_to(root).as_posix())
    lines = [f"{path.relative_to(root).as_posix()},{path.parent.name}" for path in files]
    (root / "set.csv").write_text("\n".join(["file,label", *lines]), "utf-8")
    (root / "saved").mkdir()
    order = np.argsort(LABELS, kind="stable")
    pictures = pa.array([encoded(image_of(IMAGES[row])) for row in order])
    table = pa.table({"image": pictures, "label": LABELS[order]})
    with pa.ipc.new_stream(root / "saved" / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=5)
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}
    (root / "saved" / "state.json").write_text(json.dumps(state), "utf-8")
    return root


def test_every_kind_gives_the_same_dataset(place: Path) -> None:
    made = {}
    for name in ("folders", "set.zip", "set.csv", "saved"):
        line = ("expand", name, "--out", name.replace(".", "-"), "--factor", 3, "--mixup", 1)
        (dataset,) = answer(*line, "--workers", 2, cwd=place)["datasets"]
        made[name] = dataset["content_hash"]
    assert len(set(made.values())) == 1
    for name in ("set-zip", "saved"):
        run("reproduce", f"{name}-x3", "--workers", 1, cwd=place)
        told = run("verify", f"{name}-x3", "--against", "folders", cwd=place, code=4).stderr
        assert "0/0000.png" in told


def test_sources_read_from_python(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    read = {"labels": "set.csv", "fit": "squash", "label_column": "label"}
    dataset = augfactory.expand(".", "python", factor=2, size=(8, 20), read=read, workers=1)
    source = open_version(dataset.path).manifest.source
    assert (source.text, source.options.fit, source.options.root) == ("set.csv", "squash", ".")
    with pytest.raises(RecipeError, match="Did you mean 'labels'"):
        augfactory.expand(".", "python", factor=2, read={"label": "set.csv"})
