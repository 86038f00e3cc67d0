"""Classifiers that answer together: the mean of the probabilities of those that were trained."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augfactory.commands.evaluate.evaluate import EvaluateResult, evaluate, prepare
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.progress import Progress
from augfactory.commands.runs import stages
from augfactory.commands.runs.networks import load_network
from augfactory.commands.runs.stages import train_for
from augfactory.commands.study.file import study_of
from augfactory.errors import RecipeError, ResourceError
from augfactory.evaluation.comparison.protocol import Run
from augfactory.evaluation.comparison.results import Results
from augfactory.evaluation.training.predicting import log_probabilities
from augfactory.report.page import report_page
from augfactory.report.tables import ensembles_table, markdown_ensembles
from tests.commands.tiny import stand_in_for
from tests.commands.versions import write_source, write_version
from tests.evaluation.memory import CLASSES, patterns
from tests.report.undrawn import write_no_report

ROWS = 50


@pytest.fixture
def request_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EvaluateRequest:
    write_no_report(monkeypatch)
    monkeypatch.chdir(tmp_path)
    stand_in_for("vgg", monkeypatch)
    train = write_source(tmp_path / "train.h5", *patterns("train", 40))
    test = write_source(tmp_path / "test.h5", *patterns("test", ROWS))
    write_version(tmp_path / "digits-x2/v1", train, list(range(20)), 2)
    folder = tmp_path / "test-c/fog"
    folder.mkdir(parents=True)
    images, labels = patterns("test", ROWS)
    np.save(folder / "test_images.npy", (0.5 * images + 0.3 * (255 - images)).astype(np.uint8))
    np.save(folder / "test_labels.npy", labels)
    return EvaluateRequest(
        ("digits-x2",), test, "vgg", seeds=5, steps=6, batch=8, precision="float32", ensemble=2,
        corrupted=folder.parent, out=tmp_path / "out",
    )  # fmt: skip


def run(request: EvaluateRequest) -> EvaluateResult:
    return evaluate(request, Progress())


def test_the_probabilities_of_seeds_are_averaged(
    request_of: EvaluateRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Run] = []

    def noted(*arguments: object, **named: object) -> object:
        results, trained = train_for(*arguments, **named)  # type: ignore[arg-type]
        runs.extend(run for run, _ in results)
        return results, trained

    monkeypatch.setattr("augfactory.commands.runs.stages.train_for", noted)
    result = run(request_of)
    arm = result.arms[0]
    found = arm.ensemble
    assert found is not None
    assert found.size == 2
    assert found.seeds == ((0, 1), (2, 3))  # the fifth is left over
    images, labels = patterns("test", ROWS)
    test = prepare(request_of, Progress()).inputs.test
    for place, seeds in enumerate(found.seeds):
        shares = np.zeros((ROWS, CLASSES))
        for each in runs:
            if each.arm.name == arm.name and each.seed in seeds:
                network = load_network(result.out / "networks", each, test)
                answers = log_probabilities(
                    network, lambda rows: images[rows], np.arange(ROWS), CLASSES
                )
                shares += np.exp(answers) / 2
        right = float(np.mean(shares.argmax(axis=1) == labels))
        assert found.accuracy.values[place] == pytest.approx(right)
        nll = -np.mean(np.log(shares[np.arange(ROWS), labels]))
        assert found.nll.values[place] == pytest.approx(nll)
        members = [arm.accuracy.values[seed] for seed in seeds]
        assert found.gain.values[place] == pytest.approx(right - np.mean(members))
        # Jensen: the mean of the probabilities is never less likely than the mean of the logs.
        assert nll < np.mean([arm.nll.values[seed] for seed in seeds])
    assert found.corruption_error is not None
    assert found.severities[0].error.values == found.corruption_error.values
    assert arm.nll.mean > found.nll.mean

    kept = json.loads((result.out / "results.json").read_text())
    assert kept["arms"][0]["ensemble"]["seeds"] == [[0, 1], [2, 3]]
    said, markdown = ensembles_table(result.arms), markdown_ensembles(result.arms)
    assert said is not None
    assert markdown is not None
    assert said.splitlines()[0].startswith("2 answering together")
    page = report_page(Results.model_validate(kept), []).decode()
    assert f"{100 * found.accuracy.mean:.1f} ±" in page[page.index('id="ensembles"') :]

    again = run(request_of)
    assert again.trained == 0
    assert again.arms[0].ensemble == found
    assert "--ensemble 2" in again.verdict.next or "--seeds" not in again.verdict.next


def test_nothing_is_kept_of_networks_unless_asked(request_of: EvaluateRequest) -> None:
    request = replace(request_of, ensemble=None, seeds=2, corrupted=None)
    first = run(request)
    assert not (first.out / "networks").exists()
    assert "ensemble" not in first.plain()["arms"][0]
    # The networks are not there: they are trained again, and come to the same.
    second = run(replace(request, ensemble=2))
    assert second.trained == first.trained == 8
    assert second.arms[0].accuracy == first.arms[0].accuracy
    third = run(replace(request, ensemble=2, steps=7))
    assert len(list((third.out / "networks").iterdir())) == third.trained == 8


def test_networks_that_went_on_are_kept_once_and_found_again(
    request_of: EvaluateRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "FIRST", 10)
    monkeypatch.setattr(stages, "MOST", 100)
    monkeypatch.setattr(stages, "any_rising", lambda results: results[0][0].settings.steps < 50)
    request = replace(request_of, seeds=2, steps=None, corrupted=None, save_weights=True)
    first = run(request)
    kept = {path for path in first.files if path.suffix == ".safetensors"}
    assert kept == set((first.out / "weights").iterdir())
    assert len(kept) == 8
    assert first.trained > 8
    assert not (first.out / "networks").exists()
    again = run(request)
    assert again.trained == 0
    assert [arm.ensemble for arm in again.arms] == [arm.ensemble for arm in first.arms]


def test_arms_of_equal_content_share_a_network(request_of: EvaluateRequest) -> None:
    shutil.copytree("digits-x2", "twin-x2")
    manifest = Path("twin-x2/v1/manifest.json")
    manifest.write_text(manifest.read_text().replace('"digits-x2"', '"twin-x2"'))
    request = replace(
        request_of, datasets=("digits-x2", "twin-x2"), seeds=2, corrupted=None, save_weights=True
    )
    result = run(request)
    one, twin = result.arms[-2:]
    assert (one.name, twin.name) == ("digits-x2", "twin-x2")
    assert one.ensemble == twin.ensemble
    kept = {path for path in result.files if path.suffix == ".safetensors"}
    assert kept == set((result.out / "weights").iterdir())
    assert len(kept) == 8


def test_a_damaged_network_is_told_and_trained_again(request_of: EvaluateRequest) -> None:
    request = replace(request_of, seeds=2, corrupted=None)
    first = run(request)
    path = sorted((first.out / "networks").iterdir())[3]
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ResourceError, match="is damaged"):
        run(request)
    again = run(request)
    assert again.trained == 1
    assert [arm.ensemble for arm in again.arms] == [arm.ensemble for arm in first.arms]


@pytest.mark.parametrize(
    ("ensemble", "message"), [(1, "1 is no ensemble"), (6, "each arm trains 5")]
)
def test_more_than_are_trained_cannot_answer(
    request_of: EvaluateRequest, ensemble: int, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        prepare(replace(request_of, ensemble=ensemble), Progress())
    values = {
        "title": "t", "source": "a", "test": "b", "n_train": [20], "seeds": 2, "ensemble": 3,
        "arms": [{"name": "originals"}],
    }  # fmt: skip
    with pytest.raises(RecipeError, match=re.escape("s.toml: ensemble: 3 classifiers")):
        study_of(values, "s.toml", "default")
