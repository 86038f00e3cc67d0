"""Validation images: split by originals before anything is drawn, in every format."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.ensemble import RandomForestClassifier

import augfactory
from augfactory.errors import InputDataError
from augfactory.names import FORMATS
from augfactory.sources.choosing.splitting import deal, joined
from augfactory.sources.sample import open_sample
from tests.cli.in_process import answer, run

SIZES = {"a": 20, "b": 12, "c": 6}


def write_images(root: Path, sizes: dict[str, int] = SIZES, seed: int = 0) -> Path:
    """Write class folders of 10 x 14 colour images: ``p03_1.png`` is image 1 of patient 3."""
    random = np.random.default_rng(seed)
    for name, count in sizes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (10, 14, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"p{number // 2:02d}_{number}.png")
    return root


def expanded(folder: Path, *options: object, name: str = "d") -> dict[str, Any]:
    """Expand ``folder/images`` threefold; return its manifest."""
    known = ("--factor", 3, "--preset", "photo", "--workers", 1, "--mixup", 2)
    (made, *_) = answer("expand", "images", *known, *options, "--out", name, cwd=folder)["datasets"]
    manifest = json.loads((folder / made["path"] / "manifest.json").read_text())
    return dict(manifest)


def pixels_of(folder: Path, address: str, split: Any) -> set[bytes]:
    """Return the pixels of each row of a split."""
    dataset = augfactory.load(str(folder / address), split=split, images="uint8")
    images, _ = dataset.read_batch(range(len(dataset)))
    return {image.numpy().tobytes() for image in images}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``images``, and ``d-x3`` of them with a quarter held out."""
    folder = tmp_path_factory.mktemp("validation")
    write_images(folder / "images")
    expanded(folder, "--validation", 0.25)
    return folder


def test_no_row_goes_back_to_a_validation_image(made: Path) -> None:
    manifest = json.loads((made / "d-x3/v1/manifest.json").read_text())
    held = manifest["validation"]
    assert held["counts"] == {"a": 5, "b": 3, "c": 2}
    assert (held["share"], held["seed"]) == (0.25, 0)
    training = manifest["source"]["rows"]
    assert sorted(training + held["source"]["rows"]) == list(range(38))
    assert manifest["rows"] == 5 * len(training)
    assert not pixels_of(made, "d-x3", "train") & pixels_of(made, "d-x3", "val")


@pytest.mark.parametrize("storage", FORMATS)
def test_every_format_holds_the_same_images(made: Path, storage: str) -> None:
    run("export", "d-x3", "--to", storage, "--out", f"e-{storage}", cwd=made)
    run("verify", f"e-{storage}", cwd=made)
    assert pixels_of(made, f"e-{storage}", "val") == pixels_of(made, "d-x3", "val")
    card = (made / f"e-{storage}/v1/README.md").read_text()
    assert "split: validation" in card
    assert "split before anything was drawn" in " ".join(card.split())
    assert "to validate on" in (made / f"e-{storage}/v1/croissant.json").read_text()


def test_other_readers_find_the_split(made: Path) -> None:
    for storage in FORMATS:
        run("export", "d-x3", "--to", storage, "--out", f"e-{storage}", cwd=made)
    held = json.loads((made / "d-x3/v1/manifest.json").read_text())["validation"]
    count = len(held["source"]["rows"])
    with h5py.File(made / "d-x3/v1/val/00000.h5") as file:
        assert file["image"].shape == (count, 10, 14, 3)
        assert set(file["method"][()]) == {b"original"}
        # As wide as that of the training rows, two of which are mixed.
        assert file["source_index"][()].tolist() == [[row, -1] for row in range(count)]
    found = {path.parent.name: 0 for path in (made / "e-png/v1/val").glob("*/*.png")}
    for path in (made / "e-png/v1/val").glob("*/*.png"):
        found[path.parent.name] += 1
    assert found == held["counts"]
    table = pq.read_table(made / "e-png/v1/val/metadata.parquet")
    assert table.column_names == pq.read_schema(made / "e-png/v1/train/metadata.parquet").names
    parquet = made / "e-parquet/v1/val/validation-00000-of-00001.parquet"
    assert pq.read_table(parquet).num_rows == count
    splits = json.loads((made / "e-webdataset/v1/_info.json").read_text())["splits"]
    assert splits["validation"]["num_samples"] == count


def test_the_same_request_is_the_same_version_and_another_split_another(made: Path) -> None:
    first = expanded(made, "--validation", 0.25)
    assert (first["version"], first["name"]) == ("v1", "d-x3")
    plain = expanded(made, name="plain")
    assert "validation" not in plain
    assert plain["recipe_id"] != first["recipe_id"]


def test_groups_and_equal_images_stay_together(tmp_path: Path) -> None:
    write_images(tmp_path / "images")
    image = (tmp_path / "images/a/p00_0.png").read_bytes()
    (tmp_path / "images/a/p09_18.png").write_bytes(image)
    manifest = expanded(tmp_path, "--validation", 0.3, "--group", r"/(p\d+)_")
    names = [
        path.name[:3] for name in SIZES for path in sorted((tmp_path / "images" / name).iterdir())
    ]
    held = {names[row] for row in manifest["validation"]["source"]["rows"]}
    trained = {names[row] for row in manifest["source"]["rows"]}
    assert held
    assert not held & trained
    assert ("p00" in held) == ("p09" in held)
    assert manifest["validation"]["group"] == r"/(p\d+)_"
    again = expanded(tmp_path, "--validation", 0.3, "--group", "stem-prefix", name="other")
    assert again["source"]["rows"] == manifest["source"]["rows"]


def test_every_original_is_in_one_fold(tmp_path: Path) -> None:
    write_images(tmp_path / "images")
    known = ("--factor", 2, "--preset", "photo", "--workers", 1)
    done = run("expand", "images", *known, "--folds", 3, "--out", "d", "--json", cwd=tmp_path)
    made = json.loads(done.stdout)["datasets"]
    assert done.stderr.count("looking at the images") == 1
    assert done.stderr.count("looking for equal images") == 1
    assert [each["name"] for each in made] == ["d-x2-fold0", "d-x2-fold1", "d-x2-fold2"]
    held = []
    for each in made:
        manifest = json.loads((tmp_path / each["path"] / "manifest.json").read_text())
        held += manifest["validation"]["source"]["rows"]
        assert manifest["validation"]["counts"]["c"] == 2
    assert sorted(held) == list(range(38))


def test_images_of_the_user_are_kept_and_shared_ones_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "images")
    write_images(tmp_path / "mine", {"a": 2, "b": 2, "c": 2}, seed=1)
    manifest = expanded(tmp_path, "--with-validation", "mine")
    assert manifest["validation"]["counts"] == {"a": 2, "b": 2, "c": 2}
    assert len(manifest["source"]["rows"]) == 38
    run("verify", "d-x3", cwd=tmp_path)
    (tmp_path / "mine/a/p00_0.png").write_bytes((tmp_path / "images/b/p00_0.png").read_bytes())
    told = run(
        "expand", "images", "--factor", 2, "--with-validation", "mine", "--out", "e",
        cwd=tmp_path, code=3,
    ).stderr  # fmt: skip
    assert "a/p00_0.png is b/p00_0.png" in told


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--validation", 1.5), 2, "is not between 0 and 1"),
        (("--folds", 1), 2, "is not from 2 to 100"),
        (("--validation", 0.2, "--folds", 3), 2, "Give one of them"),
        (("--group", "parent"), 2, "Add --validation 0.2"),
        (("--validation", 0.2, "--group", "("), 2, "is no regular expression"),
        (("--validation", 0.2, "--group", "patient"), 3, "finds no group in 'a/p00_0.png'"),
        (("--validation", 0.2, "--group", "parent"), 3, "too few: none is left to"),
        (("--folds", 7), 3, "class 'c' has 6 images, too few"),
        (("--validation", 0.2, "--auto"), 2, "would choose a recipe by the images"),
    ],
)
def test_what_cannot_be_split_is_refused(
    made: Path, options: tuple[object, ...], code: int, told: str
) -> None:
    line = ("expand", "images", "--factor", 2, "--preset", "photo", "--out", "no", *options)
    assert told in run(*line, cwd=made, code=code).stderr


def test_a_split_is_loaded_by_the_name_that_commands_take(made: Path) -> None:
    address = str(made / "d-x3@v1")
    named, asked = augfactory.load(f"{address}:val"), augfactory.load(address, split="val")
    assert len(named) == len(asked) > 0
    assert named.split == "val"


def test_a_version_without_a_split_says_so(made: Path) -> None:
    expanded(made, name="plain")
    with pytest.raises(InputDataError, match="it has no validation images"):
        len(augfactory.load(str(made / "plain-x3"), split="val"))


def test_nothing_is_made_from_a_validation_split(made: Path) -> None:
    told = run("expand", "d-x3@v1:val", "--factor", 2, "--out", "no", cwd=made, code=3).stderr
    assert "this is a validation split" in told


def test_a_changed_validation_image_is_found(tmp_path: Path) -> None:
    write_images(tmp_path / "images")
    expanded(tmp_path, "--validation", 0.25, "--format", "png")
    path = next((tmp_path / "d-x3/v1/val").glob("*/*.png"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert (
        str(path.relative_to(tmp_path / "d-x3/v1"))
        in run("verify", "d-x3", cwd=tmp_path, code=4).stderr
    )


def test_parts_have_their_share_of_each_class() -> None:
    labels = np.repeat([0, 1, 2], (50, 31, 11))
    part = deal(labels, np.arange(92), [0.2, 0.8], 3)
    held = np.bincount(labels[part == 0])
    assert (np.abs(held - 0.2 * np.array([50, 31, 11])) <= 1).all()
    assert joined(np.array([5, 7, 5, 8]), np.array([1, 2, 3, 3])).tolist() == [0, 1, 0, 0]


def test_the_validation_score_is_within_the_noise_of_the_test_score(tmp_path: Path) -> None:
    known = ("--n-train", 300, "--factor", 4, "--mixup", 2, "--seed", 1)
    run("expand", "sample", *known, "--folds", 3, "--out", "d", cwd=tmp_path)
    scores = np.array([_scores(tmp_path / f"d-x4-fold{fold}") for fold in range(3)])
    real, held = scores.mean(axis=0)
    # 300 images tell an accuracy of 0.84 to within 0.042 (two standard errors).
    assert abs(held - real) < 0.05, scores


def _scores(path: Path) -> tuple[float, float]:
    """Return a forest's accuracy on test images, and on val/."""

    def read(split: Any) -> tuple[np.ndarray, np.ndarray]:
        dataset = augfactory.load(str(path), split=split, labels="hard", images="uint8")
        images, labels = dataset.read_batch(range(len(dataset)))
        return images.numpy().reshape(len(images), -1), labels.numpy()

    forest = RandomForestClassifier(50, random_state=0).fit(*read("train"))
    return forest.score(*_test_digits()), forest.score(*read("val"))


def _test_digits() -> tuple[np.ndarray, np.ndarray]:
    source = open_sample("test", "sample:test")
    rows = np.arange(0, len(source), 5)
    return source.read_images(rows).reshape(len(rows), -1), source.labels[rows]


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    """Return a folder with ``train.npz`` and ``test.npz``, 60 images of three classes each."""
    random = np.random.default_rng(3)
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("train", "test"):
        image = random.integers(0, 256, (60, 20, 18, 3), dtype=np.uint8)
        np.savez(folder / f"{name}.npz", image=image, label=np.arange(60) % 3)
    return folder


def test_a_model_that_learnt_from_validation_images_is_refused(
    arrays: Path, tmp_path: Path
) -> None:
    source, model = arrays / "train.npz", arrays / "model"
    run("vae-train", source, "--out", model, "--steps", 2, "--no-verdict", cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    line = ("expand", source, "--factor", 2, "--model", model, "--out", "d")
    told = run(*line, "--validation", 0.2, cwd=elsewhere, code=3).stderr
    assert "images of it are in what the model" in told
    assert "Split first: expand the SOURCE with --factor 1" in told
    assert not (elsewhere / "d-x2").exists()


def test_evaluate_finds_validation_images_without_their_source(
    arrays: Path, tmp_path: Path
) -> None:
    line = ("expand", "train.npz", "--factor", 2, "--validation", 0.2, "--out", "d")
    run(*line, cwd=arrays)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    measured = ("--steps", 2, "--seeds", 1, "--workers", 1, "--out", "ev")
    run("evaluate", arrays / "d-x2", "--test", arrays / "test.npz", *measured, cwd=elsewhere)
    results = json.loads((elsewhere / "ev" / "results.json").read_text())
    assert results["held_out"]["rows"] == 12
    assert results["held_out"]["text"] == "d-x2/v1:val"


def test_images_of_ones_own_are_fitted_as_the_source_is(tmp_path: Path) -> None:
    for folder, seed in (("images", 1), ("mine", 2)):
        write_images(tmp_path / folder, seed=seed)
    line = ("expand", "images", "--factor", 2, "--preset", "photo", "--size", 8, "--fit", "pad")
    run(*line, "--with-validation", "mine", "--out", "d", cwd=tmp_path)
    image = augfactory.load(str(tmp_path / "d-x2"), split="val", images="uint8")[0][0].numpy()
    # 10 x 14 pixels on 8 x 8 leave black above and below.
    assert not image[:, 0].any()
    assert not image[:, -1].any()
    assert image[:, 4].any()
