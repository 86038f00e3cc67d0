"""`augfactory expand --unlabelled … --pseudo-label`, from the images to a version and back."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import augfactory
from augfactory.cli.app import app
from augfactory.commands.evaluate.arms import ArmsRequest
from augfactory.commands.evaluate.checks import before_training
from augfactory.commands.evaluate.inputs import gather
from augfactory.commands.expand import pseudo_labelling
from augfactory.commands.expand.build import Dataset
from augfactory.commands.expand.estimate import estimate as estimated
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest, plan_builds
from augfactory.commands.expand.validation import Held
from augfactory.commands.opening import near_copies
from augfactory.commands.opening.near_copies import near_duplicates
from augfactory.commands.progress import Progress
from augfactory.commands.vae.plan import VaeTrainRequest, plan_training
from augfactory.commands.vae.train import vae_train
from augfactory.commands.versions.diff import diff
from augfactory.commands.versions.export import export
from augfactory.commands.versions.info_row import info_row
from augfactory.commands.versions.reproduce import reproduce
from augfactory.commands.versions.verify import verify
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation import pseudo_labels as own
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.classifiers.torchvision_models import torchvision_model
from augfactory.evaluation.classifiers.weights import weights_bytes
from augfactory.evaluation.comparison.results import Alert
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.train import train_classifier
from augfactory.evaluation.training.training_set import version_set
from augfactory.pipeline.recipes.composition import default_labelling
from augfactory.pipeline.recipes.vary import vary_stage
from augfactory.records import Colour, Int64Array, SourceSpec
from augfactory.sources.opening import open_source
from augfactory.store.beside.pseudo_label_table import read_pseudo_labels
from augfactory.store.reader import Version, open_version
from augfactory.vae.training_batches import draw_batch
from tests.commands.told import Told
from tests.commands.versions import write_source
from tests.evaluation.memory import pattern_source, patterns

CHOSEN, MORE = 30, 25
LITTLE = {"teachers": 2, "steps": 4, "views": 1, "keep": 0.6}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A labelled source, and a plain folder of further images of which one is labelled."""
    monkeypatch.chdir(tmp_path)
    write_source(tmp_path / "few.h5", *patterns("few", CHOSEN))
    (tmp_path / "more" / "deep").mkdir(parents=True)
    images, _ = patterns("more", MORE)
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "more" / "deep" / f"{number:02d}.png")
    known, _ = patterns("few", CHOSEN)
    Image.fromarray(known[7]).save(tmp_path / "more" / "aa.png")
    return tmp_path


def made(place: Path, name: str = "d", **more: Any) -> list[Dataset]:
    progress = more.pop("progress", Progress())
    request = {
        "factors": (2,),
        "geometry": {"preset": "texture"},
        "unlabelled": SourceSpec("more"),
        "pseudo_label": LITTLE,
        **more,
    }
    factors = request.pop("factors")
    return expand(ExpandRequest(SourceSpec("few.h5"), Path(name), factors, **request), progress)


def rows_of(version: Version) -> np.ndarray:
    return np.flatnonzero(version.methods == "pseudo-label")


@pytest.mark.parametrize(
    ("colour", "preset", "steps"),
    [
        ("rgb", "texture", 1_200),
        ("grey", "photo", 1_200),
        ("grey", "clothes", 1_200),
        ("grey", "digits", 400),
    ],
)
def test_what_labels_other_images_than_drawings_is_trained_for_longer(
    place: Path, colour: Colour, preset: str, steps: int
) -> None:
    def asked(**said: int) -> int:
        few, more = (SourceSpec(name, colour=colour) for name in ("few.h5", "more"))
        varied = {"preset": preset}
        request = ExpandRequest(
            few, Path("d"), (2,), geometry=varied, unlabelled=more, pseudo_label=said
        )
        (build,) = plan_builds(request, Progress())[1]
        assert build.recipe.pseudo_label is not None
        return build.recipe.pseudo_label.steps

    assert asked() == steps
    assert asked(steps=7) == 7
    assert asked(rounds=1) == steps


def test_rows_are_the_surest_images_under_the_labels_they_were_given(place: Path) -> None:
    told = Told()
    (dataset,) = made(place, progress=told)
    assert any("images that they did not learn" in line for line in told.lines)
    begun = f"4 classifiers are trained for 4 steps each to label {MORE} images: about 1 min of one"
    assert any(line.startswith(begun) for line in told.lines)
    version = open_version(dataset.path)
    manifest = version.manifest
    assert manifest.unlabelled is not None
    assert manifest.unlabelled.rows == tuple(range(1, MORE + 1))  # aa.png is a labelled image
    table = read_pseudo_labels(dataset.path, MORE, 10)
    kept = np.flatnonzero(table.kept)
    written = pq.read_table(dataset.path / "pseudo-labels.parquet").to_pydict()
    assert written["image"] == [f"deep/{number:02d}.png" for number in range(MORE)]
    names = np.array(manifest.class_names)[table.soft_label.argmax(axis=1)]
    assert written["taken_for"] == names.tolist()
    rows = rows_of(version)
    assert len(rows) == 2 * CHOSEN
    assert dataset.rows == 4 * CHOSEN
    index = version.source_index[rows, 0] - CHOSEN
    assert set(index.tolist()) == set(kept.tolist())  # 60 rows of 15 images or more: all serve
    first = rows[: len(kept)]
    images, _ = patterns("more", MORE)
    np.testing.assert_array_equal(
        version.source.read_images(first), images[version.source_index[first, 0] - CHOSEN]
    )
    assert sorted(version.source_index[first, 0] - CHOSEN) == sorted(kept)
    np.testing.assert_array_equal(version.source.read_soft_labels(rows), table.soft_label[index])
    later = rows[len(kept) :]
    assert version.rounds[later].min() == 1
    changed = version.source.read_images(later) != images[index[len(kept) :]]
    assert changed.any(axis=(1, 2, 3)).all()  # what comes again is varied
    assert len(np.unique(version.source.read_images(rows), axis=0)) == len(rows)
    training = version_set(version)
    assert training.original.sum() == CHOSEN
    assert len(np.unique(training.origin)) == CHOSEN + len(kept)


def test_who_labelled_a_row_can_be_looked_up(place: Path) -> None:
    (dataset,) = made(place)
    version = open_version(dataset.path)
    row = int(rows_of(version)[3])
    found = info_row(str(dataset.path), row)
    position = int(version.source_index[row, 0])
    (parent,) = found.parents
    assert found.method == "pseudo-label"
    assert (parent.source_index, parent.source_row) == (position, position - CHOSEN + 1)
    assert parent.name == f"deep/{position - CHOSEN:02d}.png"
    card = (dataset.path / "README.md").read_text()
    assert "pseudo-labels.parquet" in card
    assert "are guesses of classifiers" in " ".join(card.split())


def test_a_warning_tells_that_classifiers_have_learnt_from_what_is_held_out(place: Path) -> None:
    (dataset,) = made(place)
    with pytest.warns(UserWarning, match="classifiers that labelled its unlabelled images have"):
        augfactory.load(str(dataset.path)).held_out(0.3)


def test_it_is_verified_exported_compared_and_rendered_again(place: Path) -> None:
    (dataset,) = made(place)
    verify(str(dataset.path), Progress())
    assert reproduce(str(dataset.path), Progress()).content_hash == dataset.content_hash
    exported = export(str(dataset.path), "png", None, Progress())
    verify(str(exported.path), Progress())
    assert exported.content_hash == dataset.content_hash
    (other,) = made(place, "e", seed=1)
    assert diff(str(dataset.path), str(other.path), Progress()).rows.same < dataset.rows
    (place / "more" / "deep" / "03.png").unlink()
    with pytest.raises(InputDataError, match="no longer those"):
        reproduce(str(dataset.path), Progress())


@pytest.mark.usefixtures("forked_workers")
def test_the_same_rows_however_they_are_made(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one process or two, in one go or after a stop; what is finished is not trained again."""
    (alone,) = made(place, "alone")
    (together,) = made(place, "together", workers=2)
    assert alone.content_hash == together.content_hash
    trained: list[int] = []
    read = own.read_by_teacher

    def stopping(*arguments: Any, **more: Any) -> Any:
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(more["seed"])
        return read(*arguments, **more)

    monkeypatch.setattr(pseudo_labelling, "read_by_teacher", stopping)
    with pytest.raises(KeyboardInterrupt):
        made(place, "stopped")
    (damaged,) = Path("stopped-x2").glob(".building-*/.state/teacher-0-1.npz")
    damaged.write_bytes(damaged.read_bytes()[:500])
    trained.clear()

    def counting(*arguments: Any, **more: Any) -> Any:
        trained.append(more["seed"])
        return read(*arguments, **more)

    monkeypatch.setattr(pseudo_labelling, "read_by_teacher", counting)
    told = Told()
    (resumed,) = made(place, "stopped", progress=told)
    assert "2 of 4 classifiers are kept from an earlier run" in told.lines
    assert resumed.content_hash == alone.content_hash
    assert len(trained) == 2  # the one that was damaged, the one that was missing
    trained.clear()
    both = made(place, "both", factors=(1, 3))
    assert len(trained) == 4  # two teachers in two rounds: the second dataset takes their labels
    tables = [(each.path / "pseudo-labels.parquet").read_bytes() for each in both]
    assert tables[0] == tables[1]
    assert [each.rows for each in both] == [2 * CHOSEN, 6 * CHOSEN]
    assert made(place, "both", factors=(3,))[0].existing


@pytest.mark.parametrize(
    ("vary", "wanted"),
    [
        ((), ["geometry", "mixup"]),
        (("stroke",), ["geometry", "mixup"]),
        (("randaugment",), ["geometry", "randaugment", "mixup"]),
    ],
)
def test_classifiers_that_label_learn_from_images_varied_by_what_trainers_have(
    place: Path, monkeypatch: pytest.MonkeyPatch, vary: tuple[str, ...], wanted: list[str]
) -> None:
    seen: list[list[str]] = []
    read = own.read_by_teacher

    def noting(*arguments: Any, **more: Any) -> Any:
        seen.append([stage.method for stage in arguments[4]])
        return read(*arguments, **more)

    monkeypatch.setattr(pseudo_labelling, "read_by_teacher", noting)
    made(place, vary=tuple(vary_stage("test", name, {}) for name in vary))
    assert seen == [wanted] * len(seen)
    assert seen


def test_a_test_image_among_the_unlabelled_ones_is_refused(place: Path) -> None:
    (dataset,) = made(place)
    images, _ = patterns("more", MORE)
    dropped = np.flatnonzero(~read_pseudo_labels(dataset.path, MORE, 10).kept)
    write_source(place / "test.h5", images[dropped[:1]].repeat(2, axis=0), np.arange(2))
    with pytest.raises(InputDataError, match="is in the training set too"):
        gather((str(dataset.path),), SourceSpec("test.h5"), None, ArmsRequest(), Progress())
    write_source(place / "fair.h5", *patterns("fair", 20))
    inputs = gather((str(dataset.path),), SourceSpec("fair.h5"), None, ArmsRequest(), Progress())
    assert [arm.size for arm in inputs.arms][:1] == [CHOSEN]


def like(images: np.ndarray) -> np.ndarray:
    """Return images that no hash takes for these: brighter by 3 of 255 under a little noise."""
    noise = np.random.default_rng(2).integers(0, 3, images.shape)
    return (images.astype(int) + 2 + noise).clip(0, 255).astype(np.uint8)


def test_test_images_that_look_like_unlabelled_ones_are_told(place: Path) -> None:
    (dataset,) = made(place)
    images, labels = patterns("more", MORE)
    fair = np.random.default_rng(5).integers(0, 256, (20, 9, 6, 3), dtype=np.uint8)

    def told(test: np.ndarray) -> list[Alert]:
        write_source(place / "test.h5", test, labels[:20])
        inputs = gather(
            (str(dataset.path),), SourceSpec("test.h5"), None, ArmsRequest(), Progress()
        )
        alerts = before_training(inputs, 3, None)
        return [alert for alert in alerts if "look nearly like" in alert.text]

    assert not told(fair)
    (alert,) = told(np.concatenate([like(images[4:7]), fair[3:]]))
    assert alert.level == "warning"
    assert "like images of more, which are learnt too" in alert.text
    for row in range(3):
        assert f"row {row} like deep/{row + 4:02d}.png" in alert.text
    originals, _ = patterns("few", CHOSEN)
    (alert,) = told(np.concatenate([like(originals[4:7]), fair[3:]]))
    assert "look nearly like originals" in alert.text


def test_of_very_many_images_some_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt, test = pattern_source("learnt", 50), pattern_source("test", 10)
    assert not near_duplicates(learnt, test, [learnt])
    monkeypatch.setattr(near_copies, "MOST_PAIRS", 100)
    (alert,) = near_duplicates(learnt, test, [learnt])
    assert alert.level == "note"
    assert alert.text.endswith("of 50 images 10 were looked at, evenly spread.")


def test_what_is_kept_for_validation_is_left_out_of_the_unlabelled_images(place: Path) -> None:
    """With a line, which tells of those that look nearly like it as well."""
    known, _ = patterns("few", CHOSEN)
    more, _ = patterns("more", MORE)
    shared = place / "shared"
    shared.mkdir()
    for name, images in (("known", known), ("more", more)):
        for number, image in enumerate(images):
            Image.fromarray(image).save(shared / f"{name}-{number:02d}.png")
    told = Told()
    (dataset,) = made(
        place, unlabelled=SourceSpec("shared"), held=Held(share=0.4), progress=told
    )  # fmt: skip
    manifest = open_version(dataset.path).manifest
    assert manifest.validation is not None
    assert manifest.unlabelled is not None
    held = len(manifest.validation.source.rows)
    assert held == 10
    assert (
        f"shared: 30 of its 55 images are labelled ones, {held} of them kept apart for "
        "validation: they are left out of the unlabelled ones"
    ) in told.lines
    assert manifest.unlabelled.rows == tuple(range(CHOSEN, CHOSEN + MORE))
    assert not any("look nearly like" in line for line in told.lines)
    verify(str(dataset.path), Progress())

    row = manifest.validation.source.rows[3]
    Image.fromarray(like(known[row])).save(shared / "other.png")
    made(place, "e", unlabelled=SourceSpec("shared"), held=Held(share=0.4), progress=told)
    (line,) = (line for line in told.lines if "look nearly like" in line)
    assert line.startswith("warning: images that are kept apart for validation")
    assert line.endswith(
        "like other.png. Look at them; if they show the same, take them out of shared"
    )

    write_source(place / "own.h5", *patterns("more", 10))
    own_images = Held(source=SourceSpec("own.h5"))
    (dataset,) = made(place, "f", held=own_images)
    unlabelled = open_version(dataset.path).manifest.unlabelled
    assert unlabelled is not None
    assert unlabelled.rows == tuple(range(11, MORE + 1))


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        (["--unlabelled", "more"], "Add --pseudo-label", 2),
        (["--pseudo-label"], "--unlabelled SOURCE", 2),
        (["--classifier", "vgg"], "none are to be labelled", 2),
        (["--weights", "w.pth"], "Add --unlabelled SOURCE --pseudo-label", 2),
        (
            ["--unlabelled", "more", "--pseudo-label", "--classifier", "vg"],
            "did you mean 'vgg'",
            2,
        ),
        (["--unlabelled", "more", "--pseudo-label", "--weights", "w.pth"], "w.pth: cannot be", 3),
        (
            ["--unlabelled", "more", "--pseudo-label", "--weights", "wrong.toml"],
            "cannot be read as weights",
            3,
        ),
        (["--unlabelled", "nowhere", "--pseudo-label"], "no such file", 3),
        (["--unlabelled", "few.h5", "--pseudo-label"], "all of its images are labelled", 3),
        (["--unlabelled", "more", "--recipe", "wrong.toml"], "did you mean 'keep'", 2),
        (["--unlabelled", "more", "--recipe", "large.toml"], "keep", 2),
    ],
)
def test_what_a_user_gets_wrong(place: Path, arguments: list[str], told: str, code: int) -> None:
    (place / "wrong.toml").write_text("[pseudo_label]\nkep = 0.5\n")
    (place / "large.toml").write_text("[pseudo_label]\nkeep = 1.5\n")
    asked = ["expand", "few.h5", "--factor", "2", "--out", "d", *arguments]
    answer = CliRunner().invoke(app, asked)
    assert answer.exit_code == code
    assert told.lower() in " ".join(answer.output.split()).lower()
    assert not list(place.glob("d-x2/v*"))


def test_what_labels_may_be_the_classifier_that_is_to_learn_the_set(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its weights, which the recipe knows by their hash, and the optimiser that suits it."""
    shape = open_source(SourceSpec("few.h5")).image_shape
    network = find_classifier("vgg").build(shape, 10)
    Path("own.safetensors").write_bytes(weights_bytes(network, {}))
    file = Path("own.safetensors")
    trained: list[tuple[dict[str, Any], TrainingSettings]] = []

    def noting(_: Any, build: Any, settings: TrainingSettings, *__: Any) -> Any:
        first = {key: value.clone() for key, value in build(shape, 10).state_dict().items()}
        trained.append((first, settings))
        return train_classifier(_, build, settings, *__)

    monkeypatch.setattr(own, "train_classifier", noting)
    labelling = {**LITTLE, "classifier": "vgg"}
    (dataset,) = made(place, pseudo_label=labelling, weights=file)
    learnt = {key: value for key, value in network.state_dict().items() if "weight" in key}
    first, settings = trained[0]
    assert torch.equal(first["0.weight"], learnt["0.weight"])  # not those of a new network
    assert (settings.optimiser, settings.steps) == ("adamw", LITTLE["steps"])
    assert len(trained) == 4

    manifest = open_version(dataset.path).manifest
    assert default_labelling("photo", 3, from_weights=True) == {"steps": 400}
    recorded = manifest.recipe["pseudo_label"]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (recorded["classifier"], recorded["weights_sha256"]) == ("vgg", digest)
    card = (dataset.path / "README.md").read_text("utf-8")
    assert "classifiers, `vgg`, give to each" in card
    assert digest in card
    assert made(place, pseudo_label=labelling, weights=file)[0].existing
    assert not made(place, pseudo_label=labelling)[0].existing  # another start: another version
    with pytest.raises(RecipeError, match="names weights by their hash, and no file is given"):
        made(place, pseudo_label=recorded)
    file.unlink()
    again = reproduce(str(dataset.path), Progress())  # labels are kept: without the weights
    assert again.content_hash == dataset.content_hash

    plain = open_version(made(place)[0].path).manifest.recipe["pseudo_label"]
    assert not {"classifier", "weights_sha256"} & set(plain)


def test_small_images_are_told_where_what_labels_knows_large_ones(place: Path) -> None:
    network: Any = torchvision_model("mobilenet_v3_small", 1000, None)
    torch.save(network.model.state_dict(), "sq.pth")
    told = Told()
    request = ExpandRequest(
        SourceSpec("few.h5", size=(32, 48)),
        Path("d"),
        (2,),
        geometry={"preset": "texture"},
        unlabelled=SourceSpec("more", size=(32, 48)),
        pseudo_label={**LITTLE, "classifier": "mobilenet_v3_small"},
        weights=Path("sq.pth"),
    )
    plan_builds(request, told)
    (said,) = (line for line in told.lines if "Published weights" in line)
    assert said.startswith("warning: Published weights of mobilenet_v3_small")
    assert "Expand with --size 96 or 128" in said

    told.lines.clear()
    plan_builds(replace(request, pseudo_label=LITTLE, weights=None), told)
    assert "Published weights" not in "".join(told.lines)


def test_a_class_of_one_image_cannot_be_tested_on(place: Path) -> None:
    images, labels = patterns("few", CHOSEN)
    single = np.concatenate([np.flatnonzero(labels != 4), [4]])
    write_source(place / "few.h5", images[single], labels[single])
    with pytest.raises(InputDataError, match="class 4 has a single image"):
        made(place)
    copied = np.concatenate([single, [4, 4]])
    write_source(place / "few.h5", images[copied], labels[copied])
    with pytest.raises(InputDataError, match="class 4 has a single image, 3 times"):
        made(place)


def test_no_classifier_learns_a_copy_of_what_it_is_tested_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier program kept, which dealt copies singly, is not taken for such readings."""
    images, labels = patterns("few", CHOSEN)
    write_source(place / "few.h5", images.repeat(2, axis=0), labels.repeat(2))
    dealt: list[np.ndarray] = []
    read = own.read_by_teacher

    def noting(*arguments: Any, **more: Any) -> Any:
        dealt.append(arguments[2])
        if len(dealt) == 2:
            raise KeyboardInterrupt
        return read(*arguments, **more)

    monkeypatch.setattr(pseudo_labelling, "read_by_teacher", noting)
    with pytest.raises(KeyboardInterrupt):
        made(place)
    assert (dealt[0].reshape(CHOSEN, 2)[:, :1] == dealt[0].reshape(CHOSEN, 2)).all()
    assert np.bincount(dealt[0]).tolist() == [CHOSEN, CHOSEN]
    (kept,) = Path("d-x2").glob(".building-*/.state/teacher-0-0.npz")
    before = {name: value for name, value in np.load(kept).items() if name != "rows"}
    np.savez(kept, allow_pickle=False, **before)
    (dataset,) = made(place)
    assert len(dealt) == 2 + 4
    assert {image.tobytes() for image in dealt} == {dealt[0].tobytes()}
    assert dataset.rows


def test_the_plan_is_told_before_anything_is_made(place: Path) -> None:
    asked = ["expand", "few.h5", "--factor", "3", "--out", "d", "--unlabelled", "more"]
    answer = CliRunner().invoke(app, [*asked, "--pseudo-label", "--dry-run", "--json"])
    (estimate,) = json.loads(answer.stdout)["datasets"]
    assert estimate["counts"] == {"original": 30, "geometry": 60, "pseudo-label": 90}
    assert estimate["rows"] == 180
    one = estimate["labelling_minutes"]
    assert one > 0

    (place / "long.toml").write_text("[pseudo_label]\nteachers = 10\nsteps = 4000\n")
    long = [
        *asked[:2],
        "--factor",
        "3",
        "--factor",
        "5",
        *asked[4:],
        "--recipe",
        "long.toml",
        "--pseudo-label",
        "--dry-run",
    ]
    answer = CliRunner().invoke(app, [*long, "--json"])
    three, five = json.loads(answer.stdout)["datasets"]
    assert three["labelling_minutes"] == five["labelling_minutes"]  # they are trained once
    assert three["labelling_minutes"] > 5 * one  # twenty of 4,000 steps beside ten of 400 or 1,200
    told = CliRunner().invoke(app, long).stdout
    assert re.search(r"labelling the unlabelled images: about \d+ min of one core", told)

    made(place)  # what exists already is not labelled again
    request = ExpandRequest(
        SourceSpec("few.h5"), Path("d"), (2,), geometry={"preset": "texture"},
        unlabelled=SourceSpec("more"), pseudo_label=LITTLE,
    )  # fmt: skip
    (known,) = estimated(request, Progress())
    assert known.existing
    assert known.labelling_minutes is None


def test_a_model_learns_the_look_of_unlabelled_images(place: Path) -> None:
    """Half of every batch; what is not the same model is told, and test images in it are found."""
    images, _ = patterns("more", MORE)
    np.savez(place / "tall.npz", images=np.repeat(np.repeat(images, 3, axis=1), 3, axis=2))
    few, labels = patterns("few", CHOSEN)
    write_source(place / "tall.h5", np.repeat(np.repeat(few, 3, axis=1), 3, axis=2), labels)
    seen = []

    def asked(out: str, unlabelled: str | None) -> VaeTrainRequest:
        spec = None if unlabelled is None else SourceSpec(unlabelled)
        return VaeTrainRequest(
            SourceSpec("tall.h5"), place / out, unlabelled=spec, steps=2, batch=9, verdict=False
        )

    planned = plan_training(asked("with", "tall.npz"), Progress())
    assert planned.unlabelled is not None
    shown, shares, noise = draw_batch(
        planned.source, planned.plan.training, 4, 1, unlabelled=planned.unlabelled
    )
    assert len(shown) == len(noise) == 9
    np.testing.assert_array_equal(shares.sum(dim=1), [1] * 5 + [0] * 4)
    known = {image.tobytes() for image in planned.unlabelled.read_images(np.arange(MORE))}
    for image in (shown * 255).round().to(dtype=torch.uint8).permute(0, 2, 3, 1).numpy():
        seen.append(image.tobytes() in known)
    assert seen == [False] * 5 + [True] * 4
    plain = vae_train(asked("plain", None), Progress())
    both = vae_train(asked("with", "tall.npz"), Progress())
    assert plain.config.files != both.config.files
    assert vae_train(asked("with", "tall.npz"), Progress()).existing
    with pytest.raises(RecipeError, match="--unlabelled is None there"):
        vae_train(asked("plain", "tall.npz"), Progress())
    (dataset,) = expand(ExpandRequest(SourceSpec("with"), Path("d"), (3,)), Progress())
    assert reproduce(str(dataset.path), Progress()).content_hash == dataset.content_hash
    write_source(place / "test.h5", np.load("tall.npz")["images"][:2], np.arange(2))
    with pytest.raises(InputDataError, match="is in the training set too"):
        gather((str(dataset.path),), SourceSpec("test.h5"), None, ArmsRequest(), Progress())


def saying(labels: Int64Array, count: int, right: float, seed: int) -> np.ndarray:
    """Return log-probabilities that hold for the class with a chance of ``right``, or for any."""
    random, rows = np.random.default_rng(seed), len(labels)
    named = np.where(random.random(rows) < right, labels, random.integers(0, count, len(labels)))
    logits = random.normal(0, 0.3, (rows, count)) + 2 * np.eye(count)[named]
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


def read_as(
    monkeypatch: pytest.MonkeyPatch, right: tuple[float, float], labels: Int64Array, count: int
) -> None:
    """Let teachers read so, in the first round and in the second, instead of learning."""

    def reading(*arguments: Any, **more: Any) -> own.Reading:
        later = more["taught"] is not None
        fold, one = arguments[2], arguments[3]
        said = saying(labels, count, right[later], 7 + later)
        others = saying(np.arange(MORE + 1) % count, count, right[later], 70 + later)
        return own.Reading(said[fold == one], others)

    monkeypatch.setattr(pseudo_labelling, "read_by_teacher", reading)


def two_classes(place: Path, rows: int) -> Int64Array:
    """Write a source of two classes of noise, of which no unlabelled image is; return labels."""
    images = np.random.default_rng(1).integers(0, 256, (rows, 9, 6, 3), dtype=np.uint8)
    labels = np.arange(rows) % 2
    write_source(place / "few.h5", images, labels, ("ash", "birch"))
    return labels


def test_labels_of_classifiers_that_read_no_better_than_chance_are_warned_of(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the screen, in the manifest and on the card, and what is made of it as well."""
    labels = two_classes(place, 60)
    read_as(monkeypatch, (0.0, 0.0), labels, 2)
    told = Told()
    (dataset,) = made(place, progress=told)
    first, second = (line for line in told.lines if line.startswith("warning: of "))
    assert "not surely more than by chance (50 %)" in first
    assert "--classifier NAME --weights FILE" in first
    assert "of 2 classes a blind guess is right in 50 %" in second
    manifest = open_version(dataset.path).manifest
    assert manifest.labelling is not None
    assert manifest.labelling.labelled == 60
    assert 20 < manifest.labelling.right < 40
    assert [f"warning: {each}" for each in manifest.labelling.warnings] == [first, second]
    card = " ".join((dataset.path / "README.md").read_text("utf-8").split())
    assert f"**Warning**: {first.removeprefix('warning: ')}." in card
    exported = open_version(export(str(dataset.path), "png", None, Progress()).path).manifest
    assert exported.labelling == manifest.labelling

    read_as(monkeypatch, (0.9, 0.9), labels, 2)
    told.lines.clear()
    (good,) = made(place, "good", progress=told)
    assert not any(line.startswith("warning: of ") for line in told.lines)
    labelling = open_version(good.path).manifest.labelling
    assert labelling is not None
    assert not labelling.warnings
    assert labelling.right > 50
    assert labelling.chance == pytest.approx(0.5, abs=0.01)
    assert "**Warning**" not in (good.path / "README.md").read_text("utf-8")


@pytest.mark.parametrize(("right", "taken"), [((0.9, 0.3), 1), ((0.3, 0.9), 2), ((0.9, 0.9), 2)])
def test_labels_of_a_round_that_reads_worse_are_not_taken(
    place: Path, monkeypatch: pytest.MonkeyPatch, right: tuple[float, float], taken: int
) -> None:
    labels = two_classes(place, 60)
    read_as(monkeypatch, right, labels, 2)
    told = Told()
    (dataset,) = made(place, progress=told)
    labelling = open_version(dataset.path).manifest.labelling
    assert labelling is not None
    assert labelling.round == taken
    said = saying(labels, 2, right[0], 7)
    assert labelling.right == int((said.argmax(axis=1) == labels).sum())  # of the first round
    others = saying(np.arange(MORE + 1) % 2, 2, right[taken - 1], 70 + taken - 1)
    table = read_pseudo_labels(dataset.path, MORE + 1, 2)
    np.testing.assert_array_equal(table.soft_label.argmax(axis=1), others.argmax(axis=1))
    lines = [line for line in told.lines if "the labels are those of round" in line]
    expected = (
        "d-x2: the labels are those of round 1: classifiers of round 2, which learnt from these, "
        "read labelled images worse"
    )
    assert lines == [expected] * (taken == 1)


def test_no_further_round_is_trained_after_one_that_reads_worse(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = two_classes(place, 60)
    read_as(monkeypatch, (0.9, 0.3), labels, 2)
    made(place, pseudo_label={**LITTLE, "rounds": 4})
    made(place, "both", factors=(1, 3), pseudo_label={**LITTLE, "rounds": 4})
    for name in ("d-x2", "both-x1", "both-x3"):
        manifest = open_version(Path(name) / "v1").manifest
        assert manifest.labelling is not None
        assert manifest.labelling.round == 1
