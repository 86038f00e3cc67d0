"""Published corrupted test images: read as they come, held to the clean ones, and measured."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augfactory
from augfactory.commands.evaluate.checks import before_training
from augfactory.commands.evaluate.evaluate import EvaluateResult, evaluate, prepare
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.progress import Progress
from augfactory.commands.study.file import study_of
from augfactory.errors import InputDataError, RecipeError
from augfactory.records import Int64Array, UInt8Array
from tests.cli.in_process import answer
from tests.commands.tiny import stand_in_for
from tests.commands.versions import write_source, write_version
from tests.evaluation.memory import CLASS_NAMES, CLASSES, patterns
from tests.report.undrawn import write_no_report

ROWS = 50


@dataclass(frozen=True)
class Bench:
    """A dataset, its test images, and a request that trains one small classifier on each arm."""

    images: UInt8Array
    labels: Int64Array
    request: EvaluateRequest

    def asked(self, folder: str | Path) -> EvaluateRequest:
        """Return the request with corrupted images."""
        return EvaluateRequest(**{**vars(self.request), "corrupted": Path(folder)})


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    write_no_report(monkeypatch)
    monkeypatch.chdir(tmp_path)
    stand_in_for("vgg", monkeypatch)
    train = write_source(tmp_path / "train.h5", *patterns("train", 40))
    images, labels = patterns("test", ROWS)
    test = write_source(tmp_path / "test.h5", images, labels)
    write_version(tmp_path / "digits-x2/v1", train, list(range(20)), 2)
    request = EvaluateRequest(
        ("digits-x2",), test, "vgg", seeds=2, steps=80, batch=8, precision="float32"
    )
    return Bench(images, labels, request)


def harmed(images: UInt8Array, severity: int) -> UInt8Array:
    """Return images that are the nearer to their negative the greater the severity."""
    return (images + severity / 5 * (255 - 2.0 * images)).astype(np.uint8)


def stacked(bench: Bench, folder: Path, *, labels: int = 5) -> Path:
    """Write corruptions as CIFAR-10-C has them, ``labels`` times over."""
    folder.mkdir()
    levels = [harmed(bench.images, severity) for severity in range(1, 6)]
    np.save(folder / "fog.npy", np.concatenate(levels))
    np.save(folder / "frost.npy", np.concatenate([bench.images] * 5))
    np.save(folder / "saturate.npy", np.concatenate([255 - bench.images] * 5))
    np.save(folder / "labels.npy", np.tile(bench.labels, labels).astype(np.uint8))
    return folder


def in_folders(bench: Bench, folder: Path) -> Path:
    """Write corruptions as MNIST-C has them."""
    for name, images in (
        ("identity", bench.images), ("fog", harmed(bench.images, 4)), ("shear", bench.images),
    ):  # fmt: skip
        (folder / name).mkdir(parents=True)
        np.save(folder / name / "test_images.npy", images)
        np.save(folder / name / "test_labels.npy", bench.labels)
        np.save(folder / name / "train_images.npy", images[:3])
    return folder


def class_folders(bench: Bench, folder: Path) -> Path:
    """Write corruptions as ImageNet-C has them, of half the classes, the last one first."""
    for severity in (1, 2):
        for row in range(ROWS):
            if bench.labels[row] >= CLASSES // 2:
                own = folder / f"fog/{severity}/{CLASS_NAMES[bench.labels[row]]}"
                own.mkdir(parents=True, exist_ok=True)
                image = bench.images[row] if severity == 1 else harmed(bench.images, 5)[row]
                Image.fromarray(image).save(own / f"{row}.png")
    return folder


def run(request: EvaluateRequest) -> EvaluateResult:
    return evaluate(request, Progress())


def figures(result: EvaluateResult) -> dict[tuple[str, int], float]:
    """Return the error of the first arm by corruption and severity."""
    corruptions = result.arms[0].corruptions
    assert corruptions is not None
    return {(each.corruption, each.severity): each.error for each in corruptions.measured}


@pytest.mark.parametrize("labels", [1, 5])
def test_stacked_arrays_are_measured_by_severity(bench: Bench, tmp_path: Path, labels: int) -> None:
    result = run(bench.asked(stacked(bench, tmp_path / "photos-c", labels=labels)))
    arm = result.arms[0]
    found = arm.corruptions
    assert found is not None
    assert found.title == "photos-c"
    assert found.extra == ("saturate",)
    error = figures(result)
    clean = 1 - arm.accuracy.mean
    assert [error["frost", severity] for severity in range(1, 6)] == pytest.approx([clean] * 5)
    assert error["fog", 1] < error["fog", 3] <= error["fog", 5]
    assert list(found.errors) == ["fog", "frost"]
    fog = np.mean([error["fog", severity] for severity in range(1, 6)])
    assert found.mean_error == pytest.approx((fog + clean) / 2)
    for level, each in enumerate(found.severities, 1):
        assert (each.severity, each.corruptions) == (level, 2)
        assert each.error.mean == pytest.approx((error["fog", level] + clean) / 2)
        assert len(each.nll.values) == len(each.ece.values) == 2
    assert found.severities[4].nll.mean > found.severities[0].nll.mean > arm.nll.mean

    kept = json.loads((result.out / "results.json").read_text())["arms"][0]["corruptions"]
    assert [each["severity"] for each in kept["severities"]] == [1, 2, 3, 4, 5]
    lines = list(csv.DictReader((result.out / "corruptions.csv").read_text().splitlines()))
    assert len(lines) == len(result.arms) * 2 * 15
    own = [
        float(line["error"])
        for line in lines
        if (line["arm"], line["corruption"], line["severity"]) == ("originals", "fog", "3")
    ]
    assert np.mean(own) == pytest.approx(error["fog", 3])
    assert any("saturate is not in the mean" in alert.text for alert in result.alerts)
    assert any("no published figures" in alert.text for alert in result.alerts)
    assert any("0 is class 0, 1 is class 1" in alert.text for alert in result.alerts)


def test_arrays_in_folders_are_measured(bench: Bench, tmp_path: Path) -> None:
    result = run(bench.asked(in_folders(bench, tmp_path / "MNIST-C")))
    arm, error = result.arms[0], figures(result)
    clean = 1 - arm.accuracy.mean
    assert error["identity", 1] == error["shear", 1] == pytest.approx(clean)
    assert arm.corruptions is not None
    assert arm.corruptions.mean_error == pytest.approx((error["fog", 1] + clean) / 2)
    assert arm.corruptions.mean_error_without_overlap == pytest.approx(error["fog", 1])


def test_augmix_while_training_is_told_to_train_for_the_test(bench: Bench, tmp_path: Path) -> None:
    asked = bench.asked(in_folders(bench, tmp_path / "MNIST-C"))
    told = {}
    for arm in ("originals+crop", "originals+augmix+jsd"):
        prepared = prepare(replace(asked, arms=(arm,)), Progress())
        assert prepared.published is not None
        alerts = before_training(prepared.inputs, 2, prepared.published.profile)
        told[arm] = [own.text for own in alerts if own.text.startswith("AugMix")]
    assert told["originals+crop"] == []
    (text,) = told["originals+augmix+jsd"]
    assert text.startswith("AugMix trains on shear, which are corruptions of MNIST-C too")


def test_class_folders_are_matched_by_their_names(bench: Bench, tmp_path: Path) -> None:
    result = run(bench.asked(class_folders(bench, tmp_path / "images-c")))
    error, arm = figures(result), result.arms[0]
    assert arm.corruptions is not None
    upper = [share for share in arm.class_accuracy[CLASSES // 2 :] if share is not None]
    assert error["fog", 1] == pytest.approx(1 - np.mean(upper))
    assert error["fog", 2] > error["fog", 1]
    assert arm.corruptions.measured[0].images == ROWS // 2
    assert any("has no image of: class 0" in alert.text for alert in result.alerts)


def test_the_command_and_python_take_them(bench: Bench, tmp_path: Path) -> None:
    folder = in_folders(bench, tmp_path / "MNIST-C")
    line = ("evaluate", "digits-x2", "--test", "test.h5", "--classifier", "vgg", "--steps", 4)
    found = answer(*line, "--seeds", 1, "--corrupted", folder, "--workers", 1, cwd=tmp_path)
    measured = found["arms"][0]["corruptions"]["measured"]
    assert [each["corruption"] for each in measured] == ["fog", "identity", "shear"]
    assert "--corrupted" in found["verdict"]["next"] or "info" in found["verdict"]["next"]
    result = augfactory.evaluate(
        "digits-x2", "test.h5", classifier="vgg", steps=4, seeds=1, corrupted=folder, workers=1
    )
    assert result.plain()["arms"][0]["corruptions"]["measured"] == tuple(measured)
    assert result.trained == 0


def test_a_change_of_the_files_is_another_evaluation(bench: Bench, tmp_path: Path) -> None:
    request = bench.asked(in_folders(bench, tmp_path / "c"))
    first = run(request)
    np.save(tmp_path / "c/fog/test_images.npy", bench.images)
    second = run(request)
    assert second.trained == first.trained
    assert figures(second)["fog", 1] < figures(first)["fog", 1]


def test_other_images_are_told(bench: Bench, tmp_path: Path) -> None:
    folder = in_folders(bench, tmp_path / "c")
    others = np.random.default_rng(1).integers(0, 256, bench.images.shape).astype(np.uint8)
    for own in folder.iterdir():
        np.save(own / "test_images.npy", others)
    assert "none of them looks like" in told(bench, folder)
    for own in folder.iterdir():
        np.save(own / "test_labels.npy", bench.labels[::-1])
    assert "every figure is wrong" in told(bench, folder)
    for own in folder.iterdir():
        np.save(own / "test_images.npy", others[:30])
        np.save(own / "test_labels.npy", bench.labels[:30])
    assert "of other images" in told(bench, folder)


def told(bench: Bench, folder: Path) -> str:
    """Return all that is said before anything is trained."""
    published = prepare(bench.asked(folder), Progress()).published
    assert published is not None
    return "\n".join(alert.text for alert in published.alerts)


def _pickled(folder: Path) -> None:
    np.save(folder / "fog.npy", np.array([{"a": 1}] * 250), allow_pickle=True)


def _save(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        np.save(folder / name, change(np.load(folder / name)))

    return write


def _write(path: Path) -> None:
    path.write_bytes(b"no array")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "pickled": (_pickled, "only plain numbers are read"),
    "cut": (lambda folder: os.truncate(folder / "fog.npy", 999), "it has 871 bytes of values"),
    "no array": (lambda folder: _write(folder / "fog.npy"), "cannot be read as an array"),
    "a pipe": (lambda folder: _pipe(folder / "fog.npy"), "it is a FIFO, not a file"),
    "floats": (_save("fog.npy", lambda array: array / 255), "its pixels are float64"),
    "another size": (_save("fog.npy", lambda array: array[:, :8]), "8×6 RGB, those of"),
    "grey": (_save("fog.npy", lambda array: array[..., :1]), "9×6 grey, those of"),
    "channels first": (
        _save("fog.npy", lambda array: array.transpose(0, 3, 1, 2)), "channels first",
    ),
    "too few": (_save("fog.npy", lambda array: array[:-1]), "249 images, and labels.npy 250"),
    "labels from 1": (_save("labels.npy", lambda array: array + 1), "its labels go from 1 to 10"),
    "labels of one": (
        _save("labels.npy", lambda array: np.eye(10)[array]), "holds no labels",
    ),
    "no labels": (lambda folder: (folder / "labels.npy").unlink(), "no labels.npy beside fog.npy"),
    "empty": (_emptied, "no corrupted images in it"),
    "an archive": (lambda folder: _write(folder.with_suffix(".tar")), "unpack it first"),
    "nothing": (shutil.rmtree, "is not a folder"),
}  # fmt: skip


@pytest.mark.parametrize("damage", BROKEN)
def test_what_does_not_fit_is_refused(bench: Bench, tmp_path: Path, damage: str) -> None:
    folder = stacked(bench, tmp_path / "photos-c")
    harm, message = BROKEN[damage]
    harm(folder)
    named = folder.with_suffix(".tar") if damage == "an archive" else folder
    with pytest.raises(InputDataError) as caught:
        prepare(bench.asked(named), Progress())
    assert message in str(caught.value)
    assert not Path("digits-x2-evaluation").exists()


def test_class_folders_of_other_names_are_refused(bench: Bench, tmp_path: Path) -> None:
    folder = class_folders(bench, tmp_path / "c")
    (folder / "fog/2/class 7").rename(folder / "fog/2/n01440764")
    with pytest.raises(InputDataError, match="has no class called n01440764"):
        prepare(bench.asked(folder), Progress())


def test_made_and_read_ones_at_once_are_refused(bench: Bench, tmp_path: Path) -> None:
    asked = vars(bench.asked(tmp_path)) | {"corruptions": "mnist-c"}
    with pytest.raises(RecipeError, match="one table cannot hold both"):
        prepare(EvaluateRequest(**asked), Progress())
    values = {
        "title": "t", "source": "a", "test": "b", "n_train": [20], "corruptions": "mnist-c",
        "corrupted": "c", "arms": [{"name": "originals"}],
    }  # fmt: skip
    with pytest.raises(RecipeError, match=r"s\.toml: corrupted"):
        study_of(values, "s.toml", "default")
