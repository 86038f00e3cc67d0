"""`augfactory expand --filter`, from a model to a version and back."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.expand import filtering
from augfactory.commands.expand.build import Dataset
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.vae.plan import VaeTrainRequest
from augfactory.commands.vae.train import vae_train
from augfactory.commands.versions.info import as_text, info
from augfactory.commands.versions.reproduce import reproduce
from augfactory.commands.versions.verify import verify
from augfactory.errors import InputDataError, RecipeError, ResourceError, VerificationError
from augfactory.evaluation.images import decoded_filter
from augfactory.records import SourceSpec
from augfactory.store.manifest import MANIFEST, PLAN, read_manifest
from augfactory.store.reader import open_version
from tests.commands.hostile import edit_manifest, rewrite, sums_anew
from tests.commands.versions import write_source
from tests.evaluation.memory import patterns


def made(model: Path, name: str | Path, workers: int = 1, **vae: Any) -> Dataset:
    request = ExpandRequest(
        SourceSpec(str(model)), Path(name), (4,), vae={"share": 0.5, **vae}, workers=workers,
        geometry={"preset": "texture"},
    )  # fmt: skip
    (dataset,) = expand(request, Progress())
    return dataset


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two steps, of whose images many are grey or anything, and its source."""
    folder = tmp_path_factory.mktemp("filter")
    images, labels = patterns("few", 60)
    write_source(folder / "tall.h5", np.repeat(np.repeat(images, 3, axis=1), 3, axis=2), labels)
    request = VaeTrainRequest(
        SourceSpec(str(folder / "tall.h5")), folder / "model", steps=2, batch=9, verdict=False
    )
    return vae_train(request, Progress()).out


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges learn for few steps only."""
    monkeypatch.setattr(decoded_filter, "STEPS", 12)


@pytest.fixture
def model(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model; what is made lies in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return trained


@pytest.fixture(scope="module")
def made_once(trained: Path) -> Dataset:
    """A filtered version, not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoded_filter, "STEPS", 12)
        return made(trained, trained.parent / "f", filter=True)


@pytest.fixture
def dataset(made_once: Dataset, tmp_path: Path) -> Dataset:
    """A copy of it, to be changed, from which its source and model are found as before."""
    copy = made_once.path.parents[1] / tmp_path.name / "v1"
    shutil.copytree(made_once.path, copy)
    return replace(made_once, path=copy)


def test_what_is_not_fit_is_drawn_again_and_counted(model: Path, made_once: Dataset) -> None:
    plain, filtered = made(model, "p"), made_once
    manifest = read_manifest(filtered.path)
    assert manifest.counts == read_manifest(plain.path).counts
    assert manifest.rejected is not None
    assert sorted(manifest.rejected) == ["blank", "copy", "kept", "unread"]
    total = {reason: sum(draws.values()) for reason, draws in manifest.rejected.items()}
    plan = pq.read_table(filtered.path / PLAN).to_pandas()
    decoded = plan[plan["method"] == "vae"]
    for reason in ("unread", "blank", "copy"):
        assert total[reason] == decoded[f"vae_{reason}"].sum()
    assert total["blank"] + total["unread"] > 10
    kept = decoded[["vae_unread", "vae_blank", "vae_copy"]].sum(axis=1) == 8
    assert total["kept"] == kept.sum() < len(decoded)
    ours, theirs = open_version(filtered.path), open_version(plain.path)
    rows = np.arange(len(ours.methods))
    same = (ours.source.read_images(rows) == theirs.source.read_images(rows)).all(axis=(1, 2, 3))
    untouched = plan[["vae_unread", "vae_blank", "vae_copy"]].sum(axis=1).to_numpy() == 0
    np.testing.assert_array_equal(same, untouched)
    assert "drawn again because classifiers" in as_text(*info(str(filtered.path)))
    assert "drawn again because classifiers" in " ".join(
        (filtered.path / "README.md").read_text().split()
    )
    assert read_manifest(plain.path).rejected is None
    assert "rejected" not in (plain.path / MANIFEST).read_text()


@pytest.mark.usefixtures("forked_workers")
def test_any_number_of_workers_makes_the_same(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augfactory.pipeline.plan.SHARD_ROWS", 64)
    monkeypatch.setattr("augfactory.commands.expand.rendering.shard.WORKER_BYTES", 1)
    alone = made(model, "one", filter=True)
    assert made(model, "two", workers=2, filter=True).content_hash == alone.content_hash


def test_made_again_it_is_the_same_whatever_judges_would_say_now(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verify(str(dataset.path), Progress()).content_hash == dataset.content_hash

    def nobody_asks(*_: object) -> None:
        raise AssertionError("judges were taught or asked again")

    monkeypatch.setattr(filtering, "judges_of", nobody_asks)
    monkeypatch.setattr(filtering, "reasons", nobody_asks)
    assert reproduce(str(dataset.path), Progress()).content_hash == dataset.content_hash


def test_what_an_interrupted_run_taught_is_taken_up(
    model: Path, made_once: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("augfactory.commands.expand.expand.render_shards", stop)
        with pytest.raises(KeyboardInterrupt):
            made(model, "again", filter=True)
    (building,) = Path("again-x4").glob(".building-*")
    assert (building / filtering.JUDGES).is_file()
    monkeypatch.setattr(filtering, "taught_filter", stop)
    assert made(model, "again", filter=True).content_hash == made_once.content_hash


def test_a_full_disk_is_told_before_anything_is_taught(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody_teaches(*_: object) -> None:
        raise AssertionError("judges were taught for a disk that is full")

    monkeypatch.setattr(filtering, "judges_of", nobody_teaches)
    monkeypatch.setattr("augfactory.store.disk.room.SPARE_BYTES", 2**70)
    with pytest.raises(ResourceError, match="this needs about"):
        made(model, "full", filter=True)
    assert not Path("full-x4").exists()


def test_an_edited_count_of_rejections_is_noticed(dataset: Dataset) -> None:

    def one_more(values: dict[str, Any]) -> None:
        kept = values["rejected"]["kept"]
        kept["class 0"] = kept.get("class 0", 0) + 1

    edit_manifest(dataset.path, one_more)
    with pytest.raises(VerificationError, match="rejected draws are not those of plan"):
        verify(str(dataset.path), Progress())
    with pytest.raises(VerificationError, match="rejected in its manifest"):
        reproduce(str(dataset.path), Progress())


@pytest.mark.parametrize("wrong", [0.5, 9.0, -1.0])
def test_a_plan_that_tells_no_draws_is_answered(dataset: Dataset, wrong: float) -> None:
    table = pq.read_table(dataset.path / PLAN)
    place = table.schema.names.index("vae_blank")
    values = table["vae_blank"].to_numpy().copy()
    values[np.flatnonzero(~np.isnan(values))[0]] = wrong
    table = table.set_column(place, "vae_blank", pa.array(values))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    rewrite(dataset.path / PLAN, sink.getvalue().to_pybytes())
    sums_anew(dataset.path)
    with pytest.raises(VerificationError, match="draw"):
        reproduce(str(dataset.path), Progress())


def test_what_cannot_be_filtered_is_told(model: Path, tmp_path: Path) -> None:
    images, labels = patterns("few", 20)
    few = np.repeat(np.repeat(images[[0, 1, 10, 11]], 3, axis=1), 3, axis=2)
    write_source(tmp_path / "few.h5", few, labels[[0, 1, 10, 11]])
    request = ExpandRequest(
        SourceSpec("few.h5"), Path("d"), (4,), model=model, vae={"filter": True}
    )
    with pytest.raises(InputDataError, match="too few to teach"):
        expand(request, Progress())
    with pytest.raises(RecipeError, match="true or false"):
        made(model, "d", filter="yes")
    answer = CliRunner().invoke(
        app, ["expand", "few.h5", "--factor", "2", "--filter", "--out", "d"]
    )
    assert answer.exit_code == 2
    assert "there is no model" in answer.stderr
