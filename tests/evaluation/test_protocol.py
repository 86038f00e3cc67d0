"""Cells, their keys and their summaries."""

import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL.PngImagePlugin import PngImageFile
from pydantic import ValidationError

from augfactory.commands.runs.files import RUN_RESULT
from augfactory.engines import processes
from augfactory.evaluation.comparison import protocol
from augfactory.evaluation.comparison.protocol import (
    Arm,
    ClassifierSpec,
    CorruptedTest,
    Run,
    RunResult,
    run_key,
)
from augfactory.evaluation.comparison.train_run import corruption_errors, train_run
from augfactory.evaluation.training.batch_policy import BatchPolicy
from augfactory.evaluation.training.online import OnlineStage
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.training_set import plain_set, training_part
from augfactory.records import SourceSpec
from augfactory.source_rows import rows_of
from augfactory.sources.corrupted.part import CorruptedPart
from augfactory.sources.opening import open_source
from tests.evaluation.memory import pattern_file, pattern_source, rows_of_patterns
from tests.pictures import write_class_folders

ARM = Arm("one", 10, SourceSpec(pattern_file("train", 80)), 80, "abc")
TEST = rows_of_patterns(pattern_file("test", 50), "def")
SETTINGS = TrainingSettings(steps=4, batch=8, optimiser="adamw")
CELL = Run(ARM, TEST, ClassifierSpec("vgg"), SETTINGS, 0)


def run_here(cell: Run) -> RunResult:
    return train_run(cell)[0]


def timeless(result: RunResult) -> RunResult:
    return replace(result, seconds=0, waiting=0)


@pytest.mark.parametrize(
    "other",
    [
        replace(CELL, seed=1),
        replace(CELL, classifier=ClassifierSpec("another")),
        replace(CELL, classifier=ClassifierSpec("vgg", weights_sha256="xyz")),
        replace(CELL, test=TEST.model_copy(update={"fingerprint": "xyz"})),
        replace(CELL, held_out=TEST),
        replace(CELL, corrupted=CorruptedTest("mnist-c", 0, ())),
        replace(CELL, arm=replace(ARM, part="originals")),
        replace(CELL, arm=replace(ARM, batch_policy=BatchPolicy(order="rounds"))),
        replace(CELL, arm=replace(ARM, batch_policy=BatchPolicy(loss="jsd"))),
        replace(CELL, arm=replace(ARM, batch_policy=BatchPolicy(real_share=0.5))),
        replace(
            CELL, arm=replace(ARM, batch_policy=BatchPolicy(online=(OnlineStage("mixup", "{}"),)))
        ),
        replace(CELL, arm=replace(ARM, fingerprint="xyz")),
        replace(CELL, settings=replace(CELL.settings, steps=5)),
        replace(CELL, settings=replace(CELL.settings, batch=9)),
        replace(CELL, settings=replace(CELL.settings, learning_rate=0.25)),
        replace(CELL, settings=replace(CELL.settings, weight_decay=0.25)),
    ],
)
def test_what_decides_a_result_decides_its_key(other: Run) -> None:
    assert run_key(other) != run_key(CELL)


def test_the_share_of_a_method_online_decides_a_result_unless_it_is_all() -> None:
    def online(*share: float) -> Run:
        batch_policy = BatchPolicy(online=(OnlineStage("mixup", "{}", *share),))
        return replace(CELL, arm=replace(ARM, batch_policy=batch_policy))

    assert len({run_key(online(share)) for share in (0.25, 0.5, 1.0)}) == 3
    # Results of programs that knew no share keep their keys.
    assert run_key(online(1.0)) == run_key(online())
    assert protocol._said(online().arm.batch_policy, {})["online"] == (
        {"method": "mixup", "parameters": "{}"},
    )


def test_runs_mixed_online_by_older_programs_are_not_taken_for_new_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def keys() -> list[str]:
        policies = [
            BatchPolicy(online=(OnlineStage(method, "{}"),)) for method in ("mixup", "geometry")
        ]
        runs = [replace(CELL, arm=replace(ARM, batch_policy=each)) for each in policies]
        return [run_key(run) for run in (*runs, CELL)]

    now = keys()
    monkeypatch.setattr(protocol, "MIXED_ONLINE", 1)
    assert [key == other for key, other in zip(now, keys(), strict=True)] == [False, True, True]


def test_names_and_places_do_not_decide_a_result() -> None:
    moved = replace(ARM, name="two", factor=None, source=SourceSpec("elsewhere"))
    assert run_key(replace(CELL, arm=moved)) == run_key(CELL)


def run_on_one_thread(cell: Run) -> RunResult:
    return dict(processes.run(run_here, [cell], 1))[0]


def test_a_cell_gives_the_same_here_and_in_another_process(
    another_process: ProcessPoolExecutor,
) -> None:
    cells = [CELL, replace(CELL, seed=1)]
    there = list(another_process.map(run_on_one_thread, cells))
    here = [run_on_one_thread(cell) for cell in cells]
    assert list(map(timeless, here)) == list(map(timeless, there))
    assert here[0].scores.nll != here[1].scores.nll


def test_test_images_are_decoded_once_for_all_readings_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_class_folders(tmp_path / "test", 4)
    rows = rows_of(SourceSpec(str(root)), open_source(SourceSpec(str(root))))
    load, decoded = PngImageFile.load, Counter[str]()

    def counting(image: PngImageFile) -> Any:
        decoded["files"] += bool(image.tile)  # none is left once it is decoded
        return load(image)

    monkeypatch.setattr(PngImageFile, "load", counting)
    training = SourceSpec(str(write_class_folders(tmp_path / "train", 4, seed=1)))
    arm = Arm("pictures", None, training, 12, "of pictures")
    settings = replace(SETTINGS, steps=120)
    results = [run_here(Run(arm, rows, CELL.classifier, settings, seed)) for seed in range(2)]
    assert all(len(result.curve) > 1 for result in results)
    # The test images once, those of each training once; and a look at the first of a class.
    assert decoded.total() <= 3 * 12 + 12


def test_rows_restrict_what_a_cell_trains_on() -> None:
    chosen = (3, 14, 15)
    restricted = run_here(replace(CELL, arm=replace(ARM, rows=chosen)))
    source = SourceSpec(pattern_file("train", 80, chosen))
    expected = run_here(replace(CELL, arm=replace(ARM, source=source)))
    assert timeless(restricted) == timeless(expected)
    assert restricted.scores.nll != run_here(CELL).scores.nll


def test_parts_are_the_originals_and_the_rest() -> None:
    training = replace(plain_set(pattern_source("a", 6)), original=np.array([True, False] * 3))
    assert training_part(training, "originals").origin.tolist() == [0, 2, 4]
    assert training_part(training, "synthetic").origin.tolist() == [1, 3, 5]
    assert training_part(training, "synthetic", rows=(0, 1, 2, 3)).origin.tolist() == [1, 3]
    assert training_part(training, "all") is training


def test_held_out_rows_scale_what_is_measured_and_nothing_else() -> None:
    held_out = rows_of_patterns(pattern_file("held", 40), "ghi", range(5, 35))
    plain, scaled = run_here(CELL), run_here(replace(CELL, held_out=held_out))
    assert plain.scaled is None
    assert timeless(replace(scaled, scaled=None, temperature=None)) == timeless(plain)
    assert scaled.scaled is not None
    assert scaled.scaled.accuracy == plain.scores.accuracy
    assert scaled.scaled.nll != plain.scores.nll


def test_corrupted_copies_of_the_test_images_are_measured(tmp_path: Path) -> None:
    test = open_source(TEST.spec)
    images = test.read_images(np.arange(len(test)))
    parts = []
    for name, severity, copy in (
        ("clean", 1, images), ("clean", 2, images), ("black", 1, np.zeros_like(images)),
    ):  # fmt: skip
        np.save(tmp_path / f"{name}-{severity}.npy", copy)
        parts.append(CorruptedPart(name, severity, str(tmp_path / f"{name}-{severity}.npy")))
    longer = replace(CELL, settings=TrainingSettings(steps=40, batch=16))
    result = run_here(replace(longer, corrupted=CorruptedTest("mnist-c", 0, tuple(parts))))
    assert result.corruption_errors is not None
    assert result.corruption_errors["clean"] == pytest.approx(1 - result.scores.accuracy)
    assert result.corruption_errors["black"] == pytest.approx(0.9)  # one class of ten, balanced
    assert result.corrupted is not None
    clean, _, black = result.corrupted
    assert (clean.corruption, clean.severity, clean.images) == ("clean", 1, len(test))
    expected = (result.scores.nll, result.scores.ece, result.scores.rms_calibration)
    assert (clean.nll, clean.ece, clean.rms_calibration) == pytest.approx(expected)
    assert black.nll > clean.nll
    without = CorruptedTest("published", 0, tuple(parts), extra=("black",))
    assert corruption_errors(without, result.corrupted) == {"clean": clean.error}


def test_a_result_comes_back_from_json() -> None:
    held_out = rows_of_patterns(pattern_file("held", 40), "ghi")
    for cell in (CELL, replace(CELL, held_out=held_out)):
        result = run_here(cell)
        assert RUN_RESULT.validate_python(json.loads(json.dumps(asdict(result)))) == result
    with pytest.raises(ValidationError):
        RUN_RESULT.validate_python({"scores": {}})
