"""Images of one patient stay together: in the folds of tune, in evaluate and in a study."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augfactory
from augfactory.commands.evaluate.evaluate import prepare as prepare_evaluation
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.opening.reading import spec_read_by
from augfactory.commands.progress import Progress
from augfactory.commands.runs import train_runs as runs_module
from augfactory.commands.study.data import StudyRequest
from augfactory.commands.study.file import study_of
from augfactory.commands.study.study import prepare as prepare_study
from augfactory.commands.tune import tune as tune_module
from augfactory.commands.tune.space import candidates
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation.cross_validation import folds
from augfactory.records import SourceSpec
from tests.cli.in_process import run
from tests.evaluation.results import result as cell_result
from tests.sources.written import image_of, noise

IMAGES = noise(72, 18, 26, 3)
PATIENTS = np.arange(72) // 4  # of four images each
LABELS = np.arange(72) % 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``flat/`` and tables of it that tell the patients.

    ``train.csv`` has patients 0 to 11, ``test.csv`` 12 to 17, ``leaking.csv`` 11 to 17.
    """
    root = tmp_path_factory.mktemp("groups")
    (root / "flat").mkdir()
    for number, pixels in enumerate(IMAGES):
        image_of(pixels).save(root / "flat" / f"{number}.png")
    for name, numbers in (
        ("train", range(48)),
        ("test", range(48, 72)),
        ("leaking", range(47, 72)),
        ("first", range(47)),
    ):
        lines = [f"{n},p{PATIENTS[n]:02d},{'ab'[LABELS[n]]}" for n in numbers]
        (root / f"{name}.csv").write_text("\n".join(["id,patient,kind", *lines]), "utf-8")
    run(
        "expand", "first.csv", "--root", "flat", "--label-column", "kind", "--n-train", 20,
        "--factor", 2, "--preset", "photo", "--workers", 1, "--out", "set", cwd=root,
    )  # fmt: skip
    return root


@pytest.fixture(autouse=True)
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


READ = {"root": "flat", "label_column": "kind"}


def spec(table: str) -> SourceSpec:
    return spec_read_by(table, None, "auto", READ)


@pytest.mark.parametrize("repeat", [0, 1, 2])
def test_folds_hold_whole_groups_and_other_ones_each_time(repeat: int) -> None:
    groups = np.repeat(np.arange(20), 3)
    labels = np.repeat(np.arange(4), 15)
    dealt = folds(labels, 3, 5, repeat, groups)
    assert sorted(np.concatenate(dealt).tolist()) == list(range(60))
    assert sum(len(np.unique(groups[rows])) for rows in dealt) == 20
    for rows in dealt:
        assert set(labels[rows].tolist()) == {0, 1, 2, 3}
    other = folds(labels, 3, 5, repeat + 1, groups)
    assert [rows.tolist() for rows in dealt] != [rows.tolist() for rows in other]


def test_no_patient_is_in_both_parts_of_a_fold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    patient_of = {pixels.tobytes(): int(PATIENTS[row]) for row, pixels in enumerate(IMAGES)}
    seen: list[tuple[set[int], set[int]]] = []

    def measured(each: Any) -> Any:
        return cell_result(0.5, right=[row % 2 == 0 for row in range(len(each.test.rows))])

    def trained(runs: Any, *_: Any, **__: Any) -> Any:
        for each in runs:
            if each.arm.name == "originals":
                texts = each.arm.source.text, each.test.text
                images = (np.load(text)["image"] for text in texts)
                train, test = ({patient_of[i.tobytes()] for i in own} for own in images)
                seen.append((train, test))
        return [(each, measured(each)) for each in runs], len(runs)

    monkeypatch.setattr(tune_module, "candidates", lambda *a, **b: candidates(*a, **b)[:3])
    monkeypatch.setattr(tune_module, "ROUNDS", (1, 3))
    monkeypatch.setattr(runs_module, "train_runs", trained)
    monkeypatch.setattr("augfactory.commands.expand.build.sheet", lambda *_: b"not drawn")
    line = ("tune", "train.csv", "--root", "flat", "--label-column", "kind", "--factor", 2)
    run(*line, "--minutes", 60, "--group", "patient", "--out", tmp_path / "r.toml", cwd=Path())
    assert len(seen) >= 3
    for train, test in seen:
        assert not train & test
        assert train | test == set(range(12))
    few = ("tune", "train.csv", "--root", "flat", "--label-column", "patient", "--minutes", 1)
    told = run(*few, "--group", "patient", "--out", tmp_path / "s.toml", cwd=Path(), code=3).stderr
    assert "has 1 group(s), 3 are needed" in told


def evaluation(test: str, **more: Any) -> Any:
    request = EvaluateRequest(("set-x2",), spec(test), steps=2, seeds=1, **more)
    return prepare_evaluation(request, Progress()).inputs


def patients_of(table: str, rows: tuple[int, ...]) -> set[str]:
    lines = Path(table).read_text("utf-8").splitlines()[1:]
    return {lines[row].split(",")[1] for row in rows}


def test_evaluate_holds_out_no_patient_that_it_trains_on() -> None:
    plain, grouped = evaluation("test.csv"), evaluation("test.csv", group="patient")
    used = patients_of("first.csv", plain.versions[0].manifest.source.rows)
    assert plain.held_out is not None
    assert patients_of("first.csv", plain.held_out.rows) & used
    held = set() if grouped.held_out is None else patients_of("first.csv", grouped.held_out.rows)
    assert not held & used


def test_evaluate_refuses_a_test_of_the_patients_that_it_trains_on() -> None:
    with pytest.raises(InputDataError) as raised:
        evaluation("leaking.csv", group=r"^(\d)\d*\.png$")  # the first digit of the number
    assert "groups by ^(\\d)\\d*\\.png$ are in first.csv too: 4" in str(raised.value)
    with pytest.raises(InputDataError, match="groups by"):
        augfactory.evaluate("set-x2", "leaking.csv", group=r"^(\d)\d*\.png$", read=READ, workers=1)
    told = run(
        "evaluate", "set-x2", "--test", "test.csv", "--root", "flat", "--label-column", "kind",
        "--group", "doctor", "--steps", 2, cwd=Path(), code=3,
    ).stderr  # fmt: skip
    assert "--group doctor finds no group" in told


def study(place: Path, **changes: Any) -> Any:
    values = {
        "title": "Patients", "source": "train.csv", "test": "test.csv", "n_train": [12],
        "subsets": 2, "seeds": 1, "steps": 2, "group": "patient", "arms": [{"name": "originals"}],
        **READ, **changes,
    }  # fmt: skip
    request = StudyRequest(study_of(values, "s.toml", "default"), "default", place / "out")
    return prepare_study(request, Progress())


def test_a_study_reads_tables_and_holds_out_no_patient_of_a_draw(place: Path) -> None:
    prepared = study(place)
    assert prepared.data.spec.options.root == "flat"
    assert len(prepared.data.source) == 48
    for draw in prepared.draws:
        drawn = patients_of("train.csv", draw.rows.rows)
        assert len(draw.rows.rows) == 12
        if draw.held_out is not None:
            assert not drawn & patients_of("train.csv", draw.held_out.rows)
    with pytest.raises(InputDataError, match=r"groups by patient are in first\.csv too: p11"):
        study(place, test="leaking.csv", source="first.csv")
    with pytest.raises(RecipeError, match=r"column of train\.csv"):
        study(place, label_column="species")
    assert len(study(place, group=None, test="leaking.csv", source="first.csv").draws) == 2
