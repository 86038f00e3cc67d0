"""A study carried out on small images: what it leaves behind, and that nothing is done twice."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.progress import Progress
from augfactory.commands.runs import files as evaluation_files
from augfactory.commands.study import study as study_module
from augfactory.commands.study.data import StudyRequest
from augfactory.commands.study.file import study_of
from augfactory.commands.study.study import StudyResult, prepare, study
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.classifiers.weights import weights_bytes
from augfactory.evaluation.comparison.protocol import Run, RunResult
from augfactory.evaluation.comparison.results import StudyResults
from augfactory.report.recipe_toml import study_toml
from augfactory.store.disk.lock import only_writer
from augfactory.store.manifest import read_manifest
from augfactory.vae.config import read_config
from tests.commands.tiny import stand_in_for
from tests.commands.versions import write_source
from tests.evaluation.memory import patterns
from tests.report.undrawn import blank, draw_nothing

NAMES = ["originals", "originals+geometry", "mix 0.2", "mix 1.0", "augmix, jsd"]


def values(folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "title": "Mixing patterns",
        "source": str(folder / "train.h5"),
        "test": str(folder / "test.h5"),
        "n_train": [20, 40],
        "subsets": 2,
        "seeds": 2,
        "steps": 4,
        "batch": 8,
        "arms": [
            {"name": "originals"},
            {"name": "originals+geometry"},
            {
                "name": "mix {alpha}",
                "factor": 1,
                "mix": [{"method": "mixup", "copies": 1, "alpha": "{alpha}"}],
                "grid": {"alpha": [0.2, 1.0]},
            },
            {
                "name": "augmix, jsd",
                "factor": 1,
                "loss": "jsd",
                "mix": [{"method": "augmix", "copies": 2}],
            },
        ],
        **changes,
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    if request.node.get_closest_marker("drawn") is None:
        draw_nothing(monkeypatch, blank(31, 17))
    stand_in_for("quick", monkeypatch)
    write_source(tmp_path / "train.h5", *patterns("train", 80))
    write_source(tmp_path / "test.h5", *patterns("test", 50))
    return tmp_path


def request(place: Path, **changes: Any) -> StudyRequest:
    asked = study_of(values(place, **changes), "s.toml", "default")
    return StudyRequest(asked, "default", place / "out", workers=1)


def run(asked: StudyRequest) -> StudyResult:
    return study(asked, Progress())


def cell_times(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}


def test_a_study_compares_within_each_number_of_originals(place: Path) -> None:
    result = run(request(place))
    assert [path.name for path in result.files] == [
        "results.json",
        "cells.csv",
        "curves.csv",
        "tables.md",
        "accuracy-n20.png",
        "epochs-n20.png",
        "accuracy-n40.png",
        "epochs-n40.png",
        "report.html",
    ]
    kept = json.loads((result.out / "results.json").read_text())
    assert json.loads(json.dumps(StudyResults.model_validate(kept).plain())) == kept
    assert [group["n_train"] for group in kept["groups"]] == [20, 40]
    for group in kept["groups"]:
        assert [arm["name"] for arm in group["arms"]] == NAMES
        for arm in group["arms"]:
            assert arm["subsets"] == [0, 0, 1, 1]
            assert arm["seeds"] == [0, 1, 0, 1]
            assert len(arm["accuracy"]["values"]) == 4
        base = group["arms"][0]
        assert base["rows"] == group["n_train"]
        for arm in group["arms"][1:]:
            differences = np.subtract(arm["accuracy"]["values"], base["accuracy"]["values"])
            assert arm["difference"]["accuracy"]["mean"] == pytest.approx(differences.mean())
    assert result.trained == len(NAMES) * 2 * 2 * 2

    lines = list(csv.DictReader((result.out / "cells.csv").read_text().splitlines()))
    assert len(lines) == 40
    readings = list(csv.DictReader((result.out / "curves.csv").read_text().splitlines()))
    assert len(readings) == 40  # each read once, at its last step
    first = next(own for own in readings if own["arm"] == "mix 0.2" and own["rows"] == "80")
    assert (first["step"], float(first["epoch"])) == ("4", 4 * 8 / 80)
    assert 0 <= float(first["batch_accuracy"]) <= 1
    assert float(first["batch_loss"]) > 0 < float(first["training_nll"])
    curve = group["arms"][2]["curve"]
    assert curve["epochs"] == pytest.approx([0.4])
    own = [row for row in readings if row["arm"] == "mix 0.2" and row["rows"] == "80"]
    assert curve["batch_loss"] == pytest.approx([np.mean([float(r["batch_loss"]) for r in own])])
    table = (result.out / "tables.md").read_text()
    assert "## 40 originals" in table
    assert "| mix 1.0 | 80 |" in table
    assert "2 draws of the originals" in table
    page = (result.out / "report.html").read_text()
    assert "what was made from what" in page
    assert "the nearest originals" not in page  # nothing was decoded


def test_arms_of_a_study_may_even_out_the_classes(place: Path) -> None:
    images, labels = patterns("train", 80)
    uneven = np.flatnonzero((labels < 3) & ~((labels == 2) & (np.arange(80) > 30)))
    write_source(place / "train.h5", images[uneven], labels[uneven])
    test, of_test = patterns("test", 50)
    write_source(place / "test.h5", test[of_test < 3], of_test[of_test < 3])
    assert np.bincount(labels[uneven]).tolist() == [8, 8, 3]
    (place / "s.toml").write_text(f"""
title = "Uneven patterns"
source = "{place}/train.h5"
test = "{place}/test.h5"
n_train = [{len(uneven)}]
subsets = 1
seeds = 1
steps = 2
arms = [
    {{ name = "originals" }},
    {{ name = "balanced", factor = 2, balance = true }},
    {{ name = "exactly {{rows}}", per_class = "{{rows}}", grid = {{ rows = [12, 20] }} }},
    {{ name = "mixed", factor = 2, balance = true, mix = [{{ method = "mixup", copies = 1 }}] }},
    {{ name = "single", factor = 2, class_factors = {{ "class 2" = 6 }} }},
]
""")
    line = ["study", str(place / "s.toml"), "--out", str(place / "out"), "--workers", "1"]
    told = CliRunner().invoke(app, line)
    assert told.exit_code == 0, told.output
    found = {}
    for path in (place / "out").rglob("manifest.json"):
        manifest = read_manifest(path.parent)
        rows = manifest.class_rows or {
            name: sum(counts.get(name, 0) for counts in manifest.counts.values())
            for name in manifest.class_names[:3]
        }
        found[manifest.name] = [rows[f"class {number}"] for number in range(3)]
        counted = sum(sum(counts.values()) for counts in manifest.counts.values())
        assert counted == manifest.rows == sum(found[manifest.name])
    assert sorted(found.values()) == [
        [12, 12, 12], [16, 16, 16], [16, 16, 18], [20, 20, 20], [24, 24, 24],
    ]  # fmt: skip
    kept = json.loads((place / "out" / "results.json").read_text())["groups"][0]["arms"]
    rows = {arm["name"]: arm["rows"] for arm in kept}
    assert rows == {
        "originals": 19, "balanced": 48, "exactly 12": 36, "exactly 20": 60,
        "mixed": 72, "single": 50,
    }  # fmt: skip


def test_a_study_says_which_arm_to_use_against_the_best_without_a_dataset(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(place, n_train=[40], subsets=3, seeds=1, steps=25)
    first = run(asked).groups[0]
    free = [
        arm.accuracy.mean for arm in first.arms if arm.name in ("originals", "originals+geometry")
    ]
    best = NAMES[free.index(max(free))]
    assert first.sentences[0].startswith(("Use ", "It is too early to tell."))
    assert f"over {best})" in first.sentences[0] or f"use {best}:" in first.sentences[0].lower()
    assert len(first.sentences) == len(NAMES)  # one of each but the baseline, after the verdict

    monkeypatch.setattr(study_module, "MOST_PAIRS", 9)
    (said,) = run(asked).groups[0].sentences[:1]
    assert said.startswith("Which arm to use is not said: 5 beside 2 that need no dataset")


def test_draws_differ_and_seeds_share_them(place: Path) -> None:
    result = run(request(place, n_train=[20], arms=[{"name": "originals"}]))
    assert len(set(result.plain()["groups"][0]["arms"][0]["nll"]["values"])) == 4


def test_a_stopped_study_trains_what_is_missing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(place, n_train=[20], subsets=1)
    whole = run(replace(asked, out=place / "whole"))
    save = evaluation_files.save_run
    saved: list[Run] = []

    def save_three(out: Path, cell: Run, result: RunResult) -> None:
        if len(saved) == 3:
            raise KeyboardInterrupt
        saved.append(cell)
        save(out, cell, result)

    with monkeypatch.context() as patched:
        patched.setattr(evaluation_files, "save_run", save_three)
        with pytest.raises(KeyboardInterrupt):
            run(asked)
    before = cell_times(asked.out)
    result = run(asked)
    assert len(before) == 3
    assert before.items() <= cell_times(asked.out).items()
    assert result.trained == 10 - 3
    assert json.dumps(result.plain()["groups"][0]["sentences"]) == json.dumps(
        whole.plain()["groups"][0]["sentences"]
    )
    assert run(asked).trained == 0


@pytest.mark.drawn
def test_vae_arms_use_the_checkpoint_of_their_loss(place: Path) -> None:
    asked = {"optimiser": "rmsprop", "schedule": "constant", "clip": False, "noise": "batch"}
    vae_arm = {"name": "vae {loss}", "factor": 2, "geometry": False, "vae": {"at_loss": "{loss}"}}
    result = run(
        request(
            place,
            n_train=[20],
            subsets=1,
            seeds=1,
            size="18x16",
            vae={"steps": 6, "latent": 2, "batch": 8, "geometry": False, **asked},
            arms=[{"name": "originals"}, {**vae_arm, "grid": {"loss": [1e6, 5e5, 1e-6]}}],
        )
    )
    arms = [arm["name"] for arm in result.plain()["groups"][0]["arms"]]
    assert arms == ["originals", "vae 1000000.0", "vae 500000.0"]
    assert (result.out / "accuracy-loss-n20.png").is_file()
    trained = read_config(result.out / "models" / "n20-s0").training
    assert {key: getattr(trained, key) for key in asked} == asked
    told = [alert["text"] for alert in result.plain()["alerts"]]
    assert "Not run, the VAE never reached that loss: vae 1e-06, 20 originals, draw 0" in told
    page = (result.out / "report.html").read_text()
    assert "Accuracy against the VAE&#39;s loss, 20 originals" in page
    assert "Training of the VAE n20-s0" in page
    assert "vae-1000000.0-n20-s0-x2@v1: the nearest originals" in page


def test_a_test_image_among_the_source_is_refused(place: Path) -> None:
    images, labels = patterns("test", 50)
    images[7] = patterns("train", 80)[0][3]
    write_source(place / "test.h5", images, labels)
    with pytest.raises(InputDataError, match="is in the training set too"):
        run(request(place))
    assert not (place / "out").exists()


def test_jsd_without_views_is_refused(place: Path) -> None:
    arms = values(place)["arms"]
    arms[-1]["mix"][0]["copies"] = 1
    with pytest.raises(RecipeError, match="two views"):
        run(request(place, arms=arms, n_train=[20], subsets=1))


def test_views_are_made_while_training(place: Path) -> None:
    online = [{"method": "crop", "flip_horizontal": True}, {"method": "augmix"}]
    arms: list[dict[str, Any]] = [
        {"name": "originals"},
        {"name": "anew", "online": online, "loss": "jsd"},
        {"name": "without", "online": online},
        {"name": "originals+crop+augmix+jsd"},
    ]
    result = run(request(place, arms=arms, n_train=[20], subsets=1))
    found = {arm.name: arm for arm in result.groups[0].arms}
    images = [found[each["name"]].images_per_step for each in arms]
    assert images == [1, 3, 1, 3]
    assert len({found[name].nll.mean for name in found}) == 4
    arms[1]["online"] = [*online, {"method": "mixup"}]
    with pytest.raises(RecipeError, match="mixup mixes it with others"):
        run(request(place, arms=arms, n_train=[20], subsets=1))


def test_a_method_may_change_a_share_of_each_batch(place: Path) -> None:
    arms: list[dict[str, Any]] = [
        {"name": "originals"},
        {"name": "all", "online": [{"method": "mixup"}]},
        {"name": "half", "online": [{"method": "mixup", "share": 0.5}]},
    ]
    result = run(request(place, arms=arms, n_train=[20], subsets=1))
    assert len({arm.nll.mean for arm in result.groups[0].arms}) == 3
    for wrong in (0, 1.5, True, "half"):
        arms[2]["online"] = [{"method": "mixup", "share": wrong}]
        with pytest.raises(RecipeError, match="is not above 0 and at most 1"):
            run(request(place, arms=arms, n_train=[20], subsets=1))


def test_an_arm_may_weigh_classes(place: Path) -> None:
    images, labels = patterns("train", 80)
    kept = (labels > 0) | (np.arange(80) < 20)  # two of the first class
    write_source(place / "train.h5", images[kept], labels[kept])
    arms: list[dict[str, Any]] = [
        {"name": "originals"},
        {"name": "originals+geometry"},
        {"name": "originals+geometry+weighted"},
    ]
    result = run(request(place, arms=arms, n_train=[40], subsets=1))
    found = [arm.nll.mean for arm in result.groups[0].arms]
    assert len({*found}) == 3


def test_failed_trainings_are_named(place: Path) -> None:
    arms = [{"name": "originals"}]
    result = run(request(place, arms=arms, n_train=[20], subsets=2, seeds=1, steps=1))
    (arm,) = result.groups[0].arms
    said = [alert.text for alert in result.alerts if "trainings failed" in alert.text]
    assert [f"{len(arm.collapsed)} of 2 trainings failed" in text for text in said] == (
        [True] if arm.collapsed else []
    )
    assert arm.collapsed


def test_too_many_originals_are_refused(place: Path) -> None:
    with pytest.raises((InputDataError, RecipeError), match=r"\b81\b"):
        run(request(place, n_train=[81]))


def test_two_at_once_in_one_folder_are_refused(place: Path) -> None:
    with (
        only_writer(place / "out"),
        pytest.raises(RecipeError, match="another augfactory process is writing there"),
    ):
        run(request(place, n_train=[20], subsets=1))
    asked = request(place, n_train=[20], subsets=1, seeds=1, arms=[{"name": "originals"}])
    run(replace(asked, lock="file"))
    assert [*(place / "out").rglob(".*")] == []


def test_a_place_that_is_no_folder_is_refused(place: Path) -> None:
    (place / "out").write_text("")
    with pytest.raises(RecipeError, match="is not a folder"):
        run(request(place))


def test_damaged_cells_of_a_study_are_trained_again(place: Path) -> None:
    asked = request(place, n_train=[20], subsets=1, seeds=1, arms=[{"name": "originals"}])
    first = run(asked)
    (cell,) = (place / "out" / "cells").iterdir()
    cell.write_bytes(cell.read_bytes().replace(b'"nll": ', b'"nll": 1'))
    (place / "out" / ".tmp-0123abcd").mkdir()
    again = run(asked)
    assert again.trained == 1
    assert again.plain()["groups"][0]["sentences"] == first.plain()["groups"][0]["sentences"]
    assert [*(place / "out").rglob(".*")] == []


def test_an_arm_has_its_own_classifier_and_its_own_methods(place: Path) -> None:
    arms = [
        {"name": "originals"},
        {"name": "small", "online": [], "classifier": "vgg"},
        {
            "name": "online ricap {beta}",
            "online": [
                {"method": "geometry", "rotation": 3.0},
                {"method": "ricap", "beta": "{beta}"},
            ],
            "grid": {"beta": [0.1, 0.7]},
        },
    ]
    result = run(request(place, arms=arms, n_train=[20], subsets=1, seeds=1, steps=2))
    (group,) = result.plain()["groups"]
    assert [arm["name"] for arm in group["arms"]] == [
        *("originals", "small"),
        *("online ricap 0.1", "online ricap 0.7"),
    ]
    found = {arm["name"]: (arm["accuracy"]["mean"], arm["nll"]["mean"]) for arm in group["arms"]}
    assert len(set(found.values())) == 4  # each trained in its own way
    page = (result.out / "report.html").read_text()
    assert "[[arms.online]]" in page


@pytest.mark.parametrize(
    ("arm", "what"),
    [
        ({"online": "geometry"}, "tables with a method"),
        ({"online": [{"method": "mixup", "alfa": 1}]}, "alpha"),
        ({"online": [{"method": "blend"}]}, "blend"),
        ({"online": [{"method": "mixup", "copies": 2}]}, "no key 'copies'"),
        ({"online": [{"method": "mixup"}], "factor": 2}, "Leave one out"),
        ({"freeze": True}, "drawn at random"),
        ({"freeze": 0}, "does not say which layers"),
        ({"classifier": "quack"}, "quick"),
        ({"geometry": True}, "Say factor = 10"),
        ({"balance": True, "pseudo_label": {"steps": 2}}, "is only found out"),
    ],
)
def test_what_an_arm_cannot_be_is_told(place: Path, arm: dict[str, Any], what: str) -> None:
    arms = [{"name": "originals"}, {"name": "x", **arm}]
    with pytest.raises(RecipeError) as found:
        prepare(request(place, arms=arms, unlabelled="more.h5"), Progress())
    assert what in f"{found.value.what} {found.value.remedy}"


def test_a_dry_run_opens_everything_and_says_what_a_size_leaves_out(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    text = study_toml(study_of(values(place), "s.toml", "default").model_dump(mode="json"))
    Path("s.toml").write_text(f"{text}\n[quick]\nn_train = [10]\nsteps = 2\nsubsets = 1\n")
    told = CliRunner().invoke(app, ["study", "s.toml", "--out", "out", "--quick", "--dry-run"])
    assert told.exit_code == 0, told.output
    assert "10 classifiers: 5 arms × originals (10) × 1 draw × 2 seeds, 2 steps of 8" in told.stdout
    assert "80 images of 10 classes" in told.stdout
    for line in (
        "--quick takes n_train 10 where the file has 20, 40",
        "--quick takes steps 2 where the file has 4",
        "--quick takes subsets 1 where the file has 2",
    ):
        assert line in told.stdout
    plan = CliRunner().invoke(app, ["study", "s.toml", "--out", "out", "--dry-run", "--json"])
    found = json.loads(plan.stdout)
    assert found["classifiers"] == 40
    assert found["left_out"] == {}
    assert found["test"]["rows"] == 50
    (place / "test.h5").unlink()
    gone = CliRunner().invoke(app, ["study", "s.toml", "--out", "out", "--dry-run"])
    assert gone.exit_code == InputDataError.exit_code
    many = [
        "study",
        "s.toml",
        "--source",
        "train.h5",
        "--test",
        "train.h5",
        "--out",
        "o",
        "--dry-run",
    ]
    assert CliRunner().invoke(app, many).exit_code == InputDataError.exit_code
    assert not (place / "out").exists()


def test_a_dry_run_says_what_does_not_fit_a_classifier(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    text = study_toml(study_of(values(place), "s.toml", "default").model_dump(mode="json"))
    Path("s.toml").write_text(text)
    torch.save({"features.0.weight": torch.zeros(3)}, "other.pth")
    asked = ["study", "s.toml", "--out", "out", "--dry-run", "--weights", "other.pth"]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == InputDataError.exit_code
    assert "other.pth: has features.0.weight, which" in told.stderr


def test_what_labels_an_arms_images_starts_from_the_arms_weights(place: Path) -> None:
    """Where it is the classifier that the arm trains; any other starts from nothing."""
    network = find_classifier("quick").build((28, 28, 1), 10)
    (place / "own.safetensors").write_bytes(weights_bytes(network, {}))
    labelling = {"teachers": 2, "steps": 2, "views": 0, "rounds": 1, "images": 30}
    own = {**labelling, "classifier": "quick"}
    weights = str(place / "own.safetensors")
    arms = [
        {"name": "originals"},
        {"name": "own", "factor": 2, "pseudo_label": own, "weights": weights},
        {"name": "other", "factor": 2, "pseudo_label": labelling, "weights": weights},
        {"name": "none", "factor": 2, "pseudo_label": own},
    ]
    changes = {"arms": arms, "n_train": [20], "subsets": 1, "seeds": 1, "classifier": "quick"}
    result = run(request(place, **changes, unlabelled=str(place / "train.h5")))
    named = {}
    for path in result.out.glob("data/*/v1/manifest.json"):
        recipe = json.loads(path.read_text())["recipe"]
        named[path.parts[-3].split("-")[0]] = recipe["pseudo_label"].get("weights_sha256")
    digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    assert named == {"own": digest, "other": None, "none": None}


def test_an_arm_labels_images_that_nobody_has_labelled(place: Path) -> None:
    """What is labelled is not held out any more; a test image among it is refused."""
    labelling = {"teachers": 2, "steps": 2, "views": 0, "rounds": 1, "images": 30}
    arms = [
        {"name": "originals"},
        {"name": "labelled", "factor": 2, "pseudo_label": labelling},
    ]
    changes = {"arms": arms, "n_train": [20], "subsets": 1, "seeds": 1}
    with pytest.raises(RecipeError, match=r"unlabelled.*is missing"):
        request(place, **changes)
    source = str(place / "train.h5")
    result = run(request(place, **changes, unlabelled=source))
    (group,) = json.loads((result.out / "results.json").read_text())["groups"]
    assert [arm["rows"] for arm in group["arms"]] == [20, 80]
    (path,) = result.out.glob("data/labelled-*/v1/manifest.json")
    manifest = json.loads(path.read_text())
    assert len(manifest["unlabelled"]["rows"]) == 30
    assert not {*manifest["unlabelled"]["rows"]} & {*manifest["source"]["rows"]}
    with pytest.raises(InputDataError, match="is in the training set too"):
        run(request(place, **changes, unlabelled=str(place / "test.h5")))
