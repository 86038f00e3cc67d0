"""The three daily commands as a user runs them: real processes, real files, kills; refusals."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from augfactory.commands.expand.rendering import shard
from tests.cli import in_process
from tests.pictures import HEIGHT, WIDTH, write_class_folders
from tests.processes import RunCommand, StopCommand

STEPS = 10


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, run_command: RunCommand) -> Path:
    """Return a folder with training and test images and a model trained on eight per class."""
    folder = tmp_path_factory.mktemp("place")
    write_class_folders(folder / "parts" / "train", 12)
    write_class_folders(folder / "parts" / "test", 6, seed=1)
    run_command(
        "vae-train",
        "parts",
        "--n-train",
        24,
        "--out",
        "model",
        "--steps",
        STEPS,
        "--seed",
        3,
        "--no-verdict",
        cwd=folder,
    )
    return folder


@pytest.fixture(scope="module")
def made(place: Path) -> list[dict[str, Any]]:
    """Return what was said of d-x10@v1, which several tests use."""
    datasets = in_process.answer("expand", "model", "--factor", 10, "--out", "d", cwd=place)[
        "datasets"
    ]
    assert isinstance(datasets, list)
    return datasets


def test_expand_makes_exactly_k_images_per_source(place: Path, made: list[dict[str, Any]]) -> None:
    assert [(one["name"], one["version"], one["rows"]) for one in made] == [("d-x10", "v1", 240)]
    columns: dict[str, list[Any]] = {}
    for path in sorted((place / made[0]["path"] / "shards").iterdir()):
        with h5py.File(path) as shard:
            for name, column in shard.items():
                columns.setdefault(name, []).append(column[:])
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    assert whole["image"].shape == (240, HEIGHT, WIDTH, 3)
    assert np.allclose(whole["soft_label"].sum(axis=1), 1, atol=1e-6)
    assert np.bincount(whole["soft_label"].argmax(axis=1)).tolist() == [80, 80, 80]
    assert np.bincount(whole["label"]).tolist() == [80, 80, 80]
    assert np.bincount(whole["source_index"][:, 0]).tolist() == [10] * 24
    methods, counts = np.unique(whole["method"], return_counts=True)
    made_by = dict(zip(methods.tolist(), counts.tolist(), strict=True))
    assert made_by == {b"original": 24, b"geometry": 90, b"vae": 30, b"mixup": 96}
    in_process.run("verify", "d-x10@v1", cwd=place)


def test_same_request_is_answered_with_the_version_that_exists(
    place: Path, made: list[dict[str, Any]]
) -> None:
    again = in_process.answer("expand", "model", "--factor", 10, "--out", "d", cwd=place)[
        "datasets"
    ][0]
    assert again == {**made[0], "existing": True}
    other = in_process.answer(
        "expand", "model", "--factor", 10, "--out", "d", "--seed", 1, cwd=place
    )
    assert other["datasets"][0]["version"] == "v2"
    assert other["datasets"][0]["content_hash"] != made[0]["content_hash"]


@contextlib.contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch have so many threads when a command begins."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def test_workers_formats_and_kills_do_not_change_a_pixel(
    place: Path, monkeypatch: pytest.MonkeyPatch, stop_command: StopCommand
) -> None:
    # Of few pixels one process does all the work, whatever is asked for.
    monkeypatch.setattr(shard, "WORKER_BYTES", 2**18)
    request = ("expand", "model", "--factor", 20, "--mixup", 10, "--ricap", 2, "--augmix", 2)
    made = []
    for name, threads, *more in (
        ("one", 2, "--workers", 1),
        ("two", 1, "--workers", 2),
        ("tree", 1, "--workers", 1, "--format", "png"),
    ):
        with torch_threads(threads):
            made.append(in_process.run(*request, "--out", name, *more, "--json", cwd=place))
    killed = (*request, "--out", "killed", "--workers", 1)
    stop_command(*killed, cwd=place, once="killed-x20/.building-*/.state/0*.json", count=2)
    assert not list(place.glob("killed-x20/v*"))
    in_process.run("info", "killed-x20", cwd=place, code=3)
    made.append(in_process.run(*killed, "--json", cwd=place))
    assert "are kept from an earlier run" in made[-1].stderr
    assert len({json.loads(done.stdout)["datasets"][0]["content_hash"] for done in made}) == 1
    cards = [
        (place / f"{name}-x20/v1/README.md").read_text("utf-8").replace(f"{name}-x20", "")
        for name in ("one", "two", "killed")
    ]
    assert len({" ".join(card.split()) for card in cards}) == 1  # names of other lengths wrap so


def test_interrupt_says_how_to_go_on(place: Path, stop_command: StopCommand) -> None:
    request = ("expand", "model", "--factor", 500, "--out", "int")
    done = stop_command(*request, cwd=place, once="int-x500/.building-*", number=signal.SIGINT)
    assert done.returncode == 130
    assert "augfactory expand model --factor 500 --out int" in done.stderr
    assert "Traceback" not in done.stderr


def test_originals_and_labels_remake_every_mixed_row(place: Path) -> None:
    """Re-mix from the stored columns alone; count pixels where images have one colour each."""
    random = np.random.default_rng(0)
    colours = random.permutation(256)[:30].astype(np.uint8)
    images = np.broadcast_to(colours[:, None, None, None], (30, 9, 13, 3))
    np.savez(place / "flat.npz", images=images, labels=np.arange(30) % 3)
    request = ("expand", "flat.npz", "--factor", 1, "--mixup", 5, "--ricap", 5, "--cutmix", 5)
    made = in_process.answer(*request, "--augmix", 3, "--out", "m", cwd=place)["datasets"][0]
    assert made["rows"] == 30 * (1 + 5 + 5 + 5 + 3)
    with h5py.File(place / made["path"] / "shards" / "00000.h5") as shard:
        assert np.array_equal(shard["image"][:], images)
    shards = sorted((place / made["path"] / "shards").iterdir())[1:]
    seen = []
    for path in shards:
        with h5py.File(path) as shard:
            made_images, method = shard["image"][:], shard["method"][0].decode()
            sources, weights = shard["source_index"][:], shard["weight"][:]
            soft_labels = shard["soft_label"][:]
        seen.append(method)
        labels = np.eye(3)[sources % 3] * (weights * (sources >= 0))[:, :, None]
        assert np.allclose(soft_labels, labels.sum(axis=1), atol=1e-6)
        if method == "mixup":
            mixed = (weights[:, :2, None, None, None] * images[sources[:, :2]]).sum(axis=1)
            assert np.array_equal(made_images, np.rint(mixed).astype(np.uint8))
        elif method in ("ricap", "cutmix"):
            for image, row, shares in zip(made_images, sources, weights, strict=True):
                for source in set(row[row >= 0].tolist()):
                    pixels = (image[:, :, 0] == colours[source]).sum()
                    assert np.float32(pixels / (9 * 13)) == shares[row == source].sum()
    assert seen == ["mixup", "ricap", "cutmix", "augmix"]


def test_a_recipe_file_says_all_of_it(place: Path) -> None:
    (place / "recipe.toml").write_text(
        """factor = 3
        [vae]
        sampler = "posterior"
        [[mix]]
        method = "mixup"
        copies = 2
        parents = 3
        from = "originals"
        """
    )
    made = in_process.answer("expand", "model", "--recipe", "recipe.toml", "--out", "r", cwd=place)
    assert made["datasets"][0]["rows"] == 24 * 5
    told = in_process.answer("info", "r-x3", cwd=place)
    assert {name: sum(counts.values()) for name, counts in told["counts"].items()} == {
        "original": 24,
        "geometry": 36,
        "vae": 12,
        "mixup": 48,
    }
    (place / "typo.toml").write_text("factor = 3\n[[mix]]\nmethod = 'mixup'\ncopis = 2\n")
    done = in_process.run(
        "expand", "model", "--recipe", "typo.toml", "--out", "r", cwd=place, code=2
    )
    assert "typo.toml, mix 1" in done.stderr


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        ((), {"original": 36, "geometry": 72, "mixup": 36}),
        (("--ricap", 2), {"original": 36, "geometry": 108, "ricap": 72}),
    ],
)
def test_without_a_model_geometry_makes_the_further_images(
    place: Path, asked: tuple[object, ...], counts: dict[str, int]
) -> None:
    made = in_process.answer("expand", "parts", "--factor", 4, *asked, "--out", "g", cwd=place)[
        "datasets"
    ][0]
    told = in_process.answer("info", f"g-x4@{made['version']}", cwd=place)["counts"]
    assert {name: sum(each.values()) for name, each in told.items()} == counts
    assert made["rows"] == sum(counts.values())
    for method in ("original", "geometry"):
        assert len(set(told[method].values())) == 1  # equal classes stay equal


def test_dry_run_writes_nothing(place: Path) -> None:
    said = in_process.answer(
        "expand", "model", "--factor", 50, "--out", "dry", "--dry-run", cwd=place
    )
    assert said["datasets"][0]["rows"] == 1200
    assert said["datasets"][0]["bytes"] > 1200 * HEIGHT * WIDTH * 3
    assert said["datasets"][0]["disk_left"] > 0
    assert not list(place.glob("dry*"))


@pytest.mark.usefixtures("made")
def test_evaluate_answers_with_arms(place: Path, run_command: RunCommand) -> None:
    done = run_command(
        "evaluate",
        "d-x10@v1",
        "--test",
        "parts:test",
        "--seeds",
        2,
        "--steps",
        5,
        "--workers",
        1,
        "--out",
        "ev",
        "--json",
        cwd=place,
    )
    found = json.loads(done.stdout)
    assert [arm["name"] for arm in found["arms"]] == [
        "originals",
        "originals+geometry",
        "originals+geometry+mixup",
        "originals+geometry+randaugment+mixup",
        "d-x10",
    ]
    best = max(found["arms"][:4], key=lambda arm: arm["accuracy"]["mean"])
    assert found["baseline"] == best["name"]
    for arm in found["arms"]:
        assert len(arm["accuracy"]["values"]) == 2
        assert set(arm["accuracy"]) >= {"mean", "std", "values"}
    assert {"results.json", "results.csv", "accuracy.png", "report.html"} <= set(
        os.listdir(place / "ev")
    )


@pytest.mark.usefixtures("made")
def test_evaluate_refuses_training_images_as_test(place: Path) -> None:
    done = in_process.run("evaluate", "d-x10@v1", "--test", "parts:train", cwd=place, code=3)
    assert "d-x10@v1 row" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("expand", "model", "--factor", "0", "--out", "x"), 2, "--factor"),
        (("expand", "model", "--out", "x"), 2, "--factor"),
        (("expand", "model", "--factor", "2", "--out", "x", "--mixup", "-1"), 2, "--mixup"),
        (("expand", "parts", "--factor", "2", "--no-geometry", "--out", "x"), 2, "vae-train"),
        (("expand", "parts", "--factor", "2", "--out", "x", "--sampler", "posterior"), 2, "model"),
        (("expand", "model", "--recipe", "none.toml", "--out", "x"), 2, "none.toml"),
        (("expand", "parts:test", "--model", "model", "--factor", "2", "--out", "x"), 3, "test"),
        (("expand", "nowhere", "--factor", "2", "--out", "x"), 3, "nowhere"),
        (("expand", "model", "--factor", "2", "--out", "x", "--format", "pgn"), 2, "'png'"),
        (
            ("expand", "model", "--factor", "2", "--out", "x", "--sampler", "same-clas"),
            2,
            "'same-class'",
        ),
        (("expand", "model", "--factor", "2", "--out", "x", "--reach", "-1"), 2, "reach"),
        (("vae-train", "parts:test", "--out", "x"), 3, "test"),
        (("vae-train", "parts", "--out", "model"), 2, "--out"),
        (("info", "nothing"), 3, "nothing"),
        (("frobnicate",), 2, "frobnicate"),
    ],
)
def test_what_a_user_gets_wrong(
    place: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = in_process.run(*arguments, cwd=place, code=code)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (place / "x").exists()
    assert not list(place.glob("x-x*/v*"))
