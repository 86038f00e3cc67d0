"""`augfactory tune`: what is tried, what is left out, and what is said of the best."""

import json
import shlex
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.evaluate.online_arms import ONLINE_GEOMETRY, ONLINE_MIXUP, ORIGINALS
from augfactory.commands.evaluate.request import classifier_spec
from augfactory.commands.progress import Progress
from augfactory.commands.runs import train_runs as runs_module
from augfactory.commands.tune import auto as expand_auto
from augfactory.commands.tune import tune as module
from augfactory.commands.tune.folds import TuneRequest, online_arms
from augfactory.commands.tune.space import DEFAULT, candidates
from augfactory.commands.tune.tune import TuneResult, tune
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.classifiers.weights import weights_bytes
from augfactory.evaluation.comparison.protocol import Run, RunResult
from augfactory.evaluation.cross_validation import folds
from augfactory.keyed_random import generator
from augfactory.pipeline.recipes.composition import Variation, default_mix
from augfactory.pipeline.recipes.vary import vary_stage
from augfactory.records import SourceSpec
from augfactory.source_rows import fingerprint
from augfactory.sources.opening import open_source
from tests.commands.tiny import stand_in_for
from tests.commands.told import Told
from tests.commands.versions import write_source
from tests.evaluation.memory import patterns
from tests.evaluation.results import result as cell_result

Accuracy = Callable[[str, int], float]
FEW = (1, 3)  # rounds: what 48 folds add is time


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TuneRequest:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "ROUNDS", FEW)
    # Nobody looks at the contact sheets of so many datasets.
    monkeypatch.setattr("augfactory.commands.expand.build.sheet", lambda *_: b"not drawn")
    spec = write_source(tmp_path / "train.h5", *patterns("train", 40))
    return TuneRequest(spec, Path("best.toml"), minutes=60, factor=5, steps=3)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[[Accuracy], list[list[Run]]]:
    """Let classifiers have the accuracies that a function says; return what was asked for."""

    def let(accuracy: Accuracy) -> list[list[Run]]:
        asked: list[list[Run]] = []

        def run(runs: Sequence[Run], *_: Any, **__: Any) -> tuple[list[tuple[Run, RunResult]], int]:
            asked.append(list(runs))
            found = [(run, _measured(run, accuracy(run.arm.name, run.subset))) for run in runs]
            return found, len(found)

        monkeypatch.setattr(runs_module, "train_runs", run)
        return asked

    return let


def _measured(run: Run, accuracy: float) -> RunResult:
    """Return a result with about so many of the fold's images right, the same for all arms."""
    images = len(run.test.rows)
    order = generator("order", run.subset).permutation(images)
    right = order < accuracy * images
    return cell_result(float(right.mean()), right=right.tolist())


def noisy(gains: dict[str, float], noise: float = 0.01) -> Accuracy:
    """Return accuracies around 0.5 that differ by ``gains`` and by chance."""

    def accuracy(name: str, fold: int) -> float:
        shared, own = generator("fold", fold), generator("own", name, fold)
        return 0.5 + 0.05 * shared.normal() + gains.get(name, 0.0) + noise * own.normal()

    return accuracy


def names(runs: Sequence[Run]) -> set[str]:
    return {run.arm.name for run in runs}


def run(request: TuneRequest) -> TuneResult:
    return tune(request, Progress())


def test_the_worse_half_is_left_out_and_folds_become_more(
    request_: TuneRequest, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROUNDS", (1, 3, 6))
    asked = trained(noisy({"cutmix": 0.10, "elastic": -0.3}))
    result = run(request_)
    assert [len({run.subset for run in runs}) for runs in asked] == [1, 3, 6]
    everything = {one.name for one in candidates("digits", Variation(), with_vae=False)}
    assert names(asked[0]) == everything | {ORIGINALS, ONLINE_GEOMETRY, ONLINE_MIXUP}
    assert len(names(asked[1])) < len(names(asked[0]))
    assert len(names(asked[2])) < len(names(asked[1]))
    for runs in asked:
        assert {DEFAULT, "cutmix", ORIGINALS, ONLINE_MIXUP} <= names(runs)
    assert "elastic" not in names(asked[1])
    tried = {one["name"]: one for one in result.plain()["tried"]}
    assert tried["elastic"]["folds"] == 1
    assert tried["cutmix"]["folds"] == 6
    assert tried[DEFAULT]["against_default"] is None


def test_no_copy_of_a_test_image_is_trained_on(
    request_: TuneRequest, trained: Any, tmp_path: Path
) -> None:
    """Whatever groups are asked for; where all differ, rows are dealt one by one as ever."""
    asked = trained(noisy({}))

    def parts() -> list[tuple[set[bytes], set[bytes]]]:
        runs = [run for each in asked for run in each if run.arm.name == ORIGINALS]
        assert {run.subset for run in runs} == {0, 1, 2}
        texts = sorted({(run.arm.source.text, run.test.text) for run in runs})
        return [(pixels(train), pixels(test)) for train, test in texts]

    def pixels(text: str) -> set[bytes]:
        return {image.tobytes() for image in np.load(text)["image"]}

    images, labels = patterns("train", 40)
    copied = write_source(tmp_path / "copied.h5", images.repeat(3, axis=0), labels.repeat(3))
    told = Told()
    tune(replace(request_, source=copied), told)
    assert any("80 more of equal images" in line for line in told.lines)
    found = parts()
    assert len(found) == 3
    assert not any(train & test for train, test in found)
    assert set.union(*(test for _, test in found)) == {image.tobytes() for image in images}

    asked.clear()
    run(replace(request_, out=Path("single.toml")))
    tests = [test for _, test in parts()]
    dealt = [{image.tobytes() for image in images[rows]} for rows in folds(labels, 3, 0, 0)]
    assert sorted(map(sorted, tests)) == sorted(map(sorted, dealt))

    few = np.flatnonzero((labels != 4) | (np.arange(40) < 20))  # two of class 4
    twice = write_source(tmp_path / "two.h5", images[few].repeat(2, axis=0), labels[few].repeat(2))
    with pytest.raises(InputDataError, match=r"has 2 different image\(s\), 3 are needed"):
        run(replace(request_, source=twice))


def test_recipes_are_tried_on_the_classifier_that_is_to_learn_them(
    request_: TuneRequest, trained: Any
) -> None:
    """With its weights, what stays fixed of it, and its own optimiser."""
    asked = trained(noisy({}))
    shape = open_source(request_.source).image_shape
    network = find_classifier("vgg").build(shape, 7)
    Path("own.safetensors").write_bytes(weights_bytes(network, {}))
    with pytest.raises(InputDataError, match="Name weights of quick"):
        run(replace(request_, weights=Path("own.safetensors")))
    assert not asked
    own: dict[str, Any] = {"classifier": "vgg", "weights": Path("own.safetensors"), "freeze": "2"}
    result = run(replace(request_, **own))
    assert result.classifier == "vgg"
    (known,) = {each.classifier for runs in asked for each in runs}
    assert known == classifier_spec("vgg", Path("own.safetensors"))
    (settings,) = {each.settings for runs in asked for each in runs}
    assert settings.freeze == 2
    assert settings.optimiser == "adamw"  # of vgg; that of quick is muon


@pytest.mark.parametrize(
    ("preset", "own"), [("digits", {"stroke"}), ("photo", {"jitter"}), ("clothes", set())]
)
def test_what_suits_drawings_or_photographs_alone_is_tried_on_them_alone(
    preset: str, own: set[str]
) -> None:
    found = [one.name for one in candidates(preset, Variation(), with_vae=True)]
    assert found[0] == DEFAULT
    assert len(set(found)) == len(found)
    assert {"randaugment", "crop", *own} <= set(found)
    assert {"stroke", "jitter"} & set(found) == own


def test_of_drawings_each_recipe_but_those_that_leave_it_out_varies_what_the_default_does() -> None:
    variation = Variation({"elastic_alpha": 20.0}, (vary_stage("test", "stroke", {}),))
    found = {one.name: one.recipe for one in candidates("digits", variation, with_vae=True)}
    for name in ("default", "mixup-half", "vae", "vae-residual"):
        assert found[name].vary == variation.vary
        assert found[name].variation == {"preset": "digits", "elastic_alpha": 20.0}
    assert [stage.method for stage in found["erasing"].vary] == ["stroke", "erasing"]
    assert found["plain"].variation == {"preset": "digits"}
    assert found["plain"].vary == found["elastic"].vary == ()
    assert found["elastic"].variation == {"preset": "digits", "elastic_alpha": 20.0}
    assert found["stroke"].variation == {"preset": "digits"}


def test_of_photographs_randaugment_is_tried_weaker_without_mixtures_and_left_out() -> None:
    own = vary_stage("test", "randaugment", {"magnitude": 17})
    variation = Variation(vary=(own,), words="changed by RandAugment")
    found = {one.name: one for one in candidates("photo", variation, with_vae=False)}
    recipes = {name: one.recipe for name, one in found.items()}
    assert "changed by RandAugment" in found["default"].words
    for name in ("default", "mixup-quarter", "cutmix", "no-mixtures"):
        assert recipes[name].vary == (own,)
    assert recipes["no-randaugment"].vary == recipes["geometry-alone"].vary == ()
    (weaker,) = recipes["randaugment-less"].vary
    assert weaker.parameters["magnitude"] < own.parameters["magnitude"]
    for name in ("randaugment-less", "no-randaugment"):
        assert recipes[name].mix == recipes["default"].mix == default_mix("photo")
    assert not recipes["no-mixtures"].mix
    assert {"plain", "randaugment"}.isdisjoint(recipes)
    space = candidates("photo", variation, with_vae=False)
    both = (ONLINE_GEOMETRY, ONLINE_MIXUP)
    assert online_arms(space) == (*both, "originals+geometry+randaugment+mixup")
    drawn = Variation({"elastic_alpha": 20.0}, (vary_stage("test", "stroke", {}),))
    assert online_arms(candidates("digits", drawn, with_vae=False)) == both
    assert len({one.recipe.model_dump_json() for one in found.values()}) == len(found)


def test_a_recipe_that_is_surely_better_is_written_and_read_by_expand(
    request_: TuneRequest, trained: Any
) -> None:
    trained(noisy({"cutmix": 0.4}))
    result = run(request_)
    assert result.use == "cutmix"
    assert result.text.startswith("Use cutmix: +")
    text = Path("best.toml").read_text()
    assert "# augfactory tune" in text
    values = tomllib.loads(text)
    assert [(stage["method"], stage["share"]) for stage in values["mix"]] == [
        ("cutmix", 0.5),
    ]
    done = CliRunner().invoke(
        app, ["expand", request_.source.text, "--recipe", "best.toml", "--out", "d", "--json"]
    )
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)["datasets"][0]
    assert made["rows"] == 40 * 5
    kept = json.loads((Path(made["path"]) / "manifest.json").read_text())["recipe"]
    assert kept == {**result.recipe, "format": "hdf5"}


def test_chance_does_not_choose(request_: TuneRequest, trained: Any) -> None:
    trained(noisy({}, noise=0.03))
    result = run(request_)
    assert result.use == DEFAULT
    assert "Nothing that was tried is surely better" in result.text
    assert "not told apart" in result.text


def test_online_augmentation_may_be_enough(request_: TuneRequest, trained: Any) -> None:
    trained(noisy({ONLINE_MIXUP: 0.4}))
    text = run(request_).text
    assert "Online geometry and mixup, which need no dataset, are better" in text
    trained(noisy({ONLINE_MIXUP: -0.45, ONLINE_GEOMETRY: -0.4}))
    assert "over training with online geometry, the best of 2 ways" in run(request_).text


def test_originals_that_do_as_well_are_told(request_: TuneRequest, trained: Any) -> None:
    trained(noisy({ORIGINALS: 0.2}))
    assert "The originals as they are, with no dataset, reach" in run(request_).text
    trained(noisy({ORIGINALS: -0.2}))
    assert "The originals as they are" not in run(request_).text


def test_too_few_minutes_are_told_before_the_work(request_: TuneRequest, trained: Any) -> None:
    trained(noisy({}))
    told = Told()
    tune(replace(request_, minutes=1e-6), told)
    assert sum("note: to try all recipes once," in line for line in told.lines) == 1
    assert any("-tuning, from which the same command goes on" in line for line in told.lines)
    told = Told()
    tune(replace(request_, minutes=600), told)
    assert not any("to try all recipes" in line for line in told.lines)


def test_the_minutes_end_it(
    request_: TuneRequest, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(float(100 * tick) for tick in range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    asked = trained(noisy({}))
    result = run(replace(request_, minutes=6.0))
    assert 1 <= len(asked) < len(FEW)
    assert result.plain()["tried"][0]["folds"] >= 1


def test_no_dataset_holds_an_image_that_it_is_measured_on(
    request_: TuneRequest, trained: Any
) -> None:
    asked = trained(noisy({}))
    run(request_)
    everything = open_source(request_.source)
    whole = {image.tobytes() for image in everything.read_images(np.arange(40))}
    for each in asked[1]:
        test = open_source(each.test.spec)
        held = {image.tobytes() for image in test.read_images(np.arange(len(test)))}
        manifest = Path(each.arm.source.text) / "manifest.json"
        origin = (
            SourceSpec(json.loads(manifest.read_text())["source"]["text"])
            if manifest.exists()
            else each.arm.source
        )
        source = open_source(origin)
        learnt = {image.tobytes() for image in source.read_images(np.arange(len(source)))}
        assert not held & learnt
        assert held | learnt == whole


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"minutes": 0}, "0 is not a time"),
        ({"minutes": float("nan")}, "nan is not a time"),
        ({"factor": 1}, "1 makes nothing to choose"),
        ({"n_train": 99}, "99 rows asked"),
        ({"classifier": "quack"}, "there is no classifier 'quack'"),
        ({"freeze": "last"}, "drawn at random"),
    ],
)
def test_what_cannot_be_tuned_is_refused(
    request_: TuneRequest, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        run(replace(request_, **changes))
    assert not Path("best-tuning").exists()


def test_a_class_of_one_image_is_refused(request_: TuneRequest) -> None:
    with pytest.raises(InputDataError, match=r"has 1 .*one to test with in each fold"):
        run(replace(request_, n_train=10))


def test_the_command_tells_what_to_use(
    request_: TuneRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for("quick", monkeypatch)
    line = ["tune", request_.source.text, "--out", "best.toml", "--minutes", "0.01", "--workers"]
    line += ["1", "--factor", "3", "--steps", "2"]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    assert "Nothing that was tried is surely better" in done.stdout
    told = done.stdout.splitlines()[-1].removeprefix("Next: augfactory ")
    assert CliRunner().invoke(app, shlex.split(told)).exit_code == 0
    assert Path("best-x3/v1/manifest.json").is_file()
    assert tomllib.loads(Path("best.toml").read_text())["factor"] == 3
    page = Path("best-tuning/report.html").read_text()
    assert "Which recipe for these 40 images?" in page
    assert f"<code>augfactory {told}</code>" in page
    assert "mixup-even" in page
    again = json.loads(CliRunner().invoke(app, [*line, "--json", "-q"]).stdout)
    assert again["use"] == DEFAULT
    assert {Path(path).name for path in again["files"]} == {
        "best.toml", "results.json", "differences.png", "report.html",
    }  # fmt: skip


def test_another_source_in_the_same_folder_is_not_taken_for_the_first(
    request_: TuneRequest, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROUNDS", (1,))
    asked = trained(noisy({}))
    run(request_)
    run(replace(request_, source=write_source(Path("other.h5"), *patterns("other", 40))))
    for before, after in zip(*asked, strict=True):
        images = []
        for each in (before, after):
            test = open_source(each.test.spec)
            assert fingerprint(test) == each.test.fingerprint
            images.append(test.read_images(np.arange(len(test))))
        assert (images[0] != images[1]).any()


def test_expand_finds_the_recipe_first(
    request_: TuneRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --auto; what chooses a recipe otherwise is refused."""
    monkeypatch.setattr(expand_auto, "MINUTES", 0.01)
    space = candidates("photo", Variation(), with_vae=False)[:2]
    monkeypatch.setattr(module, "candidates", lambda *_arguments, **_more: space)
    stand_in_for("quick", monkeypatch)
    line = ["expand", request_.source.text, "--out", "auto", "--factor", "3", "--workers", "1"]
    done = CliRunner().invoke(app, [*line, "--auto"])
    assert done.exit_code == 0, done.output
    preset = tomllib.loads(Path("auto.toml").read_text())["geometry"]["preset"]
    made = json.loads(Path("auto-x3/v1/manifest.json").read_text())["recipe"]
    assert made["geometry"]["parameters"]["preset"] == preset
    assert "nothing that was tried" in done.stderr.lower()
    for more in (["--preset", "photo"], ["--mixup", "2"], ["--recipe", "auto.toml"]):
        refused = CliRunner().invoke(app, [*line, "--auto", *more])
        assert refused.exit_code == 2
        assert "chooses the recipe" in refused.output
    refused = CliRunner().invoke(app, [*line, "--auto", "--dry-run"])
    assert refused.exit_code == 2
    assert "augfactory tune" in refused.output
