"""The evaluate command on dataset versions that lie on the disk."""

import ast
import csv
import errno
import io
import itertools
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import augfactory
from augfactory.cli.app import app
from augfactory.commands.evaluate import estimate
from augfactory.commands.evaluate.arms import ArmsRequest, make_arms
from augfactory.commands.evaluate.checks import before_training
from augfactory.commands.evaluate.evaluate import EvaluateResult, as_json, evaluate, prepare
from augfactory.commands.evaluate.next import KEPT, next_command, told
from augfactory.commands.evaluate.online_arms import BASELINES, ONLINE_GEOMETRY, online_stages
from augfactory.commands.evaluate.pictures import nearest_originals
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.progress import Progress
from augfactory.commands.runs import files as evaluation_files
from augfactory.commands.runs import stages as evaluation_stages
from augfactory.commands.runs import train_runs, training_states
from augfactory.errors import InputDataError, RecipeError, ResourceError
from augfactory.evaluation.comparison import verdict
from augfactory.evaluation.comparison.curves import Curve
from augfactory.evaluation.comparison.protocol import Arm, Run, RunResult
from augfactory.evaluation.comparison.results import Results
from augfactory.evaluation.training.batch_policy import Loss
from augfactory.pipeline.recipes import composition
from augfactory.pipeline.recipes.stages import geometry_stage
from augfactory.records import SourceSpec
from augfactory.report.figures.training_figures import CAPTION, GAP, TITLE
from augfactory.sources.opening import open_source
from augfactory.store.disk import system
from augfactory.store.disk.lock import only_writer
from augfactory.store.reader import open_version
from tests.commands.tiny import stand_in_for
from tests.commands.told import Told
from tests.commands.versions import write_source, write_version
from tests.evaluation.memory import CLASSES, patterns
from tests.report.undrawn import write_no_report

CHOSEN = list(range(3, 43))
NAMES = ["results.json", "results.csv", "curves.csv", "accuracy.png", "report.html"]


@dataclass(frozen=True)
class Bench:
    """A working folder with sources, datasets and a request for them."""

    folder: Path
    train: SourceSpec
    test: SourceSpec
    request: EvaluateRequest


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Bench:
    """Two datasets of the same 40 originals in the working folder, and a test source."""
    if request.node.get_closest_marker("drawn") is None:
        write_no_report(monkeypatch)  # most tests do not look, and drawing takes seconds
    return make_bench(tmp_path, monkeypatch)


def make_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Write the datasets and their sources, and go there."""
    monkeypatch.chdir(tmp_path)
    stand_in_for("vgg", monkeypatch)
    train = write_source(tmp_path / "train.h5", *patterns("train", 60))
    test = write_source(tmp_path / "test.h5", *patterns("test", 50))
    write_version(tmp_path / "digits-x2/v1", train, CHOSEN, 2)
    write_version(tmp_path / "digits-x4/v1", train, CHOSEN, 4)
    request = EvaluateRequest(
        ("digits-x2", "digits-x4@v1"), test, "vgg", seeds=2, steps=6, batch=8, precision="float32"
    )
    return Bench(tmp_path, train, test, request)


def run(request: EvaluateRequest) -> EvaluateResult:
    return evaluate(request, Progress())


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, EvaluateResult]:
    """Both datasets compared and drawn, in a folder of their own; nobody changes it."""
    with pytest.MonkeyPatch.context() as patch:
        bench = make_bench(tmp_path_factory.mktemp("compared"), patch)
        return bench, run(bench.request)


def values(result: EvaluateResult) -> dict[str, tuple[float, ...]]:
    return {arm.name: arm.nll.values for arm in result.arms}


def test_datasets_are_compared_with_their_originals(
    compared: tuple[Bench, EvaluateResult],
) -> None:
    bench, result = compared
    assert [(arm.name, arm.factor, arm.rows) for arm in result.arms] == [
        ("originals", 1, 40),
        ("originals+geometry", None, 40),
        ("originals+geometry+mixup", None, 40),
        ("digits-x2", 2, 80),
        ("digits-x4", 4, 160),
    ]
    assert result.trained == 10
    assert result.out == bench.folder / "digits-x2-evaluation"
    assert [path.name for path in result.files] == NAMES

    kept = json.loads((result.out / "results.json").read_text())
    printed = json.loads(json.dumps(as_json(result)))
    assert printed.items() >= kept.items()
    assert json.loads(json.dumps(Results.model_validate(kept).plain())) == kept
    assert kept["baseline"] in [arm.name for arm in result.arms[:3]]
    best = max(result.arms[:3], key=lambda arm: arm.accuracy.mean)
    assert kept["baseline"] == kept["verdict"]["baseline"] == best.name
    assert {"use", "text", "next", "smallest_difference"} <= kept["verdict"].keys()
    for arm, printed_arm in zip(result.arms, printed["arms"], strict=True):
        assert printed_arm["name"] == arm.name
        for measure in ("accuracy", "nll"):
            spread = printed_arm[measure]
            assert len(spread["values"]) == 2
            assert spread["mean"] == pytest.approx(np.mean(spread["values"]))
            assert spread["std"] == pytest.approx(np.std(spread["values"], ddof=1))
    assert kept["test"]["rows"] == 50
    assert [each["version"] for each in kept["datasets"]] == ["v1", "v1"]

    lines = list(csv.DictReader((result.out / "results.csv").read_text().splitlines()))
    assert [(line["arm"], line["seed"], line["steps"]) for line in lines[:5]] == [
        ("originals", "0", "6"),
        ("originals+geometry", "0", "6"),
        ("originals+geometry+mixup", "0", "6"),
        ("digits-x2", "0", "6"),
        ("digits-x4", "0", "6"),
    ]
    assert float(lines[1]["accuracy"]) == result.arms[1].accuracy.values[0]
    with Image.open(result.out / "accuracy.png") as image:
        assert image.format == "PNG"


def test_the_same_request_makes_the_same_files(
    compared: tuple[Bench, EvaluateResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, first = compared
    monkeypatch.chdir(bench.folder)
    stand_in_for("vgg", monkeypatch)
    contents = {path: path.read_bytes() for path in first.files}
    again = run(bench.request)
    assert again.trained == 0
    assert {path: path.read_bytes() for path in again.files} == contents


def test_what_is_finished_is_not_trained_again(bench: Bench) -> None:
    first = run(bench.request)
    assert run(replace(bench.request, seeds=3)).trained == 5
    assert run(replace(bench.request, steps=7)).trained == 10
    cells = sorted((first.out / "cells").iterdir())
    cells[0].unlink()
    cells[1].write_text("{}")
    assert (
        run(replace(bench.request, seeds=3)).trained + run(replace(bench.request, steps=7)).trained
        == 2
    )


def test_results_of_other_settings_in_the_same_folder_are_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_stages, "MOST_SEEDS", 2)

    def told(**changes: object) -> list[str]:
        progress = Told()
        evaluate(replace(bench.request, out=Path("out"), **changes), progress)  # type: ignore[arg-type]
        return [line for line in progress.lines if "overwritten" in line]

    assert told() == []
    assert told() == []
    longer = told(steps=7)
    assert len(longer) == 1
    assert longer[0].startswith("note: out/results.json is of other settings")
    assert "--out keeps both" in longer[0]
    assert "classifiers are kept in out/cells" in longer[0]
    assert told(steps=7, workers=2) == []
    assert len(told(steps=7, baseline="originals+geometry")) == 1
    assert told(steps=7, baseline="originals+geometry", minutes=5.0) == []
    (bench.folder / "out/results.json").write_text("{")
    assert told() == []


def test_a_stopped_evaluation_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(replace(bench.request, out=Path("whole")))
    save = evaluation_files.save_run
    saved: list[Run] = []

    def save_two(out: Path, cell: Run, result: RunResult) -> None:
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(cell)
        save(out, cell, result)

    monkeypatch.setattr(evaluation_files, "save_run", save_two)
    with pytest.raises(KeyboardInterrupt):
        run(bench.request)
    monkeypatch.setattr(evaluation_files, "save_run", save)
    result = run(bench.request)
    assert result.trained == 8
    assert values(result) == values(whole)


def test_a_test_image_among_the_training_images_is_named(bench: Bench) -> None:
    images, labels = patterns("test", 50)
    images[31] = patterns("train", 60)[0][CHOSEN[7]]
    leaking = write_source(bench.folder / "leaking.h5", images, labels)
    with pytest.raises(InputDataError) as caught:
        run(replace(bench.request, test=leaking))
    assert "leaking.h5" in caught.value.where
    assert "31" in caught.value.where
    assert caught.value.what.endswith("digits-x2@v1 row 7")
    assert not (bench.folder / "digits-x2-evaluation").exists()


def test_a_test_image_among_the_generated_images_is_found(bench: Bench) -> None:
    test = write_source(bench.folder / "copies.h5", *patterns("train", 60))
    write_version(bench.folder / "copied/v1", bench.train, CHOSEN, 2, originals=False, noise=0)
    with pytest.raises(InputDataError, match="is in the training set too"):
        run(replace(bench.request, datasets=("copied",), test=test))


def test_a_test_source_that_does_not_fit_is_refused(bench: Bench) -> None:
    images, labels = patterns("test", 50)
    names = tuple(f"kind {label}" for label in range(CLASSES))
    other_classes = write_source(bench.folder / "classes.h5", images, labels, names)
    with pytest.raises(InputDataError, match=r"digits-x2@v1 does not know: kind 0, kind 1"):
        run(replace(bench.request, test=other_classes))
    turned = write_source(bench.folder / "turned.h5", images.reshape(50, 6, 9, 3), labels)
    with pytest.raises(InputDataError, match="6×9 RGB, those of digits-x2@v1 are 9×6 RGB"):
        run(replace(bench.request, test=turned))


def test_the_test_images_are_converted_as_the_originals_were(bench: Bench) -> None:
    small = replace(bench.train, size=(8, 5), colour="grey")
    write_version(bench.folder / "small-x2/v1", small, CHOSEN, 2)
    result = run(replace(bench.request, datasets=("small-x2",), seeds=1))
    assert result.test.size == (8, 5)
    assert result.test.colour == "grey"


def test_datasets_of_other_originals_have_no_common_baseline(bench: Bench) -> None:
    write_version(bench.folder / "other-x2/v1", bench.train, CHOSEN[1:], 2)
    with pytest.raises(RecipeError, match="other originals than digits-x2@v1"):
        run(replace(bench.request, datasets=("digits-x2", "other-x2")))


def test_originals_that_a_dataset_left_out_are_read_from_their_source(bench: Bench) -> None:
    write_version(bench.folder / "bare-x3/v1", bench.train, CHOSEN, 3, originals=False)
    request = replace(bench.request, datasets=("bare-x3",))
    bare = run(request)
    kept = run(bench.request)
    assert values(bare)["originals"] == values(kept)["originals"]
    beside = run(replace(bench.request, datasets=("bare-x3", "digits-x4"), out=Path("beside")))
    assert values(beside)["originals"] == values(kept)["originals"]

    write_source(bench.folder / "train.h5", *patterns("changed", 60))
    with pytest.raises(InputDataError, match="no longer those that bare-x3@v1 was made from"):
        run(request)
    write_source(bench.folder / "train.h5", *patterns("train", 40))
    with pytest.raises(InputDataError, match="no longer those that bare-x3@v1 was made from"):
        run(request)


def test_equal_datasets_get_equal_results_under_any_name(bench: Bench) -> None:
    write_version(bench.folder / "digits-x2/v2", bench.train, CHOSEN, 2, noise=5)
    write_version(bench.folder / "elsewhere/digits-x2/v1", bench.train, CHOSEN, 2)
    datasets = ("digits-x2@v1", "digits-x2@v2", "digits-x4", "elsewhere/digits-x2", "digits-x4@v1")
    result = run(replace(bench.request, datasets=datasets))
    first, far = (str(bench.folder / path) for path in ("digits-x2/v1", "elsewhere/digits-x2/v1"))
    names = [arm.name for arm in result.arms]
    assert names == [*BASELINES[:3], first, "digits-x2@v2", "digits-x4", far]
    assert values(result)[first] == values(result)[far] != values(result)["digits-x2@v2"]
    assert result.trained == 12


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"loss": "jsd"}, "none of the datasets holds two views"),
        ({"corruptions": "mnist"}, "Did you mean 'mnist-c'"),
        ({"order": "random"}, "--order"),
        ({"arms": ("originals+geometri",)}, "Did you mean 'originals\\+geometry'"),
        ({"baseline": "original"}, "Did you mean 'originals'"),
        ({"real_share": 1.0}, "--real-share"),
        ({"freeze": "last"}, "--freeze"),
        ({"optimiser": "adamm"}, "--optimiser"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"drops": "0.5"}, "--drops"),
        ({"loss": "hinge"}, "there is no loss 'hinge'"),
        ({"classifier": "resnet21"}, "Did you mean 'resnet20'"),
        ({"classifier": "vgg16"}, "vgg16 cannot take images of 9×6"),
        ({"seeds": 0}, "--seeds"),
        ({"steps": 0}, "--steps"),
        ({"minutes": 0.0}, "--minutes"),
        ({"order": "rounds", "steps": None}, "Say how many with --steps"),
        ({"precision": "float16"}, "--precision"),
        ({"device": "tpu"}, "--device"),
        ({"batch": -1}, "--batch"),
        ({"datasets": ()}, "no dataset is named"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(
    bench: Bench, change: dict[str, object], told: str
) -> None:
    with pytest.raises(RecipeError, match=told):
        run(replace(bench.request, **change))  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_written_is_told(bench: Bench) -> None:
    (bench.folder / "taken").write_text("")
    with pytest.raises(RecipeError, match=r"is not a folder(.|\n)*--out"):
        run(replace(bench.request, out=bench.folder / "taken"))
    name = bench.request.datasets[0].partition("@")[0]
    with pytest.raises(RecipeError, match="is a dataset, not a place for results"):
        prepare(replace(bench.request, out=Path(name)), Progress())


def by(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.rename("moved")
        make(path)

    return damage


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "empty": lambda path: path.write_bytes(b""),
    "a digit changed": lambda path: path.write_bytes(
        re.sub(rb'("accuracy": 0\.)(\d)', rb"\g<1>9", path.read_bytes(), count=1)
        if path.suffix == ".json"
        else path.read_bytes()[:-5] + b"x" + path.read_bytes()[-4:]
    ),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "FIFO": by(os.mkfifo),
    "folder": by(Path.mkdir),
    "link": by(lambda path: path.symlink_to(Path("moved").resolve())),
    "device": by(lambda path: path.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cell_is_trained_again(bench: Bench, damage: str) -> None:
    request = replace(bench.request, seeds=1, arms=())
    first = run(request)
    cell = sorted((first.out / "cells").iterdir())[1]
    whole = json.loads(cell.read_text())
    DAMAGE[damage](cell)
    told = Told()
    again = evaluate(request, told)
    assert any(f"{cell.name} is damaged" in line for line in told.lines)
    assert again.trained == 1
    assert values(again) == values(first)
    assert json.loads(cell.read_text())["scores"] == whole["scores"]
    assert not cell.is_symlink()


def test_the_cell_of_another_classifier_is_not_taken(bench: Bench) -> None:
    request = replace(bench.request, seeds=1, arms=())
    first = run(request)
    one, other, *_ = sorted((first.out / "cells").iterdir())
    one.write_bytes(other.read_bytes())
    again = run(request)
    assert again.trained == 1
    assert values(again) == values(first)


@pytest.mark.parametrize("damage", ["a digit changed", "cut", "FIFO", "folder", "link"])
def test_damaged_corrupted_copies_are_made_again(bench: Bench, damage: str) -> None:
    request = replace(bench.request, corruptions="mnist-c", seeds=1, arms=())
    first = run(request)
    copies = {path: path.read_bytes() for path in (first.out / "corrupted").rglob("*.*")}
    assert len(copies) == 30
    chosen = [sorted(copies)[4], sorted(copies)[7]]
    assert [path.suffix for path in chosen] == [".npy", ".sha256"]
    for path in chosen:
        DAMAGE[damage](path)
        Path("moved").unlink(missing_ok=True)
    for folder in (first.out, first.out / "cells", chosen[0].parent):
        (folder / ".tmp-0123abcd").write_text("half")
    for cell in (first.out / "cells").glob("*.json"):
        cell.unlink()
    told = Told()
    again = evaluate(request, told)
    assert any("damaged and made again" in line for line in told.lines)
    assert values(again) == values(first)
    assert [arm.corruptions for arm in again.arms] == [arm.corruptions for arm in first.arms]
    assert {path: path.read_bytes() for path in (first.out / "corrupted").rglob("*.*")} == copies
    assert [*first.out.rglob(".*")] == []


def test_two_at_once_in_one_folder_are_refused(bench: Bench) -> None:
    request = replace(bench.request, seeds=1, arms=(), out=Path("out"))
    with (
        only_writer(Path("out")),
        pytest.raises(RecipeError, match="another augfactory process is writing there"),
    ):
        run(request)
    (bench.folder / "out").mkdir(exist_ok=True)
    (bench.folder / "out/.lock-file").write_text('{"host": "elsewhere", "process": 5}')
    with pytest.raises(RecipeError, match="process 5 on elsewhere"):
        run(replace(request, lock="file"))
    run(replace(request, lock="none"))


@pytest.mark.parametrize(
    ("call", "number"),
    [
        *(("mkdir", 1), ("open_new", 0), ("write", 1), ("fsync", 3), ("replace", 4)),
    ],
)
def test_a_full_disk_is_told_and_the_same_command_goes_on(
    bench: Bench, call: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(bench.request, seeds=1, arms=(), out=Path("deep/er/out"))
    works, done = getattr(system, call), 0

    def full(*arguments: Any) -> Any:
        nonlocal done
        done += 1
        if done > number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return works(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(system, call, full)
        with pytest.raises(ResourceError, match="the disk is full"):
            run(request)
    assert len(run(request).files) == len(NAMES)
    assert [*request.out.rglob(".*")] == []  # type: ignore[union-attr]


def test_equal_datasets_do_not_differ(bench: Bench) -> None:
    write_version(bench.folder / "same/v1", bench.train, CHOSEN, 2)
    request = replace(bench.request, datasets=("digits-x2", "same"), baseline="digits-x2", arms=())
    gap = run(request).arms[-1].versus["digits-x2"]["accuracy"]
    assert gap.mean == 0
    assert not gap.excludes_zero


def test_datasets_of_one_kind_are_rarely_told_apart(bench: Bench) -> None:
    """Two sets that differ by their noise alone: an interval that leaves 0 out is 1 in 20."""
    wrong = 0
    for number in range(5):
        for name in ("first", "second"):
            write_version(
                bench.folder / f"{name}-{number}/v1",
                bench.train,
                CHOSEN,
                2,
                noise=20,
                seed=2 * number + (name == "second"),
            )
        first, second = f"first-{number}", f"second-{number}"
        result = run(
            replace(
                bench.request,
                datasets=(first, second),
                baseline=first,
                arms=(),
                seeds=4,
                steps=8,
            )
        )
        wrong += result.arms[-1].versus[first]["accuracy"].excludes_zero
    assert wrong <= 1  # more is 1 in 44 for a true 5 %, and these seeds are always the same


def test_shuffled_labels_are_reported_as_a_loss(bench: Bench) -> None:
    write_version(bench.folder / "wrong-x8/v1", bench.train, CHOSEN, 8, shuffled=1.0)
    result = run(replace(bench.request, datasets=("wrong-x8",), seeds=3, steps=25, batch=32))
    gap = result.arms[-1].versus[result.baseline]["accuracy"]
    assert gap.excludes_zero
    assert gap.mean < -0.1
    assert result.verdict.worse[0] == "wrong-x8"
    assert "Behind so far wrong-x8 (-" in result.verdict.text  # all rise after 25 steps


def test_parts_of_a_dataset_are_arms(bench: Bench) -> None:
    result = run(
        replace(
            bench.request,
            datasets=("digits-x4",),
            arms=("synthetic-only", "real+synthetic", "originals+cutmix"),
            real_share=0.25,
            seeds=1,
        )
    )
    assert [(arm.name, arm.rows) for arm in result.arms] == [
        *((name, 40) for name in BASELINES[:3]),
        ("originals+cutmix", 40),
        ("digits-x4", 160),
        ("digits-x4 synthetic-only", 120),
        ("digits-x4 real+synthetic (25 % real)", 160),
    ]
    assert len({arm.nll.values for arm in result.arms}) == 7


def test_of_uneven_classes_a_weighted_loss_is_a_baseline(bench: Bench) -> None:
    labels = open_source(bench.train).labels
    rare = np.flatnonzero(labels == 0)[:2].tolist()
    uneven = [*np.flatnonzero(labels != 0).tolist(), *rare]
    write_version(bench.folder / "uneven-x2/v1", bench.train, uneven, 2)
    request = replace(bench.request, datasets=("uneven-x2",), seeds=1)
    assert max(np.bincount(labels)) == 3 * len(rare)
    result = run(request)
    assert [arm.name for arm in result.arms] == [*BASELINES, "uneven-x2"]
    assert BASELINES[-1] in result.arms[-1].versus
    assert prepare(request, Progress()).inputs.arms[3].batch_policy.loss == "weighted"
    assert values(result)[BASELINES[3]] != values(result)[BASELINES[2]]
    told = [alert.text for alert in result.alerts]
    (of_classes,) = (text for text in told if "is uneven" in text)
    assert "or expand with --balance" in of_classes
    assert f"to beat is {BASELINES[3]}, whose loss weighs the classes." in of_classes
    version = open_version(bench.folder / "uneven-x2/v1")
    labelled = version.manifest.model_copy(update={"unlabelled": version.manifest.source})
    inputs = replace(
        prepare(request, Progress()).inputs, versions=(replace(version, manifest=labelled),)
    )
    (of_classes,) = (
        alert.text for alert in before_training(inputs, 1, None) if "is uneven" in alert.text
    )
    assert "--balance" not in of_classes
    (online,) = (text for text in told if "varied online" in text)
    assert online == "Originals are varied online as digits."

    few_more = [*uneven, *np.flatnonzero(labels == 0)[2:3].tolist()]  # twice as many of the others
    write_version(bench.folder / "even-x2/v1", bench.train, few_more, 2)
    even = prepare(replace(request, datasets=("even-x2",)), Progress()).inputs
    assert [arm.name for arm in even.arms] == [*BASELINES[:3], "even-x2"]
    asked = replace(request, datasets=("even-x2",), arms=(BASELINES[3], "originals+cutmix"))
    assert prepare(asked, Progress()).inputs.baselines == BASELINES


def test_what_varies_the_images_of_a_set_is_a_baseline_where_trainers_have_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Curve, "rising", False)
    monkeypatch.setattr(verdict, "_seeds_for_a_point", lambda *_: None)  # no seeds would do

    def make(name: str, vary: list[dict[str, Any]]) -> str:
        write_version(bench.folder / f"{name}/v1", bench.train, CHOSEN, 2, vary=vary)
        return name

    light = {"method": "jitter", "parameters": {"hue": 0.0}}
    stronger = {"method": "randaugment", "parameters": {"operations": 3}}
    request = replace(bench.request, seeds=2, baseline=None)

    def arms(*names: str) -> tuple[Arm, ...]:
        return prepare(replace(request, datasets=names), Progress()).inputs.arms

    both = make("both", [light, stronger])
    free = [arm for arm in arms(both) if arm.free]
    name = "originals+geometry+jitter+randaugment+mixup"
    assert [arm.name for arm in free] == [*BASELINES[:3], name]
    online = free[-1].batch_policy.online
    assert json.loads(online[1].parameters)["hue"] == 0
    assert json.loads(online[2].parameters)["operations"] == 3
    labels = open_source(bench.train).labels
    rows = np.delete(np.arange(len(labels)), np.flatnonzero(labels == 0)[2:]).tolist()
    write_version(bench.folder / "uneven/v1", bench.train, rows, 2, vary=[light])
    light_name = "originals+geometry+jitter+mixup"
    twins = [*BASELINES, light_name, f"{light_name}+weighted"]
    assert [arm.name for arm in arms("uneven") if arm.free] == twins
    # None but augfactory changes strokes.
    strokes = make("strokes", [light, {"method": "stroke", "parameters": {}}])
    assert [arm.name for arm in arms(strokes) if arm.free] == list(BASELINES[:3])

    for baseline, wanted in ((name, ["jitter", "randaugment"]), (BASELINES[2], ["none"])):
        asked = replace(request, datasets=(both,), baseline=baseline, out=Path(f"by-{wanted[0]}"))
        told = run(asked).verdict
        assert told.baseline == baseline
        words = shlex.split(told.next)
        assert [to for key, to in itertools.pairwise(words) if key == "--vary"] == wanted


@pytest.mark.parametrize("loss", ["ce", "weighted"])
def test_a_loss_goes_for_the_datasets_and_their_parts(bench: Bench, loss: Loss) -> None:
    asked = ArmsRequest(("synthetic-only", "real+synthetic"), loss=loss)
    arms = make_arms((open_version(bench.folder / "digits-x4/v1"),), asked)
    assert {arm.batch_policy.loss for arm in arms[:3]} == {"ce"}  # the baselines
    assert [arm.batch_policy.loss for arm in arms[3:]] == [loss] * 3


def test_unused_training_rows_scale_the_temperature(bench: Bench) -> None:
    result = run(bench.request)
    assert result.plain()["held_out"] == {"text": "train.h5", "rows": 20}
    scaled = result.plain()["arms"][0]["scaled"]
    assert scaled["temperature"]["mean"] != 1
    assert len(scaled["ece"]["values"]) == 2
    other = replace(bench.request, held_out=SourceSpec(str(bench.folder / "other.h5")))
    write_source(bench.folder / "other.h5", *patterns("other", 30))
    assert run(other).plain()["held_out"]["rows"] == 30


def test_corrupted_images_are_tested_on(bench: Bench) -> None:
    result = run(replace(bench.request, corruptions="mnist-c", seeds=1, arms=()))
    found = result.plain()["arms"][0]["corruptions"]
    assert found["title"] == "MNIST-C-style"
    assert len(found["errors"]) == 15
    assert found["mean_error"] == pytest.approx(np.mean(list(found["errors"].values())))
    apart = [
        error
        for name, error in found["errors"].items()
        if name not in ("rotate", "shear", "translate")
    ]
    assert found["mean_error_without_overlap"] == pytest.approx(np.mean(apart))
    assert len(list((result.out / "corrupted").rglob("*.npy"))) == 15


def test_nearly_equal_images_are_told(bench: Bench) -> None:
    images, labels = patterns("test", 50)
    near = patterns("train", 60)[0][CHOSEN[4]].astype(int)
    images[12] = (near + np.random.default_rng(0).integers(-2, 3, near.shape)).clip(0, 255)
    nearly = write_source(bench.folder / "nearly.h5", images, labels)
    told = [alert.text for alert in run(replace(bench.request, test=nearly)).alerts]
    assert any("nearly.h5" in text and "12" in text and "nearly like" in text for text in told)
    plain = run(replace(bench.request, out=Path("plain"))).alerts
    assert not any("nearly like" in alert.text for alert in plain)


@pytest.mark.drawn
def test_the_report_shows_copies_above_the_originals_they_copy(bench: Bench) -> None:
    write_version(bench.folder / "copied-x3/v1", bench.train, CHOSEN, 3, noise=0)
    version = open_version(bench.folder / "copied-x3/v1")
    picture = nearest_originals(version)
    assert picture is not None
    assert "100 % lie nearer" in picture.caption
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)))
    height = version.source.image_shape[0]
    scale = -(-80 // height)
    made = [  # the lines of pictures, each ``height`` tall: the lower one holds the originals
        pixels[top : top + height * scale] for top in _tops(height * scale)
    ]
    right = slice(260, None)  # beside the labels
    assert (made[0][:, right] != 255).any()
    np.testing.assert_array_equal(made[0][:, right], made[1][:, right])


def _tops(height: int) -> tuple[int, int]:
    top = TITLE + CAPTION
    return top, top + height + GAP


def test_the_report_holds_what_results_json_says(compared: tuple[Bench, EvaluateResult]) -> None:
    _, result = compared
    page = (result.out / "report.html").read_text()
    embedded = page.split('<script type="application/json" id="results">')[1].split("</script>")[0]
    assert json.loads(embedded) == json.loads((result.out / "results.json").read_text())
    assert json.loads(embedded)["machine"]["cores"] == os.cpu_count()
    assert "<h3>Machine</h3>" in page
    for heading in ("digits-x2@v1: what was made from what", "digits-x4@v1: the nearest originals"):
        assert heading in page


def test_without_steps_all_arms_go_on_until_they_stand_still(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_stages, "FIRST", 50)
    monkeypatch.setattr(evaluation_stages, "MOST", 200)
    request = replace(bench.request, datasets=("digits-x2",), steps=None, batch=16, seeds=1)
    result = run(request)
    lengths = {len(arm.curve.steps) for arm in result.arms}
    assert len(lengths) == 1  # all arms have equal steps
    steps = result.settings["steps"]
    assert steps in (50, 100, 200)
    assert bool(result.verdict.rising) == any(arm.curve.rising for arm in result.arms)
    assert not list((result.out / "cells").glob("*.safetensors"))
    assert run(request).trained == 0

    # What was trained in stages is what one training of so many steps comes to.
    at_once = run(replace(request, steps=steps, out=Path("at-once")))
    wanted = [arm.accuracy for arm in at_once.arms]
    assert [arm.accuracy for arm in result.arms] == wanted


def test_minutes_end_a_training_and_more_minutes_go_on_from_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_stages, "FIRST", 100)
    monkeypatch.setattr(evaluation_stages, "MOST", 200)
    monkeypatch.setattr(evaluation_stages, "any_rising", lambda _: True)
    request = replace(bench.request, datasets=("digits-x2",), steps=None, batch=8)
    short = run(replace(request, minutes=1e-4))
    assert short.settings["steps"] == 50
    kept = list((short.out / "cells").glob("*.safetensors"))
    assert len(kept) == len(short.arms) * request.seeds
    assert short.verdict.next.endswith("--minutes 20")  # 4e-4 would be no better

    trained: list[int] = []
    load = training_states.load_state

    def watched(folder: Path, cell: Run) -> Any:
        found = load(folder, cell)
        trained.append(0 if found is None else found.progress.step)
        return found

    monkeypatch.setattr(train_runs, "load_state", watched)
    longer = run(request)
    assert longer.settings["steps"] == 200
    assert 0 not in trained


def test_a_damaged_state_is_trained_from_the_beginning(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_stages, "FIRST", 50)
    monkeypatch.setattr(evaluation_stages, "MOST", 100)
    monkeypatch.setattr(evaluation_stages, "any_rising", lambda _: True)
    request = replace(bench.request, datasets=("digits-x2",), steps=None, batch=8, seeds=2)
    first = run(replace(request, minutes=1e-4))
    kept = sorted((first.out / "cells").glob("*.safetensors"))
    for path, damage in zip(kept, DAMAGE, strict=False):
        DAMAGE[damage](path)
        Path("moved").unlink(missing_ok=True)
    longer = run(request)
    other = run(replace(request, out=Path("other")))
    assert values(longer) == values(other)


def test_with_minutes_left_more_seeds_are_trained(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_stages, "MOST_SEEDS", 4)
    result = run(replace(bench.request, datasets=("digits-x2",), minutes=5.0))
    assert {len(arm.seeds) for arm in result.arms} == {4}


def test_copies_of_test_images_make_no_interval_narrower(bench: Bench) -> None:
    """Each test image three times says no more than once: the intervals are those of one each."""
    images, labels = patterns("test", 50)
    tripled = write_source(
        bench.folder / "three.h5", np.tile(images, (3, 1, 1, 1)), np.tile(labels, 3)
    )
    request = replace(bench.request, datasets=("digits-x2",), steps=20)
    once, thrice = run(request), run(replace(request, test=tripled, out=Path("three")))
    (note,) = (alert.text for alert in thrice.alerts if "groups" in alert.text)
    assert note.startswith("The 150 test images are of 50 groups")
    assert not any("groups" in alert.text for alert in once.alerts)
    for one, three in zip(once.arms, thrice.arms, strict=True):
        assert three.accuracy.values == pytest.approx(one.accuracy.values)
        assert three.versus.keys() == one.versus.keys()
        for other, gaps in one.versus.items():
            for measure in ("accuracy", "nll"):
                wanted, found = gaps[measure], three.versus[other][measure]
                assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), rel=1e-3)


def test_arms_that_are_the_same_trainings_are_told(bench: Bench) -> None:
    write_version(bench.folder / "same-x2/v1", bench.train, CHOSEN, 2)
    result = run(replace(bench.request, datasets=("digits-x2", "same-x2")))
    assert any("digits-x2 and same-x2 are the same trainings" in a.text for a in result.alerts)
    assert values(result)["same-x2"] == values(result)["digits-x2"]


def test_the_next_command_knows_every_part_of_a_request() -> None:
    """A part that nobody thought of would be left out, and another experiment repeated."""
    elsewhere = {"datasets", "test", "arms", "held_out", "save_weights", "seeds", "steps",
                 "minutes", "quick"}  # fmt: skip
    of_this_run = {"workers", "lock", "runs_on"}
    named = {field.name for field in fields(EvaluateRequest)}
    assert named == {*KEPT, *elsewhere, *of_this_run}


def test_the_next_command_repeats_the_request_or_stores_what_to_use(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(bench.request, order="one-of-k", arms=("originals+cutmix",), seeds=1)
    assert shlex.split(run(request).verdict.next) == [
        *("augfactory", "evaluate", "digits-x2", "digits-x4@v1", "--test", "test.h5"),
        *("--classifier", "vgg", "--batch", "8", "--order", "one-of-k"),
        *("--precision", "float32", "--arm", "originals+cutmix", "--seeds", "3", "--steps", "24"),
    ]
    trained = replace(
        bench.request, optimiser="adam", learning_rate=0.001, weight_decay=0.0, quick=True
    )
    assert shlex.split(run(trained).verdict.next) == [
        *("augfactory", "evaluate", "digits-x2", "digits-x4@v1", "--test", "test.h5"),
        *("--classifier", "vgg", "--optimiser", "adam", "--learning-rate", "0.001"),
        *("--weight-decay", "0.0", "--batch", "8", "--precision", "float32", "--minutes", "20"),
    ]
    monkeypatch.setattr(Curve, "rising", False)
    monkeypatch.setattr(verdict, "_seeds_for_a_point", lambda *_: None)  # no seeds would do
    small = replace(bench.train, size=(8, 5), colour="grey")
    write_version(bench.folder / "small-x2/v1", small, CHOSEN, 2)
    datasets = ("small-x2",)
    said = {
        name: run(replace(bench.request, datasets=datasets, baseline=name, seeds=2))
        for name in ("originals", "originals+geometry+mixup")
    }
    assert said["originals"].verdict.next == "augfactory methods"
    assert shlex.split(said["originals+geometry+mixup"].verdict.next) == [
        *("augfactory", "expand", "train.h5", "--n-train", "40", "--size", "8x5", "--grey"),
        *("--out", "stored", "--factor", "250", "--mixup", "250"),
    ]
    plain = replace(
        bench.request,
        datasets=("digits-x2",),
        baseline="originals+geometry",
        seeds=2,
        out=Path("p"),
    )
    wanted = shlex.split(run(plain).verdict.next)
    assert wanted == [
        *("augfactory", "expand", "train.h5", "--n-train", "40"),
        *("--out", "stored", "--factor", "250", "--mixup", "0"),
    ]
    monkeypatch.setattr(composition, "ENOUGH_OTHERS", 50 * 40)
    assert shlex.split(run(plain).verdict.next)[-4:] == ["--factor", "50", "--mixup", "0"]
    made = CliRunner().invoke(app, [*wanted[1:], "--dry-run"])
    assert made.exit_code == 0, made.output

    # What varies photographs and clothes further by default was left out here: it stays out.
    asked = ["expand", *wanted[2:5], "--out", "clean", "--factor", "2", "--workers", "1"]
    for preset, enough in (("clothes", "250"), ("texture", "50")):
        made = CliRunner().invoke(app, [*asked, "--preset", preset, "--vary", "none"])
        assert made.exit_code == 0, made.output
        stored = replace(plain, datasets=("clean-x2",), out=Path(preset))
        words = shlex.split(run(stored).verdict.next)
        vary = ["--vary", "none"] if preset == "clothes" else []
        assert words[5:] == [
            *("--preset", preset, "--out", "stored", "--factor", enough, *vary, "--mixup", "0")
        ]
        shutil.rmtree("clean-x2")


def test_what_is_told_of_a_quick_look_and_of_what_needs_no_set(bench: Bench) -> None:
    found = run(replace(bench.request, seeds=1)).verdict
    inputs = prepare(bench.request, Progress()).inputs
    last = replace(inputs.arms[2], name=BASELINES[3])
    inputs = replace(inputs, arms=(*inputs.arms, last))
    named = {name: replace(found, use=name, text="Use it.") for name in (*BASELINES, "digits-x2")}
    said = {name: told(bench.request, own, inputs) for name, own in named.items()}
    assert said["originals"] == said["digits-x2"] == "Use it."
    loop = "Use it. In a loop of your own, augfactory.online(SOURCE, EPOCHS, recipe="
    assert said[BASELINES[2]].startswith(loop)
    given, rest = said[BASELINES[2]].removeprefix(loop).split(") does so anew in every epoch")
    assert rest == "."
    recipe = ast.literal_eval(given)
    assert recipe["mix"] == [{"method": "mixup", "share": 1.0}]
    rows = augfactory.online("train.h5", 3, recipe=recipe)  # what is told can be typed
    assert "mixup 3" in rows.in_words  # every row of every epoch
    shape = inputs.test.image_shape
    (asked,) = online_stages(ONLINE_GEOMETRY, [inputs.versions[0].manifest.recipe], shape)
    assert geometry_stage("test", recipe["geometry"]).parameters == json.loads(asked.parameters)
    assert said[BASELINES[3]].endswith(
        ") does so anew in every epoch; weigh the classes in your loss."
    )
    quick = told(replace(bench.request, quick=True), named["digits-x2"], inputs)
    assert quick == "So few steps show that it runs, and decide nothing. Use it."
    assert found.smallest_difference is None
    assert found.next.endswith("--seeds 3 --steps 24")  # first of all, more than one of each


def test_an_arm_varied_further_is_told_with_its_strength(bench: Bench) -> None:
    """Of a set without RandAugment the arm has the strength that was measured."""
    found = run(replace(bench.request, seeds=1)).verdict
    inputs = prepare(bench.request, Progress()).inputs
    name = "originals+geometry+randaugment+mixup"
    found = replace(found, use=name, rising={}, undecided=(), smallest_difference=0.01)
    inputs = replace(inputs, arms=(inputs.arms[0], replace(inputs.arms[2], name=name)))
    text = told(bench.request, found, inputs)
    strong = "{'method': 'randaugment', 'operations': 3, 'magnitude': 15}"
    assert f"'vary': [{strong}]" in text
    wanted = next_command(bench.request, found, 8, inputs)
    words = shlex.split(wanted)
    words[words.index("--factor") + 1] = "2"
    made = CliRunner().invoke(app, [*words[1:-2], "--workers", "1"])
    assert made.exit_code == 0, made.output
    recipe = open_version(Path("stored-x2/v1")).manifest.recipe
    assert recipe["vary"][0]["parameters"]["magnitude"] == 15


def test_a_dry_run_tells_the_time_and_writes_nothing(bench: Bench) -> None:
    asked = ["evaluate", "digits-x2", "--test", "test.h5", "--seeds", "2", "--workers", "1"]
    before = sorted(bench.folder.rglob("*"))
    told = CliRunner().invoke(app, [*asked, "--dry-run"])
    assert told.exit_code == 0, told.output
    assert "8 classifiers on 1 process:" in told.stdout
    assert re.search(r"to step 400: about [\d.,]+ minutes", told.stdout)
    assert re.search(r"memory: about [\d,]+ MB", told.stdout)
    assert "note: The test set has 50 images" in told.stderr  # what would be told before training
    found = json.loads(CliRunner().invoke(app, [*asked, "--dry-run", "--json"]).stdout)
    assert found["classifiers"] == 8
    minutes = list(found["minutes"].values())
    assert minutes == sorted(minutes)
    assert minutes[-1] > 10 * minutes[0] > 0  # 12,800 steps against 400
    assert found["steps_in_time"] is None
    ample = ["--dry-run", "--minutes", "1000000"]
    told = CliRunner().invoke(app, [*asked, *ample])
    assert "that are asked for: to about step 12,800\n" in told.stdout
    found = json.loads(CliRunner().invoke(app, [*asked, *ample, "--json"]).stdout)
    changed = {"minutes": {400: 8.0}, "steps_in_time": 252}
    few = estimate.as_text(estimate.Estimate(**{**found, **changed}))
    assert "to about step 252; so few steps favour small sets" in few
    assert sorted(bench.folder.rglob("*")) == before
