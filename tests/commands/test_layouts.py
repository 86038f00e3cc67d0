"""What `export --layout` writes is what readers of others take: rows, names, classes, splits."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augfactory.commands.progress import Progress
from augfactory.commands.versions.lay_out import LaidOut, lay_out
from augfactory.commands.versions.split_rows import hard_labels
from augfactory.errors import InputDataError, RecipeError, ResourceError, VerificationError
from augfactory.records import SourceSpec
from augfactory.store.reader import Version, open_version
from augfactory.torchvision_import import import_torchvision
from tests.cli.in_process import answer, run
from tests.commands.formats import CLASSES, copy_version


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return copy_version(tmp_path / "made", "hdf5")


@pytest.fixture
def held(tmp_path: Path) -> SourceSpec:
    """Six further images, two of each class, in class folders."""
    pixels = np.random.default_rng(9).integers(0, 256, (6, 9, 14, 3), dtype=np.uint8)
    for number, image in enumerate(pixels):
        folder = tmp_path / "held" / CLASSES[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"Bild {number}.png")
    return SourceSpec(str(tmp_path / "held"))


def written(version: Path, layout: str, out: Path, held: SourceSpec | None = None) -> LaidOut:
    return lay_out(str(version), layout, out, Progress(), validation=held)


def images_of(version: Version) -> np.ndarray:
    return version.source.read_images(np.arange(len(version.source)))


@pytest.mark.parametrize("layout", ["imagefolder", "ultralytics", "keras", "timm"])
def test_class_folders_hold_every_row_under_its_class(
    version: Path, held: SourceSpec, tmp_path: Path, layout: str
) -> None:
    import_torchvision("torchvision")
    from torchvision.datasets import ImageFolder

    out = tmp_path / "new" / "out"
    made = written(version, layout, out, held)
    assert made.splits == {"train": 60, "val": 6}
    opened = open_version(version)
    pixels = images_of(opened)
    train, val = ImageFolder(str(out / "train")), ImageFolder(str(out / "val"))
    assert train.classes == val.classes == list(CLASSES)
    assert (len(train), len(val)) == (60, 6)
    for path, label in train.samples:
        row = int(Path(path).stem.rpartition("-")[2])
        assert label == opened.source.labels[row]
        assert np.array_equal(np.asarray(Image.open(path)), pixels[row])
        assert f"-{opened.methods[row]}-" in Path(path).name
    more = {"keras": {"class_names.json"}, "timm": {"class_map.txt"}}.get(layout, set())
    assert {path.name for path in out.iterdir()} == {"train", "val", *more}
    assert sorted(path.name for path in out.parent.iterdir()) == ["out"]
    if layout == "keras":
        assert json.loads((out / "class_names.json").read_text("utf-8")) == list(CLASSES)


def test_files_are_called_after_the_images_that_they_were_made_from(
    tmp_path: Path, held: SourceSpec
) -> None:
    run(
        "expand", held.text, "--factor", 3, "--out", "d", "--mixup", 1, "--workers", 1, cwd=tmp_path
    )
    out = tmp_path / "out"
    run("export", "d-x3", "--layout", "imagefolder", "--out", out, cwd=tmp_path)
    opened = open_version(tmp_path / "d-x3" / "v1")
    files = sorted(opened.manifest.source.rows)
    names = [f"Bild {number}" for label in range(3) for number in (label, label + 3)]
    assert len(files) == len(names)
    for path in out.rglob("*.png"):
        stem, method, row = path.stem.rsplit("-", 2)
        heaviest = opened.weight[int(row)].argmax()
        assert stem == names[opened.source_index[int(row), heaviest]]
        assert method == opened.methods[int(row)]
    assert not (out / "val").exists()


def test_images_that_cannot_be_found_go_by_their_numbers(held: SourceSpec, tmp_path: Path) -> None:
    run("expand", held.text, "--factor", 2, "--out", "d", "--workers", 1, cwd=tmp_path)
    Path(held.text).rename(tmp_path / "gone")
    told = run("export", "d-x2", "--layout", "imagefolder", "--out", "out", cwd=tmp_path).stderr
    assert "go by their numbers" in told
    assert len([*(tmp_path / "out").rglob("image-*.png")]) == 12


def test_hugging_face_datasets_reads_splits_classes_and_shares(
    version: Path, held: SourceSpec, tmp_path: Path
) -> None:
    import datasets

    out = tmp_path / "hf"
    written(version, "hf", out, held)
    found = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in found.items()} == {"train": 60, "validation": 6}
    assert found["train"].features["label"].names == list(CLASSES)
    assert found["validation"].features == found["train"].features
    opened = open_version(version)
    assert np.array_equal(np.asarray(found["train"][41]["image"]), images_of(opened)[41])
    shares = opened.source.read_soft_labels(np.arange(60))
    assert np.array_equal(np.array(found["train"]["soft_label"], np.float32), shares)
    card = datasets.load_dataset_builder(str(out), cache_dir=str(tmp_path / "other")).info
    assert card.features == found["train"].features
    assert {name: split.num_examples for name, split in card.splits.items()} == {
        "train": 60,
        "validation": 6,
    }
    assert "preview.png" not in (out / "README.md").read_text("utf-8")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # webdataset's files
def test_timm_reads_the_archives_of_both_splits(
    version: Path, held: SourceSpec, tmp_path: Path
) -> None:
    import_torchvision("torchvision")
    from timm.data import create_dataset

    out = tmp_path / "wds"
    written(version, "webdataset", out, held)
    for split, count in (("train", 60), ("validation", 6)):
        dataset = create_dataset(
            "wds/", root=str(out), split=split, is_training=False, batch_size=1
        )
        labels = [label for _, label in dataset]
        assert len(labels) == count
        if split == "train":
            assert labels == open_version(version).source.labels.tolist()


def test_timm_finds_class_folders_under_its_own_names(
    version: Path, held: SourceSpec, tmp_path: Path
) -> None:
    import_torchvision("torchvision")
    from timm.data import create_dataset

    out = tmp_path / "timm"
    written(version, "timm", out, held)
    for split, count in (("train", 60), ("validation", 6)):
        found = create_dataset("", root=str(out), split=split, class_map=str(out / "class_map.txt"))
        assert len(found) == count
        assert found.reader.class_to_idx == {name: label for label, name in enumerate(CLASSES)}


def test_numpy_reads_the_arrays(version: Path, held: SourceSpec, tmp_path: Path) -> None:
    written(version, "npz", tmp_path / "a", held)
    written(version, "npz", tmp_path / "b", held)
    opened = open_version(version)
    with np.load(tmp_path / "a" / "dataset.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["x_train"], images_of(opened))
        assert np.array_equal(arrays["y_train"], opened.source.labels)
        rows = np.arange(60)
        assert np.array_equal(arrays["soft_train"], opened.source.read_soft_labels(rows))
        assert arrays["x_val"].shape == (6, 9, 14, 3)
        assert arrays["y_val"].tolist() == [0, 0, 1, 1, 2, 2]
        assert arrays["class_names"].tolist() == list(CLASSES)
    first, second = (tmp_path / name / "dataset.npz" for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_sampled_labels_are_drawn_by_the_shares(version: Path) -> None:
    opened = open_version(version)
    shares = opened.source.read_soft_labels(np.arange(60))
    drawn = np.array([hard_labels(opened.source, "sampled", seed) for seed in range(400)])
    often = np.stack([(drawn == label).mean(axis=0) for label in range(3)], axis=1)
    assert (np.abs(often - shares) < 0.12).all()  # six standard errors of 400 draws at most
    assert ((shares > 0) | (often == 0)).all()
    assert (drawn != opened.source.labels).any()
    assert np.array_equal(drawn[7], hard_labels(opened.source, "sampled", 7))


@pytest.mark.parametrize("layout", ["imagefolder", "npz"])
def test_class_folders_tell_how_many_rows_are_mixtures(
    version: Path, tmp_path: Path, layout: str
) -> None:
    said: list[str] = []
    progress = Progress()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "say", said.append)
        lay_out(str(version), layout, tmp_path / "out", progress)
    source = open_version(version).source
    mixed = sum(max(shares) < 1 for shares in source.read_soft_labels(np.arange(len(source))))
    told = f"{mixed} rows have shares of several classes; in class folders each counts as one: "
    assert mixed
    assert (told + "--labels largest (docs/exports.md)" in said) == (layout == "imagefolder")


def test_every_layout_takes_sampled_labels(version: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    expected = hard_labels(open_version(version).source, "sampled", 3)
    for layout in ("imagefolder", "hf", "npz", "webdataset"):
        lay_out(str(version), layout, tmp_path / layout, Progress(), labels="sampled", seed=3)
    found = np.empty(60, dtype=np.int64)
    for path in (tmp_path / "imagefolder" / "train").rglob("*.png"):
        found[int(path.stem.rpartition("-")[2])] = CLASSES.index(path.parent.name)
    assert np.array_equal(found, expected)
    table = pq.read_table(next((tmp_path / "hf" / "data").glob("*.parquet")))
    assert table["label"].to_pylist() == expected.tolist()
    with np.load(tmp_path / "npz" / "dataset.npz") as arrays:
        assert np.array_equal(arrays["y_train"], expected)
        assert not np.array_equal(arrays["soft_train"].argmax(axis=1), expected)
    import tarfile

    with tarfile.open(tmp_path / "webdataset" / "train-00000.tar") as archive:
        member = archive.extractfile("00000041.cls")
        assert member is not None
        assert int(member.read()) == expected[41]


def test_the_command_answers_with_what_was_written(version: Path, tmp_path: Path) -> None:
    value = answer("export", version, "--layout", "hf", "--out", "out", cwd=tmp_path)["export"]
    assert value["splits"] == {"train": 60}
    assert (value["layout"], value["path"], value["labels"]) == ("hf", "out", "largest")
    assert value["class_names"] == list(CLASSES)
    assert "train 60 rows" in run(
        "export", version, "--layout", "npz", "--out", "b", cwd=tmp_path
    ).stdout  # fmt: skip


def test_nothing_is_overwritten_and_nothing_is_put_into_a_version(
    version: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(RecipeError, match="is there already, and nothing is overwritten"):
        written(version, "imagefolder", out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    with pytest.raises(RecipeError, match="a version never changes"):
        written(version, "imagefolder", version / "export")
    (out / "mine.txt").unlink()
    assert written(version, "imagefolder", out).splits == {"train": 60}  # an empty folder will do


def test_what_fails_midway_leaves_nothing_and_can_be_done_again(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from augfactory.store.disk.atomic import write_many as write
    from augfactory.store.layouts import imagefolder

    calls = []

    def full(folder: Path, files: list[tuple[str, bytes]]) -> None:
        calls.append(len(files))
        write(folder, files[:5])
        raise ResourceError(folder, "the disk is full", "Free some space.")

    monkeypatch.setattr(imagefolder, "write_many", full)
    with pytest.raises(ResourceError):
        written(version, "imagefolder", tmp_path / "x" / "out")
    assert calls == [60]
    assert not (tmp_path / "x").exists()
    monkeypatch.undo()
    killed = tmp_path / "x" / ".exporting-out" / "building" / "train"
    killed.mkdir(parents=True)
    (killed / "half.png").write_bytes(b"half")
    written(version, "imagefolder", tmp_path / "x" / "out")
    assert not [*(tmp_path / "x").rglob("half.png")]
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["out"]


def test_a_damaged_version_is_not_passed_on(version: Path, tmp_path: Path) -> None:
    shard = version / "shards" / "00001.h5"
    shard.chmod(0o644)
    data = bytearray(shard.read_bytes())
    data[-9] ^= 1
    shard.write_bytes(data)
    with pytest.raises(VerificationError, match="nothing was exported"):
        written(version, "npz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_validation_images_are_held_to_the_version(
    version: Path, held: SourceSpec, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="--validation SOURCE"):
        written(version, "ultralytics", tmp_path / "out")
    with pytest.raises(InputDataError, match=r"its images are 4×5 RGB"):
        written(version, "hf", tmp_path / "out", SourceSpec(held.text, (4, 5)))
    (Path(held.text) / CLASSES[0]).rename(tmp_path / "held" / "Katze")
    with pytest.raises(
        InputDataError, match=f"does not know: Katze; it has no image of {CLASSES[0]}"
    ):
        written(version, "hf", tmp_path / "out", held)
    assert not (tmp_path / "out").exists()


def test_a_class_without_rows_is_refused_in_class_folders(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (4, 5, 7, 3), dtype=np.uint8)
    labels, names = np.array([0, 0, 2, 2]), np.array(["a", "b", "c"])
    np.savez(tmp_path / "set.npz", images=images, labels=labels, class_names=names)
    run("expand", "set.npz", "--factor", 1, "--out", "d", "--workers", 1, cwd=tmp_path)
    told = run("export", "d-x1", "--layout", "timm", "--out", "o", cwd=tmp_path, code=3).stderr
    assert "no row has the label b" in told
    run("export", "d-x1", "--layout", "npz", "--out", "o", cwd=tmp_path)


def test_images_that_stand_in_the_version_too_are_told(held: SourceSpec, tmp_path: Path) -> None:
    run("expand", held.text, "--factor", 1, "--out", "d", "--workers", 1, cwd=tmp_path)
    line = ("export", "d-x1", "--layout", "hf", "--validation", held.text, "--out", "o")
    assert "validation images are in the version too" in run(*line, cwd=tmp_path).stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "one of the two is needed"),
        (("--to", "png", "--layout", "hf"), "are two different exports"),
        (("--to", "png", "--labels", "sampled"), "--labels: belongs to --layout"),
        (("--layout", "hf"), "--out: is missing"),
        (("--layout", "hff", "--out", "o"), "Did you mean 'hf'?"),
        (("--layout", "hf", "--out", "o", "--labels", "drawn"), "there is no kind of labels"),
        (("--layout", "hf", "--out", "o", "--seed", 3), "Add --labels sampled"),
        (("--layout", "hf", "--out", "o", "--grey"), "convert images of a validation split"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    version: Path, tmp_path: Path, options: tuple[object, ...], told: str
) -> None:
    assert told in run("export", version, *options, cwd=tmp_path, code=2).stderr


@pytest.mark.parametrize("layout", ["imagefolder", "ultralytics"])
def test_the_validation_images_of_a_version_are_its_val(
    held: SourceSpec, tmp_path: Path, layout: str
) -> None:
    options = ("--factor", 3, "--validation", 0.34, "--preset", "photo", "--workers", 1)
    run("expand", held.text, *options, "--out", "d", cwd=tmp_path)
    out = tmp_path / "out"
    made = answer("export", "d-x3", "--layout", layout, "--out", out, cwd=tmp_path)["export"]
    assert made["splits"] == {"train": 9, "val": 3}
    kept = images_of(open_version(tmp_path / "d-x3" / "v1", split="val"))
    files = [np.asarray(Image.open(path)) for path in sorted((out / "val").glob("*/*.png"))]
    assert sorted(image.tobytes() for image in files) == sorted(image.tobytes() for image in kept)
    # Their names are those of the images, and none is that of a training row.
    for path in (out / "val").glob("*/*.png"):
        stem, what, number = path.stem.rsplit("-", 2)
        source = np.asarray(Image.open(Path(held.text) / path.parent.name / f"{stem}.png"))
        assert (what, source.tobytes()) == ("validation", kept[int(number)].tobytes())


@pytest.mark.parametrize("layout", ["imagefolder", "hf", "webdataset", "npz"])
def test_rejected_rows_are_left_out(version: Path, tmp_path: Path, layout: str) -> None:
    opened = open_version(version)
    rejected = [0, 7, 8, 59]
    typed, saved = tmp_path / "rows.txt", tmp_path / "saved.json"
    typed.write_text("7\n8 # blurred\n\n0\n59\n7\n")
    told = {"version": "x", "content_hash": opened.manifest.content_hash, "rejected": rejected}
    saved.write_text(json.dumps(told))
    made = lay_out(str(version), layout, tmp_path / "a", Progress(), without=typed)
    again = lay_out(str(version), layout, tmp_path / "b", Progress(), without=saved)
    assert made.splits == again.splits
    assert set(made.splits.values()) == {56}
    files = sorted(path for path in (tmp_path / "a").rglob("*") if path.is_file())
    for path in files:
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert layout == "npz" or path.read_bytes() == other.read_bytes()
    if layout == "imagefolder":
        rows = sorted(int(path.stem.rpartition("-")[2]) for path in files)
        assert rows == sorted(set(range(60)) - set(rejected))
    if layout == "npz":
        (path,) = (path for path in files if path.suffix == ".npz")
        arrays = np.load(path)
        name = next(name for name in arrays.files if arrays[name].ndim == 4)
        assert np.array_equal(arrays[name], np.delete(images_of(opened), rejected, axis=0))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("7\nseven\n", "line 2 is no row number: 'seven'"),
        ("60\n", "row 60 is not in "),
        ("\n".join(map(str, range(60))), "none would be left"),
        ('{"rejected": [1], "content_hash": "0"}', "was made for another version"),
        ('{"rejected": 1}', "is no list of rejected rows"),
        ("{", "is no list of rejected rows"),
    ],
)
def test_a_wrong_list_of_rejects_is_refused(
    version: Path, tmp_path: Path, text: str, what: str
) -> None:
    (tmp_path / "rows.txt").write_text(text)
    with pytest.raises(InputDataError) as refused:
        lay_out(str(version), "npz", tmp_path / "a", Progress(), without=tmp_path / "rows.txt")
    assert what in str(refused.value)
    assert not (tmp_path / "a").exists()
