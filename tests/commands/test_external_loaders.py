"""What others read from one version in every format is what augfactory stored."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augfactory.commands.progress import Progress
from augfactory.commands.versions.export import export
from augfactory.names import FORMATS
from augfactory.records import Rows
from augfactory.store.reader import open_version, read_rows
from tests.commands.formats import CLASSES, make_version

LOADERS = {
    "hdf5": ("hdf5", "data_files", "shards/*.h5"),
    "png": ("imagefolder", "data_dir", "train"),
    "parquet": ("parquet", "data_files", "data/*.parquet"),
    "webdataset": ("webdataset", "data_files", "shards/*.tar"),
    "lance": ("lance", "data_files", "train.lance/**"),
}
COLUMNS = ("soft_label", "label", "method", "round", "view", "source_index", "weight")
HUGGING_FACE = """
import json, sys
import numpy as np
from datasets import load_dataset
loads, out = json.loads(sys.argv[1])
columns = {}
for key, (loader, options) in loads.items():
    rows = load_dataset(loader, split="train", cache_dir=f"{out}-cache", **options)
    columns[f"{key} names"] = np.array(getattr(rows.features.get("label"), "names", []), dtype=str)
    image = "png" if "png" in rows.features else "image"
    images = [np.asarray(row[image]) for row in rows]
    columns[f"{key} image"] = np.array(images, dtype=np.uint8)
    plain = [dict(row.get("json") or row) for row in rows]
    for name in ("soft_label", "label", "round", "view", "source_index", "weight"):
        columns[f"{key} {name}"] = np.array([row[name] for row in plain])
    method = [row["method"] for row in plain]
    method = [name.decode() if isinstance(name, bytes) else name for name in method]
    columns[f"{key} method"] = np.array(method)
    if "soft_label" in rows.features:
        columns[f"{key} kind"] = np.array(rows.features["soft_label"].feature.dtype)
np.savez(out, **columns)
"""
GREY = """
import json, sys
import numpy as np, torch
from augfactory.torchvision_import import import_torchvision
import_torchvision("torchvision")
import PIL.Image
import webdataset
from timm.data import create_dataset
from torchvision.datasets import ImageFolder
shards, tree, out = json.loads(sys.argv[1])
found = {}
for decoder in ("pil", "pill"):
    tar = webdataset.WebDataset(f"{shards}/shards/00000.tar", shardshuffle=False)
    found[decoder] = next(iter(tar.decode(decoder)))["png"].mode
for mode in ("RGB", "L"):
    rows = create_dataset("wds/", root=shards, split="train", target_key="soft_label",
                          input_img_mode=mode)
    found[f"timm {mode}"] = next(iter(rows))[0].mode
folder = ImageFolder(f"{tree}/train")
found["ImageFolder"] = folder[0][0].mode
found["classes"], found["rows"] = folder.classes, len(folder)
named = [path for path, _ in ImageFolder(tree).samples]  # of the whole version
found["pictures"] = [path for path in named if path.endswith("preview.png")]
found["loader"] = ImageFolder(f"{tree}/train", loader=PIL.Image.open)[0][0].mode
np.savez(out, **found)
"""
TIMM = """
import json, sys
import numpy as np, torch
from augfactory.torchvision_import import import_torchvision
import_torchvision("torchvision")
from timm.data import create_dataset
from timm.data.target_transforms import MultiLabelTarget
root, out = json.loads(sys.argv[1])
found = create_dataset(
    "wds/", root=root, split="train", target_key="soft_label", target_format="multihot",
    target_transform=MultiLabelTarget(3, dense=True),
)
rows = list(found)
np.savez(out, image=np.stack([np.asarray(image) for image, _ in rows]),
         soft_label=np.stack([np.asarray(label) for _, label in rows]))
"""
CROISSANT = """
import json, sys
from pathlib import Path
import mlcroissant
import numpy as np
from PIL import Image
folders, out = json.loads(sys.argv[1])
columns = {}
for storage, folder in folders.items():
    dataset = mlcroissant.Dataset(jsonld=f"{folder}/croissant.json")
    classes = {row["classes/label"]: row["classes/name"] for row in dataset.records("classes")}
    columns[f"{storage} names"] = np.array([classes[label] for label in range(len(classes))])
    records = "rows" if storage in ("png", "parquet") else "plan"
    rows = list(dataset.records(records))
    for name in ("soft_label", "label", "round", "view", "source_index", "weight"):
        if f"{records}/{name}" in rows[0]:
            columns[f"{storage} {name}"] = np.array([row[f"{records}/{name}"] for row in rows])
    columns[f"{storage} method"] = np.array([row[f"{records}/method"].decode() for row in rows])
    if records == "rows":
        columns[f"{storage} image"] = np.array([np.asarray(
            row["rows/image"] if "rows/image" in row
            else Image.open(Path(folder, "train", row["rows/file_name"].decode())))
            for row in rows])
np.savez(out, **columns)
"""
# What Croissant has a way to in each format.
EXTRACTED = {
    "hdf5": ("method", "round", "view", "source_index", "weight"),
    "png": COLUMNS,
    "parquet": COLUMNS,
    "webdataset": ("method", "round", "view", "source_index", "weight"),
    "lance": ("method", "round", "view", "source_index", "weight"),
}
WEBDATASET = """
import json, sys
import numpy as np
import webdataset
urls, decoder, out = json.loads(sys.argv[1])
rows = list(webdataset.WebDataset(urls, shardshuffle=False).decode(decoder))
columns = {name: np.array([row["json"][name] for row in rows]) for name in rows[0]["json"]}
np.savez(out, image=np.stack([np.asarray(row["png"]) for row in rows]), **columns,
         cls=np.array([row["cls"] for row in rows]), key=np.array([row["__key__"] for row in rows]))
"""
# All of these one after another: most of the time goes to imports that they share.
SEVERAL = """
import json, sys
for script, arguments in json.loads(sys.argv[1]):
    sys.argv[1] = json.dumps(arguments)
    exec(script, {"__name__": "__main__"})
"""
KINDS = {"grey": 1, "colour": 3}
Versions = dict[str, Path]  # one version in every format


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Versions]:
    """Return a grey and a colour version, each in every format."""
    found = {}
    for kind, channels in KINDS.items():
        first = make_version(tmp_path_factory.mktemp(kind), "hdf5", channels)
        found[kind] = {to: export(str(first), to, None, Progress()).path for to in FORMATS}
    return found


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def versions(made: dict[str, Versions], kind: str) -> Versions:
    return made[kind]


@pytest.fixture(scope="module")
def everything(
    made: dict[str, Versions], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Return what all loaders read, offline as other programs, by kind and script."""
    cache = tmp_path_factory.mktemp("cache")
    asked: dict[str, tuple[str, list[Any]]] = {}
    for kind, versions in made.items():
        shards, tree = str(versions["webdataset"]), str(versions["png"])
        urls = [str(path) for path in sorted(versions["webdataset"].glob("shards/*.tar"))]
        folders = {storage: str(versions[storage]) for storage in FORMATS}
        decoder = "pill" if kind == "grey" else "pil"
        asked[f"{kind} hugging face"] = (HUGGING_FACE, [hugging_face_loads(versions)])
        asked[f"{kind} webdataset"] = (WEBDATASET, [urls, decoder])
        asked[f"{kind} timm"] = (TIMM, [shards])
        asked[f"{kind} modes"] = (GREY, [shards, tree])
        asked[f"{kind} mlcroissant"] = (CROISSANT, [folders])
    files = {name: str(cache / f"{name}.npz") for name in asked}
    scripts = [(script, [*own, files[name]]) for name, (script, own) in asked.items()]
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, json.dumps(scripts)],
        cwd=cache,
        env={
            **os.environ,
            "HOME": str(cache),  # where mlcroissant keeps things
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(cache / "hf"),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for name, file in files.items():
        with np.load(file) as arrays:
            found[name] = dict(arrays)
    return found


Read = Callable[[str], dict[str, Any]]


@pytest.fixture
def read(everything: dict[str, dict[str, Any]], kind: str) -> Read:
    """Return what a script read of this kind, by the script's name."""
    return lambda script: everything[f"{kind} {script}"]


def hugging_face_loads(versions: Versions) -> dict[str, tuple[str, dict[str, str]]]:
    """Return how it is asked, by format: by name, and by the folder and its card alone."""
    loads: dict[str, tuple[str, dict[str, str]]] = {}
    for storage, (loader, option, pattern) in LOADERS.items():
        loads[storage] = (loader, {option: str(versions[storage] / pattern)})
        loads[f"{storage} card"] = (str(versions[storage]), {})
    loads["png root"] = ("imagefolder", {"data_dir": str(versions["png"])})
    return loads


def stored_in(folder: Path) -> Rows:
    return read_rows(open_version(folder), 0, 60)


def in_plain_values(columns: dict[str, Any], names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Return a tuple for each row, so that rows can be sorted and compared."""
    images = [image.tobytes() for image in columns["image"]]
    rest = []
    for name in names:
        values = columns[name]
        exact = values.astype(np.float32) if values.dtype.kind == "f" else values
        rest.append([str(value) for value in exact.tolist()])
    return list(zip(images, *rest, strict=True))


def assert_same_rows(
    found: dict[str, Any], rows: Rows, *, in_order: bool, names: tuple[str, ...] = COLUMNS
) -> None:
    stored = {name: getattr(rows, name) for name in ("image", *names)}
    expected, read = in_plain_values(stored, names), in_plain_values(found, names)
    assert len(read) == 60
    assert read == expected if in_order else sorted(read) == sorted(expected)


def of_key(found: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the arrays whose names begin with ``key``, which is cut off."""
    return {
        name.removeprefix(f"{key} "): values
        for name, values in found.items()
        if name.startswith(f"{key} ")
    }


@pytest.mark.parametrize("how", ["", " card"])
@pytest.mark.parametrize("storage", FORMATS)
def test_hugging_face_reads_every_column(
    versions: Versions, read: Read, storage: str, how: str
) -> None:
    found = of_key(read("hugging face"), f"{storage}{how}")
    # A folder of classes is read class by class.
    assert_same_rows(found, stored_in(versions["hdf5"]), in_order=storage != "png")
    if storage in ("png", "parquet", "lance"):
        assert found["names"].tolist() == list(CLASSES)
    if storage != "webdataset":  # whose numbers are JSON
        assert found["kind"] == "float32"


def test_no_reader_takes_the_preview_for_a_row(versions: Versions, read: Read) -> None:
    """It is in the version's folder, where ``ImageFolder`` and ``load_dataset`` pass it by."""
    assert (versions["png"] / "preview.png").is_file()
    assert len(of_key(read("hugging face"), "png root")["image"]) == 60


def test_timm_reads_soft_labels_from_webdataset(versions: Versions, read: Read) -> None:
    rows = stored_in(versions["hdf5"])
    found = dict(read("timm"))
    if rows.image.shape[3] == 1:  # of which timm makes three channels
        found["image"] = found["image"][:, :, :, :1]
    assert_same_rows(found, rows, in_order=True, names=("soft_label",))


def test_the_webdataset_package_reads_it(versions: Versions, read: Read) -> None:
    rows = stored_in(versions["hdf5"])
    found = read("webdataset")
    assert_same_rows(found, rows, in_order=True)
    assert np.array_equal(found["cls"], rows.label)
    assert found["key"].tolist() == [f"{row:08d}" for row in range(60)]


def test_the_card_is_right_about_grey_images(versions: Versions, read: Read) -> None:
    own = {1: "L", 3: "RGB"}[stored_in(versions["hdf5"]).image.shape[3]]
    found = dict(read("modes"))
    assert found.pop("classes").tolist() == sorted(CLASSES)  # by name, as torchvision sorts them
    assert found.pop("rows") == 60
    assert found.pop("pictures").tolist() == []
    assert {name: str(mode) for name, mode in found.items()} == {
        "pil": "RGB",
        "pill": "L",
        "timm RGB": "RGB",
        "timm L": "L",
        "ImageFolder": "RGB",
        "loader": own,
    }


@pytest.mark.parametrize("storage", FORMATS)
def test_mlcroissant_reads_what_the_description_says_it_can(
    versions: Versions, read: Read, storage: str
) -> None:
    found = of_key(read("mlcroissant"), storage)
    assert found["names"].tolist() == list(CLASSES)
    rows = stored_in(versions["hdf5"])
    found.setdefault("image", rows.image)  # of which it has none in HDF5 and archives
    assert_same_rows(found, rows, in_order=True, names=EXTRACTED[storage])
