"""vae-train as a function: whole models, kept requests, interruptions, refusals."""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.inputs import gather
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.opening.opening import lasting_text
from augfactory.commands.progress import Bar, Progress
from augfactory.commands.vae import decoded_images
from augfactory.commands.vae.train import VaeTrainRequest, VaeTrainResult, as_json, vae_train
from augfactory.errors import InputDataError, RecipeError, ResourceError
from augfactory.records import SourceSpec
from augfactory.source_rows import fingerprint
from augfactory.sources.opening import open_source
from augfactory.store.disk.lock import only_writer
from augfactory.store.places import path_at
from augfactory.vae.checkpoint import load_model
from augfactory.vae.config import read_config
from augfactory.vae.decoded import DecodedImages
from augfactory.vae.divergence import TrainingDivergedError
from augfactory.vae.files import CONFIG, WEIGHTS
from tests.pictures import CLASSES, HEIGHT, WIDTH, write_class_folders

PNGS = ("loss.png", "reconstructions.png", "samples.png")
SILENT = Progress()


class Killed(BaseException):
    """What an interruption looks like from inside."""


class KillAt(Progress):
    """Break off after so many steps in all."""

    def __init__(self, step: int) -> None:
        self.step, self.said = step, ""

    def say(self, text: str) -> None:
        self.said += text

    @contextmanager
    def bar(self, text: str, total: int, unit: str, done: int = 0) -> Iterator[Bar]:
        del text, total
        left, seen = self.step - done, 0

        class Fuse(Bar):
            def advance(self, done: int = 1, latest: str = "", **figures: float) -> None:
                del latest
                nonlocal seen
                seen += done
                assert unit != "step" or set(figures) == {"loss", "reconstruction", "kl"}
                if unit == "step" and seen >= left:
                    raise Killed

        yield Fuse()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return class folders of 12 pictures a class."""
    return write_class_folders(tmp_path_factory.mktemp("sources") / "pictures", 12)


def request_for(pictures: Path, out: Path) -> VaeTrainRequest:
    return VaeTrainRequest(
        SourceSpec(str(pictures)),
        out,
        n_train=18,
        seed=3,
        steps=20,
        batch=8,
        latent=5,
        save_at_loss=(1000.0, 600.0, 1.0),
        verdict=False,
    )


@pytest.fixture(scope="module")
def trained(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> VaeTrainResult:
    """Return a model that tests only look at."""
    return vae_train(request_for(pictures, tmp_path_factory.mktemp("models") / "model"), SILENT)


@pytest.fixture
def request_(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VaeTrainRequest:
    """Return the request of a training of a second, which draws no figures."""
    monkeypatch.setattr("augfactory.commands.vae.figures.draw", lambda *_: {"loss.png": b"drawn"})
    return request_for(pictures, tmp_path / "model")


@pytest.fixture
def finished(request_: VaeTrainRequest, trained: VaeTrainResult) -> VaeTrainRequest:
    """Return the same request, its model standing there."""
    shutil.copytree(trained.out, request_.out)
    return request_


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_verdict_tells_what_a_classifier_reads_of_decoded_images(
    request_: VaeTrainRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded_images, "STEPS", 40)
    result = vae_train(replace(request_, verdict=True), SILENT)
    decoded = result.config.result.decoded
    assert decoded is not None
    assert decoded.rows == 18
    assert decoded.originals_read > 0.9  # pictures of three colours
    assert decoded.sharpness is not None
    assert decoded.sharpness < 0.9  # 20 steps
    assert read_config(result.out) == result.config
    assert decoded.words() == as_json(result)["decoded_words"]

    said: list[str] = []
    listening = Progress()
    monkeypatch.setattr(listening, "say", said.append)
    gather(SourceSpec(str(result.out)), None, None, None, 0, listening)
    assert any(decoded.words() in line for line in said)


@pytest.mark.parametrize(
    ("read", "advice"), [(0.9, "blend them"), (0.75, "blend sparingly"), (0.3, "leave the model")]
)
def test_the_advice_follows_from_what_is_read(read: float, advice: str) -> None:
    found = DecodedImages(rows=10, read=read, originals_read=0.9, sharpness=None)
    assert advice in found.advice()
    assert found.words().endswith(found.advice())
    assert "fine detail" not in found.words()


def test_a_classifier_that_reads_little_gives_no_advice() -> None:
    weak = DecodedImages(rows=60, read=0.22, originals_read=0.2, sharpness=0.3)
    assert "too little is read" in weak.advice()
    sure = DecodedImages(rows=500, read=0.254, originals_read=0.404, sharpness=0.1)
    assert sure.advice() == "leave the model out"


def test_of_fewer_than_six_images_nothing_is_judged(request_: VaeTrainRequest) -> None:
    result = vae_train(replace(request_, n_train=5, verdict=True, save_at_loss=()), SILENT)
    assert result.config.result.decoded is None
    assert as_json(result)["decoded_words"] is None


def test_a_model_folder_is_whole(trained: VaeTrainResult) -> None:
    out, config = trained.out, trained.config
    reached = {"checkpoints/loss-1000.safetensors", "checkpoints/loss-600.safetensors"}
    assert set(contents(out)) == {WEIGHTS, CONFIG, "history.csv", *PNGS, *reached}
    assert not trained.existing
    assert config.image_shape == (HEIGHT, WIDTH, 3)
    assert config.class_names == CLASSES
    assert config.result.not_reached == [1.0]
    assert set(trained.checkpoints.values()) == {out / name for name in reached}
    for name in (None, "loss-1000", "loss-600"):
        assert load_model(out, name).config == config
    for name, digest in config.files.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    for name in PNGS:
        with Image.open(out / name) as image:
            image.load()
            assert min(image.size) > 300
    history = list(csv.DictReader((out / "history.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in history] == [5, 10, 15, 20]
    assert float(history[-1]["loss"]) == config.result.loss
    json.dumps(as_json(trained), allow_nan=False)


def test_the_rows_are_those_of_the_seed(trained: VaeTrainResult, request_: VaeTrainRequest) -> None:
    chosen = trained.config.source
    assert chosen.place is not None
    text = path_at(request_.out, chosen.place)
    source = open_source(SourceSpec(text)).restricted_to(np.array(chosen.rows))
    assert np.bincount(source.labels).tolist() == [6, 6, 6]
    assert fingerprint(source) == chosen.fingerprint
    assert not Path(chosen.text).is_absolute()
    other = vae_train(replace(request_, seed=4), SILENT)
    assert other.config.source.rows != chosen.rows


def test_killed_and_resumed_equals_uninterrupted(
    request_: VaeTrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    whole = replace(request_, out=request_.out.with_name("whole"), validation=0.2)
    vae_train(whole, SILENT)
    killed = replace(request_, validation=0.2)
    for step in (2, 12, 13):
        with pytest.raises(Killed):
            vae_train(killed, KillAt(step))
        assert not (killed.out / CONFIG).exists()
    last = KillAt(1000)
    vae_train(killed, last)
    assert "going on after step 10" in last.said
    ours, theirs = contents(killed.out), contents(whole.out)
    assert set(ours) == set(theirs)
    seconds_differ = {CONFIG, "history.csv"}
    for name in set(ours) - seconds_differ:
        assert ours[name] == theirs[name], name
    configs = [json.loads(files[CONFIG]) for files in (ours, theirs)]
    for config in configs:
        config["result"].pop("seconds")
        assert config["created"] == "2023-11-14T22:13:20Z"
    assert configs[0] == configs[1]


def test_a_run_killed_while_it_finishes_is_finished(
    request_: VaeTrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("augfactory.commands.vae.train.document_bytes", killed)
        with pytest.raises(Killed):
            vae_train(request_, SILENT)
    assert not (request_.out / CONFIG).exists()
    assert vae_train(request_, KillAt(1)).config.result.steps == 20
    load_model(request_.out, "loss-600")


def test_the_same_request_is_answered_at_once(
    finished: VaeTrainRequest, trained: VaeTrainResult, pictures: Path
) -> None:
    before = contents(finished.out)
    (finished.out / ".resume").mkdir()
    same = replace(
        finished,
        device="cpu",
        save_at_loss=(1.0, 600.0, 1000.0, 600.0),
        warmup=4,
        source=SourceSpec(f"{pictures.parent}/../{pictures.parent.name}/pictures"),
    )
    again = vae_train(same, KillAt(1))
    assert again == replace(trained, out=finished.out, existing=True)
    assert contents(finished.out) == before
    assert not (finished.out / ".resume").exists()


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"seed": 4}, "--seed is 3 there and 4 here"),
    ({"steps": 21}, "--steps is 20 there and 21 here"),
    ({"architecture": "keras-mnist"}, "--architecture is conditional there and keras-mnist here"),
    ({"latent": 6}, "--latent is 5 there and 6 here"),
    ({"geometry": False}, "--geometry is True there and False here"),
    ({"learning_rate": 0.5}, "--learning-rate is 0.002 there and 0.5 here"),
    ({"n_train": 21}, "--n-train is 18 there and 21 here"),
    ({"save_at_loss": (9.0,)}, "--save-at-loss"),
    ({"source": SourceSpec("sample")}, "SOURCE is .*pictures there and sample here"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_another_request_is_refused_and_nothing_touched(
    change: dict[str, Any], message: str, finished: VaeTrainRequest
) -> None:
    before = contents(finished.out)
    with pytest.raises(RecipeError, match=f"finished model of another request: {message}"):
        vae_train(replace(finished, **change), SILENT)
    assert contents(finished.out) == before


def test_changed_pictures_are_another_request(
    request_: VaeTrainRequest, pictures: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(pictures, tmp_path / "copy")
    mine = replace(request_, source=SourceSpec(str(copy)), n_train=None)
    vae_train(mine, SILENT)
    Image.new("RGB", (WIDTH, HEIGHT)).save(copy / "bar" / "000.png")
    with pytest.raises(RecipeError, match="the images or labels of its SOURCE were others"):
        vae_train(mine, SILENT)


def test_an_unfinished_model_makes_no_dataset(request_: VaeTrainRequest, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        vae_train(request_, KillAt(7))
    for source, model in ((str(request_.out), None), ("sample", request_.out)):
        asked = ExpandRequest(SourceSpec(source), tmp_path / "made", (2,), model=model)
        with pytest.raises(InputDataError, match="not finished") as refused:
            expand(asked, SILENT)
        assert "it continues where it stopped" in str(refused.value)


def test_an_unfinished_training_is_not_mixed_with_another(request_: VaeTrainRequest) -> None:
    with pytest.raises(Killed):
        vae_train(request_, KillAt(7))
    before = contents(request_.out)
    with pytest.raises(RecipeError, match="unfinished training of another request: --seed"):
        vae_train(replace(request_, seed=4), SILENT)
    assert contents(request_.out) == before
    vae_train(request_, SILENT)


def test_a_diverged_training_says_so_and_makes_way(request_: VaeTrainRequest) -> None:
    wild = replace(request_, learning_rate=1e6, steps=100)
    for _ in range(2):
        with pytest.raises(TrainingDivergedError, match="Lower --learning-rate") as caught:
            vae_train(wild, SILENT)
        assert caught.value.exit_code == 1
        assert not (request_.out / CONFIG).exists()
    vae_train(request_, SILENT)
    assert set(load_model(request_.out).config.files) == {
        WEIGHTS,
        "checkpoints/loss-1000.safetensors",
        "checkpoints/loss-600.safetensors",
    }


def test_foreign_folders_are_left_alone(request_: VaeTrainRequest) -> None:
    request_.out.mkdir()
    (request_.out / "thesis.txt").write_text("years of work")
    with pytest.raises(RecipeError, match="holds files that are not a model"):
        vae_train(request_, SILENT)
    assert contents(request_.out) == {"thesis.txt": b"years of work"}
    with pytest.raises(RecipeError, match="is a file"):
        vae_train(replace(request_, out=request_.out / "thesis.txt"), SILENT)


STATE_FILE, ORDER_FILE = ".resume/state.safetensors", ".resume/order.json"
KEPT = "checkpoints/loss-1000.safetensors"


def cut(left: int) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(path.read_bytes()[:left])


def flip(place: float) -> Callable[[Path], Any]:
    """Flip a bit of the byte at this share of a file."""

    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[int(place * (len(data) - 1))] ^= 4
        path.write_bytes(data)

    return damage


def by(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def linked(path: Path) -> None:
    """Lead to a whole copy elsewhere: what is written there would be written elsewhere."""
    shutil.move(path, path.parents[2] / "thesis")
    path.symlink_to(path.parents[2] / "thesis")


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "empty": cut(0),
    "cut": cut(-2),
    "cut early": cut(900),
    "flipped at the start": flip(0),
    "flipped": flip(0.3),
    "flipped near the end": flip(0.9),
    "FIFO": by(os.mkfifo),
    "folder": by(Path.mkdir),
    "device": by(lambda path: path.symlink_to("/dev/zero")),
    "link to nowhere": by(lambda path: path.symlink_to("nowhere")),
    "link": linked,
}


@pytest.fixture(scope="module")
def interrupted(
    pictures: Path, tmp_path_factory: pytest.TempPathFactory, trained: VaeTrainResult
) -> Path:
    """Return the folder of a training that was killed after 17 steps, two losses reached."""
    out = tmp_path_factory.mktemp("interrupted") / "model"
    with pytest.raises(Killed):
        vae_train(request_for(pictures, out), KillAt(17))
    assert contents(out).keys() == {STATE_FILE, ORDER_FILE, KEPT, KEPT.replace("1000", "600")}
    return out


def assert_as_undisturbed(out: Path, trained: VaeTrainResult) -> None:
    """The model is that of a training that nothing happened to, and nothing else lies there."""
    ours, theirs = contents(out), contents(trained.out)
    for name in (WEIGHTS, KEPT, KEPT.replace("1000", "600")):
        assert ours[name] == theirs[name], name
    assert ours.keys() == theirs.keys() - {*PNGS} | {"loss.png"}
    assert [*out.glob("**/.*")] == []
    config = load_model(out).config
    assert config.files == trained.config.files
    assert config.result.reached == trained.config.result.reached


# All kinds for one file; the others are read the same way.
SOME_DAMAGE = ("cut", "flipped", "FIFO", "link")


@pytest.mark.parametrize(
    ("name", "damage"),
    [*((STATE_FILE, each) for each in DAMAGE), *((KEPT, each) for each in SOME_DAMAGE)],
)
def test_a_damaged_state_is_trained_again(
    name: str, damage: str, interrupted: Path, request_: VaeTrainRequest, trained: VaeTrainResult
) -> None:
    shutil.copytree(interrupted, request_.out)
    DAMAGE[damage](request_.out / name)
    told = KillAt(1000)
    vae_train(request_, told)
    assert "damaged" in told.said
    assert "begins from the start" in told.said
    assert "going on" not in told.said
    assert_as_undisturbed(request_.out, trained)
    if damage == "link":
        assert (request_.out.parent / "thesis").read_bytes() == (interrupted / name).read_bytes()


@pytest.mark.parametrize("damage", SOME_DAMAGE)
def test_a_damaged_order_is_written_again(
    damage: str, interrupted: Path, request_: VaeTrainRequest, trained: VaeTrainResult
) -> None:
    shutil.copytree(interrupted, request_.out)
    DAMAGE[damage](request_.out / ORDER_FILE)
    copy = (
        shutil.copytree(request_.out, request_.out.with_name("copy"), symlinks=True)
        if (damage in ("cut", "flipped"))
        else None
    )
    told = KillAt(1000)
    vae_train(request_, told)
    assert "order.json is damaged" in told.said
    assert "going on after step 15" in told.said
    assert_as_undisturbed(request_.out, trained)
    if copy is not None:  # the state tells whose it is, where the order does not
        with pytest.raises(RecipeError, match="unfinished training of another request"):
            vae_train(replace(request_, out=copy, seed=4), SILENT)
        assert (copy / STATE_FILE).exists()


def test_an_order_that_is_gone_is_written_again(
    interrupted: Path, request_: VaeTrainRequest, trained: VaeTrainResult
) -> None:
    shutil.copytree(interrupted, request_.out)
    (request_.out / ORDER_FILE).unlink()
    told = KillAt(1000)
    vae_train(request_, told)
    assert "going on after step 15" in told.said
    assert_as_undisturbed(request_.out, trained)


def test_the_state_of_another_training_is_not_gone_on_from(
    interrupted: Path, request_: VaeTrainRequest, trained: VaeTrainResult
) -> None:
    with pytest.raises(Killed):
        vae_train(replace(request_, seed=4, out=request_.out.with_name("other")), KillAt(7))
    shutil.copytree(interrupted, request_.out)
    shutil.copy(request_.out.with_name("other") / STATE_FILE, request_.out / STATE_FILE)
    vae_train(request_, SILENT)
    assert_as_undisturbed(request_.out, trained)


def test_what_a_killed_run_left_half_written_is_removed(
    interrupted: Path, request_: VaeTrainRequest, trained: VaeTrainResult
) -> None:
    shutil.copytree(interrupted, request_.out)
    for folder in (".", "checkpoints", ".resume"):
        (request_.out / folder / ".tmp-0123abcd").write_text("half")
    vae_train(request_, SILENT)
    assert_as_undisturbed(request_.out, trained)


def test_a_folder_that_leads_elsewhere_is_not_written_to(
    interrupted: Path, request_: VaeTrainRequest, trained: VaeTrainResult
) -> None:
    shutil.copytree(interrupted, request_.out)
    elsewhere = request_.out.parent / "elsewhere"
    (request_.out / "checkpoints").rename(elsewhere)
    (request_.out / "checkpoints").symlink_to(elsewhere)
    before = contents(elsewhere)
    vae_train(request_, SILENT)
    assert_as_undisturbed(request_.out, trained)
    assert contents(elsewhere) == before
    again = replace(request_, out=request_.out.parent / "again")
    again.out.mkdir()
    (again.out / ".resume").symlink_to(elsewhere)
    with pytest.raises(RecipeError, match="holds files that are not a model"):
        vae_train(again, SILENT)
    assert contents(elsewhere) == before


@pytest.mark.parametrize("name", [WEIGHTS, KEPT])
def test_a_finished_model_with_damaged_weights_is_not_answered_with(
    name: str, finished: VaeTrainRequest
) -> None:
    flip(0.8)(finished.out / name)
    with pytest.raises(InputDataError, match=rf"{name}: .* sha256 differs(.|\n)*delete") as caught:
        vae_train(finished, SILENT)
    assert caught.value.exit_code == 3


def test_two_at_once_in_one_folder_are_refused(request_: VaeTrainRequest) -> None:
    with (
        only_writer(request_.out / ".resume"),
        pytest.raises(RecipeError, match="another augfactory process is writing there"),
    ):
        vae_train(request_, SILENT)
    vae_train(replace(request_, lock="file"), SILENT)
    assert not (request_.out / ".resume").exists()


def test_class_names_that_are_none_are_refused(request_: VaeTrainRequest, tmp_path: Path) -> None:
    source = write_class_folders(tmp_path / "named", 6)
    next(each for each in source.iterdir() if each.is_dir()).rename(source / "two\vlines")
    with pytest.raises(InputDataError, match="control character"):
        vae_train(replace(request_, source=SourceSpec(str(source))), SILENT)
    assert not request_.out.exists()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"source": SourceSpec("sample:test")}, InputDataError, "test split"),
        ({"n_train": 2}, RecipeError, "3 classes"),
        ({"n_train": 1000}, RecipeError, "there are 36"),
        ({"steps": 0}, RecipeError, "--steps"),
        ({"batch": 1}, RecipeError, "--batch"),
        ({"learning_rate": float("nan")}, RecipeError, "--learning-rate"),
        ({"kl_weight": -1.0}, RecipeError, "--kl-weight"),
        ({"validation": 0.9}, RecipeError, "--validation"),
        ({"validation": 0.01}, RecipeError, "less than one image"),
        ({"latent": 0}, RecipeError, "--latent"),
        ({"latent": 10**9}, RecipeError, "--latent"),
        ({"architecture": "gan"}, RecipeError, "--architecture"),
        ({"device": "tpu"}, RecipeError, "--device"),
        ({"seed": -1}, RecipeError, "--seed"),
    ],
)
def test_refusals_leave_no_folder(
    change: dict[str, Any], error: type[Exception], message: str, request_: VaeTrainRequest
) -> None:
    with pytest.raises(error, match=message):
        vae_train(replace(request_, **change), SILENT)
    assert not request_.out.exists()


@pytest.mark.parametrize(("size", "message"), [((8, 20), "8×20"), ((16, 129), "16×129")])
def test_sizes_out_of_range_name_the_option(
    size: tuple[int, int], message: str, request_: VaeTrainRequest
) -> None:
    spec = replace(request_.source, size=size)
    with pytest.raises(InputDataError, match=rf"{message}(.|\n)*--size"):
        vae_train(replace(request_, source=spec), SILENT)


def test_a_full_disk_is_told_in_words(
    request_: VaeTrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ResourceError, match="the disk is full"):
        vae_train(request_, SILENT)


def test_sources_are_named_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert lasting_text("digits") == str(tmp_path / "digits")
    assert lasting_text("digits:train") == f"{tmp_path / 'digits'}:train"
    for text in ("sample", "sample:train", "torchvision:FashionMNIST:train"):
        assert lasting_text(text) == text
    (tmp_path / "sample").mkdir()
    assert lasting_text("./sample") == str(tmp_path / "sample")
