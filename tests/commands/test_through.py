"""`expand --through`: shards of machines that share no folder are those of this machine."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import s3fs
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.expand import pseudo_labelling
from augfactory.commands.expand.build import Dataset
from augfactory.commands.expand.estimate import estimate
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.rendering import elsewhere, libraries
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.versions.verify import verify
from augfactory.errors import RecipeError, ResourceError
from augfactory.evaluation.images import decoded_filter
from augfactory.pipeline import plan as planning
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec
from augfactory.store.beside.pseudo_label_table import PSEUDO_LABELS
from augfactory.store.manifest import library_versions
from augfactory.store.shards import RECORD, STATE
from tests.commands.made import train, write_parts
from tests.s3 import s3_server

PLACE = "memory://sent"
MIXED = (
    mix_stage("test", "mixup", 2, "expanded", {}),
    mix_stage("test", "ricap", 2, "originals", {}),
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source in colour and a model of it, which the machines that render do not see."""
    place = tmp_path_factory.mktemp("through")
    train(write_parts(place), place / "model")
    np.savez(place / "more.npz", images=np.random.default_rng(0).integers(
        0, 256, (30, 20, 16, 3), dtype=np.uint8))  # fmt: skip
    return place


@pytest.fixture(autouse=True)
def memory() -> Iterator[Any]:
    """An empty place in the memory of this process."""
    yield fsspec.filesystem("memory")
    fsspec.filesystem("memory").store.clear()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many shards, and classifiers that learn for few steps."""
    monkeypatch.setattr(planning, "rows_of_a_shard", lambda _: 16)
    monkeypatch.setattr(decoded_filter, "STEPS", 12)


def request(source: Path, out: Path, **more: Any) -> ExpandRequest:
    return ExpandRequest(SourceSpec(str(source)), out, (3,), mix=MIXED, **more)


def made(asked: ExpandRequest, through: str | None = PLACE) -> Dataset:
    (dataset,) = expand(replace(asked, through=through), Progress())
    return dataset


def test_more_than_one_shard_is_meant(parts: Path, tmp_path: Path) -> None:
    assert len([*(made(request(parts / "parts", tmp_path / "d")).path / "shards").iterdir()]) > 6


@pytest.mark.parametrize("storage", ["hdf5", "png", "webdataset"])
def test_shards_are_those_of_one_machine(parts: Path, tmp_path: Path, storage: str) -> None:
    asked = request(parts / "parts", tmp_path / "here", format=storage)
    here = made(asked, through=None)
    there = made(replace(asked, out=tmp_path / "there"))
    assert there.content_hash == here.content_hash
    for path in sorted((here.path).rglob("*")):
        own = there.path / path.relative_to(here.path)
        if path.is_file() and path.suffix in (".h5", ".png", ".tar", ".parquet"):
            assert path.name == "preview.png" or own.read_bytes() == path.read_bytes()
    assert verify(str(there.path), Progress()).content_hash == here.content_hash
    assert not fsspec.filesystem("memory").find("/sent")


def test_the_machines_need_no_source_and_no_model(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(parts / "model", tmp_path / "here", vae={"share": 0.5, "filter": True})
    here = made(asked, through=None)
    shutil.copytree(parts, tmp_path / "moved")
    rendered = elsewhere.render_sent

    def render_without(task: elsewhere.SentTask) -> None:
        (tmp_path / "moved").rename(tmp_path / "gone")
        try:
            rendered(task)
        finally:
            (tmp_path / "gone").rename(tmp_path / "moved")

    monkeypatch.setattr(elsewhere, "render_sent", render_without)
    model = SourceSpec(str(tmp_path / "moved" / "model"))
    elsewhere._folder_of.cache_clear()
    there = made(replace(asked, source=model, out=tmp_path / "there"))
    assert there.content_hash == here.content_hash


def test_unlabelled_images_travel_with_their_labels(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pseudo_labelling, "read_by_teacher", _reading)
    asked = request(
        parts / "parts",
        tmp_path / "here",
        unlabelled=SourceSpec(str(parts / "more.npz")),
        pseudo_label={"teachers": 2, "rounds": 1, "steps": 1},
        workers=1,
    )
    here = made(asked, through=None)
    monkeypatch.setattr("augfactory.commands.expand.expand.default_workers", lambda: 1)
    there = made(replace(asked, out=tmp_path / "there"))
    assert there.content_hash == here.content_hash
    tables = [each.path / PSEUDO_LABELS for each in (here, there)]
    assert tables[0].read_bytes() == tables[1].read_bytes()


def _reading(*args: Any, **_: Any) -> Any:
    from augfactory.evaluation.pseudo_labels import Reading

    source, unlabelled, folds, own = args[:4]
    held = np.count_nonzero(folds == own)
    random, classes = np.random.default_rng(own), len(source.class_names)
    return Reading(
        random.normal(size=(held, classes)), random.normal(size=(len(unlabelled), classes))
    )


def test_what_was_finished_before_an_interruption_is_taken(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = made(request(parts / "parts", tmp_path / "here"), through=None)
    rendered, calls = elsewhere.render_sent, list[int]()

    def stopping(task: elsewhere.SentTask) -> None:
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append(task.index)
        rendered(task)

    monkeypatch.setattr(elsewhere, "render_sent", stopping)
    asked = request(parts / "parts", tmp_path / "there")
    with pytest.raises(KeyboardInterrupt):
        made(asked)
    records = [p for p in fsspec.filesystem("memory").find("/sent") if p.endswith(RECORD)]
    assert len([path for path in records if "job" not in path]) == 4
    # Of what was fetched some is lost here; of what was sent, some there.
    (building,) = (tmp_path / "there-x3").glob(".building-*")
    (building / STATE / f"{calls[0]:05d}.{RECORD}").unlink()
    fsspec.filesystem("memory").rm(next(p for p in records if f"{calls[1]:05d}" in p))

    def counting(task: elsewhere.SentTask) -> None:
        calls.append(task.index)
        rendered(task)

    monkeypatch.setattr(elsewhere, "render_sent", counting)
    assert made(asked).content_hash == here.content_hash
    assert len(calls) == len({*calls}), "a shard that was sent was made again"


def test_what_other_libraries_rendered_there_is_made_again(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = made(request(parts / "parts", tmp_path / "here"), through=None)
    rendered, calls, said = elsewhere.render_sent, list[int](), list[str]()
    told = {**library_versions(), "pillow": "0.99"}

    def stopping(task: elsewhere.SentTask) -> None:
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append(task.index)
        rendered(task)

    with monkeypatch.context() as patched:
        patched.setattr(elsewhere, "render_sent", stopping)
        patched.setattr(libraries, "library_versions", lambda: told)
        with pytest.raises(KeyboardInterrupt):
            made(request(parts / "parts", tmp_path / "there"))
    shutil.rmtree(next((tmp_path / "there-x3").glob(".building-*")))  # those there are left

    def counting(task: elsewhere.SentTask) -> None:
        calls.append(task.index)
        rendered(task)

    monkeypatch.setattr(elsewhere, "render_sent", counting)
    monkeypatch.setattr(Progress, "say", lambda _, text: said.append(text))
    assert made(request(parts / "parts", tmp_path / "there")).content_hash == here.content_hash
    assert {*calls[:4]} < {*calls[4:]}
    assert any("pillow 0.99 and not" in text and PLACE in text for text in said)
    assert not fsspec.filesystem("memory").find("/sent")


def test_a_shard_that_was_damaged_there_is_told(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = elsewhere.render_sent

    def damaging(task: elsewhere.SentTask) -> None:
        rendered(task)
        memory = fsspec.filesystem("memory")
        path = next(path for path in memory.find("/sent") if path.endswith(".h5"))
        memory.pipe(path, b"another content")

    monkeypatch.setattr(elsewhere, "render_sent", damaging)
    with pytest.raises(ResourceError, match="is damaged there"):
        made(request(parts / "parts", tmp_path / "d"))
    assert not [*(tmp_path / "d-x3").glob("v*")]


def test_a_place_that_cannot_be_emptied_is_told(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise PermissionError("nothing may be removed")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "rm", refusing)
    said: list[str] = []

    class Saying(Progress):
        def say(self, text: str) -> None:
            said.append(text)

    expand(replace(request(parts / "parts", tmp_path / "d"), through=PLACE), Saying())
    assert any("was not emptied" in line and "nothing may be removed" in line for line in said)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_s3_server_serves(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.undo()  # in processes of their own shards have their size
    asked = replace(request(parts / "parts", tmp_path / "here"), factors=(300,))
    here = made(asked, through=None)
    assert len([*(here.path / "shards").iterdir()]) > 3
    with s3_server(monkeypatch.setenv):
        there = made(replace(asked, out=tmp_path / "there", workers=workers), "s3://sets/scratch")
        assert there.content_hash == here.content_hash
        s3fs.S3FileSystem.clear_instance_cache()
        assert not s3fs.S3FileSystem().find("sets")


def test_a_bucket_that_is_not_there_is_told(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server(monkeypatch.setenv), pytest.raises(ResourceError, match="Check the address"):
        made(request(parts / "parts", tmp_path / "d"), "s3://nowhere/d")


@pytest.mark.parametrize(
    ("through", "what"),
    [
        ("scratch", "is a folder"),
        ("/mnt/scratch", "is a folder"),
        ("nosuch://bucket", "is not an address"),
    ],
)
def test_what_is_no_place_is_refused_before_anything_is_made(
    parts: Path, tmp_path: Path, through: str, what: str
) -> None:
    asked = request(parts / "parts", tmp_path / "d")
    with pytest.raises(RecipeError, match=what) as caught:
        made(asked, through)
    assert "s3://BUCKET/NAME" in caught.value.remedy
    with pytest.raises(RecipeError, match=what):  # --dry-run says so, too
        estimate(replace(asked, through=through), Progress())
    assert not (tmp_path / "d-x3").exists()


def test_it_is_for_a_cluster(parts: Path, tmp_path: Path) -> None:
    asked = ["expand", str(parts / "parts"), "--factor", "2", "--out", str(tmp_path / "d")]
    done = CliRunner().invoke(app, [*asked, "--through", "s3://sets/d"])
    assert done.exit_code == 2
    assert "Add --engine ray" in done.stderr


def test_what_needs_a_shared_folder_is_refused(parts: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    asked = ["expand", str(parts / "parts"), "--factor", "2", "--out", str(tmp_path / "d")]
    more = ["--auto", "--engine", "ray", "--through", "s3://sets/d"]
    done = CliRunner().invoke(app, [*asked, *more])
    assert done.exit_code == 2
    assert "--through --auto" in done.stderr
