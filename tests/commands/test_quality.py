"""`augfactory info --quality` on dataset versions that lie on the disk."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.evaluate.quality import quality
from augfactory.commands.evaluate.quality_tables import (
    HEAD,
    JUDGED_HEAD,
    JUDGED_LEGEND,
    LEGEND,
    as_json,
    as_text,
    write_rows,
)
from augfactory.commands.progress import Progress
from augfactory.commands.vae import decoded_images
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation.images.features import random_features
from augfactory.records import SourceSpec
from augfactory.store.reader import open_version
from tests.commands.versions import write_source, write_version
from tests.evaluation.memory import CLASS_NAMES, IMAGE_SHAPE, patterns

CHOSEN = list(range(20, 80))  # positions in the dataset differ from rows of the source


@dataclass(frozen=True)
class Bench:
    """A working folder with a source, other images of its kind, and a dataset x4."""

    folder: Path
    train: SourceSpec
    other: SourceSpec


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(decoded_images, "STEPS", 25)
    train = write_source(tmp_path / "train.h5", *patterns("train", 100))
    other = write_source(tmp_path / "other.h5", *patterns("other", 70))
    write_version(tmp_path / "made-x4/v1", train, CHOSEN, 4)
    return Bench(tmp_path, train, other)


def test_each_method_is_compared_with_the_originals(bench: Bench) -> None:
    result = quality("made-x4", Progress(), bench.other)
    found = json.loads(json.dumps(as_json(result), allow_nan=False))
    space = random_features(IMAGE_SHAPE)
    assert found["features"] == {"name": space.name, "sha256": space.sha256}
    assert (found["neighbours"], found["originals"]) == (5, 60)
    assert found["held_out"]["source"] == bench.other.text
    new = found["held_out"]["overall"]
    assert new["rows"] == 70
    assert new["authentic"] > 0.3
    ratio = found["methods"]["vae"]["overall"]["distance"] / new["distance"]
    assert list(found["methods"]) == ["vae"]
    vae = found["methods"]["vae"]
    assert list(vae["classes"]) == list(CLASS_NAMES)
    assert vae["overall"]["rows"] == 180
    assert {each["rows"] for each in vae["classes"].values()} == {18}
    assert {each["real_rows"] for each in vae["classes"].values()} == {6}
    # The copies under noise of ±20 lie nearer than new images under noise of ±40.
    assert vae["overall"]["precision"] == 1
    assert vae["overall"]["authentic"] < 0.05
    assert vae["overall"]["distance_ratio"] == pytest.approx(ratio)
    assert ratio < 0.8
    lines = as_text(result).splitlines()
    assert lines[-7:] == ["", *LEGEND]
    table = lines[lines.index("vae") + 1 :][:12]
    assert [line.split("  ")[0].strip() for line in table] == ["class", *CLASS_NAMES, "all"]
    assert table[-1].split()[:2] == ["all", "180"]
    assert ["vae", "180", "60", "5"] in [line.split()[:4] for line in lines]


def test_classifiers_that_learnt_no_original_of_a_row_judge_it(bench: Bench) -> None:
    result = quality("made-x4", Progress(), bench.other)
    found = json.loads(json.dumps(as_json(result), allow_nan=False))
    own = found["originals_judged"]["overall"]
    vae = found["methods"]["vae"]["judged"]["overall"]
    new = found["held_out"]["judged"]["overall"]
    assert (own["rows"], vae["rows"], new["rows"]) == (60, 180, 70)
    assert min(own["read"], vae["read"], new["read"]) > 0.8  # fixed patterns under noise
    assert own["own"] == 0
    assert 0 < vae["own"] < 1  # copies under noise
    assert new["own"] is None
    assert vae["sharpness"] > 1  # noise upon noise
    assert list(found["methods"]["vae"]["judged"]["classes"]) == list(CLASS_NAMES)


def test_too_few_originals_are_not_judged(bench: Bench) -> None:
    write_version(bench.folder / "few-x5/v1", bench.train, CHOSEN[:5], 5)
    result = quality("few-x5", Progress())
    found = json.loads(json.dumps(as_json(result), allow_nan=False))
    assert found["originals_judged"] is None
    assert found["methods"]["vae"]["judged"] is None
    assert "no classifier can judge" in as_text(result)
    write_rows(result, bench.folder / "rows.parquet")
    read = pq.read_table(bench.folder / "rows.parquet")["read"].to_numpy()
    assert np.isnan(read).all()


def test_every_column_is_explained_in_the_help_as_under_the_table(bench: Bench) -> None:
    for column in JUDGED_HEAD[2:]:
        assert re.search(rf"\b{column}\b", " ".join(JUDGED_LEGEND)), column
    for column in HEAD[1:]:
        assert re.search(rf"\b{column}\b", " ".join(LEGEND)), column
    told = " ".join(CliRunner().invoke(app, ["info", "--help"]).stdout.split())
    assert " ".join(" ".join(JUDGED_LEGEND).split()) in told
    for line in LEGEND:
        assert " ".join(line.split()) in told
    bare = as_text(quality("made-x4", Progress())).splitlines()
    assert bare[-6:] == ["", *LEGEND[:-1]]
    assert all(line in bare for line in JUDGED_LEGEND)


def test_each_row_names_the_source_it_is_nearest_to(bench: Bench) -> None:
    result = quality("made-x4", Progress())
    write_rows(result, bench.folder / "rows.parquet")
    table = pq.read_table(bench.folder / "rows.parquet").to_pydict()
    version = open_version(bench.folder / "made-x4/v1")
    assert table["row"] == list(range(60, 240))
    assert set(table["method"]) == {"vae"}
    assert table["label"] == version.source.labels[60:].tolist()
    assert table["nearest_source"] == version.source_index[60:, 0].tolist()
    images = version.source.read_images(np.arange(240))
    features = random_features(IMAGE_SHAPE).extract(images).astype(np.float64)
    gap = np.linalg.norm(features[60:] - features[np.array(table["nearest_source"])], axis=1)
    assert table["distance"] == pytest.approx(gap, abs=1e-6)
    assert np.mean(table["authentic"]) < 0.05
    write_rows(replace(result, origin=1000 + result.origin[::-1]), bench.folder / "rows.parquet")
    other = pq.read_table(bench.folder / "rows.parquet")["nearest_source"].to_pylist()
    assert other == [1059 - position for position in table["nearest_source"]]


def test_originals_that_were_left_out_are_read_from_their_source(bench: Bench) -> None:
    write_version(bench.folder / "bare-x3/v1", bench.train, CHOSEN, 3, originals=False)
    result = quality("bare-x3", Progress())
    write_rows(result, bench.folder / "rows.parquet")
    nearest = pq.read_table(bench.folder / "rows.parquet")["nearest_source"].to_pylist()
    assert nearest == list(range(60)) * 3
    assert as_json(result)["methods"]["vae"]["overall"]["rows"] == 180
    write_source(bench.folder / "train.h5", *patterns("changed", 100))
    with pytest.raises(InputDataError, match="no longer those that bare-x3@v1 was made from"):
        quality("bare-x3", Progress())


def test_without_generated_rows_there_is_nothing_to_compare(bench: Bench) -> None:
    write_version(bench.folder / "plain-x1/v1", bench.train, CHOSEN, 1)
    result = quality("plain-x1", Progress())
    assert as_json(result)["methods"] == {}
    assert "nothing to compare" in as_text(result)
    write_rows(result, bench.folder / "rows.parquet")
    assert pq.read_table(bench.folder / "rows.parquet").num_rows == 0


def test_what_cannot_be_compared_is_refused(bench: Bench) -> None:
    with pytest.raises(InputDataError, match=r"one of the originals, made-x4@v1 row 0"):
        quality("made-x4", Progress(), bench.train)
    images, labels = patterns("other", 70)
    turned = write_source(bench.folder / "turned.h5", images.reshape(70, 6, 9, 3), labels)
    with pytest.raises(InputDataError, match="6×9 RGB, those of made-x4@v1 are 9×6 RGB"):
        quality("made-x4", Progress(), turned)
    write_version(bench.folder / "single-x5/v1", bench.train, CHOSEN[:1], 5)
    with pytest.raises(InputDataError, match="made from a single image"):
        quality("single-x5", Progress())


def test_held_out_images_are_converted_as_the_originals_were(bench: Bench) -> None:
    small = replace(bench.train, size=(8, 5), colour="grey")
    write_version(bench.folder / "small-x2/v1", small, CHOSEN, 2)
    result = quality("small-x2", Progress(), bench.other)
    assert result.methods["vae"].quality.overall.distance_ratio is not None


def test_info_shows_the_quality_and_leaves_the_version_as_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded_images, "STEPS", 3)  # how well classifiers judge is not looked at
    version = bench.folder / "made-x4/v1"
    before = {path: path.read_bytes() for path in version.rglob("*") if path.is_file()}
    run = CliRunner().invoke
    plain = run(app, ["info", "made-x4", "--json"])
    assert "quality" not in json.loads(plain.stdout)
    options = ["--held-out", "other.h5", "--quality-out", "rows.parquet"]
    told = run(app, ["info", "made-x4", "--quality", *options, "--json"])
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    expected = as_json(quality("made-x4", Progress(), SourceSpec("other.h5")))
    assert answer == {**json.loads(plain.stdout), "quality": json.loads(json.dumps(expected))}
    assert pq.read_table("rows.parquet").num_rows == 180
    shown = run(app, ["info", "made-x4", "--quality", "--quiet"])
    assert shown.stdout.startswith(run(app, ["info", "made-x4"]).stdout)
    assert shown.stdout.endswith(as_text(quality("made-x4", Progress())) + "\n")
    assert shown.stderr == ""
    after = {path: path.read_bytes() for path in version.rglob("*") if path.is_file()}
    assert after == before
    refused = run(app, ["info", "made-x4", "--quality-out", "nowhere/rows.parquet"])
    assert refused.exit_code == RecipeError.exit_code
    assert "--quality-out" in refused.stderr
