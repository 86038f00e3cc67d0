"""`info --row` names what a row was made from, as plan and shards have it."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.versions.info_row import as_text, info_row
from augfactory.errors import RecipeError, VerificationError
from augfactory.store.manifest import read_manifest
from tests.commands.made import SOURCES, expanded, write_parts
from tests.pictures import CLASSES, HEIGHT, WIDTH

MIXUP, RICAP = 3 * SOURCES, 5 * SOURCES


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rows")
    return expanded(write_parts(place), place / "d", n_train=True)


def stored(version: Path, row: int) -> dict[str, Any]:
    """Read the row's columns with h5py alone."""
    for path in sorted((version / "shards").iterdir()):
        with h5py.File(path) as shard:
            if row < len(shard["label"]):
                return {name: shard[name][row] for name in shard}
            row -= len(shard["label"])
    raise AssertionError


@pytest.mark.parametrize("row", [4, SOURCES + 3, MIXUP + 7, RICAP + 11])
def test_a_row_is_told_as_it_is_stored(made: Path, row: int) -> None:
    found, columns = info_row(str(made), row), stored(made, row)
    assert found.dataset == "d-x3@v1"
    assert (found.row, found.round, found.view) == (row, columns["round"], columns["view"])
    assert found.method == columns["method"].decode()
    shares = [found.label.get(name, 0.0) for name in CLASSES]
    assert np.array_equal(np.array(shares, dtype=np.float32), columns["soft_label"])
    used = columns["source_index"] >= 0
    assert [parent.source_index for parent in found.parents] == columns["source_index"][
        used
    ].tolist()
    assert [parent.weight for parent in found.parents] == columns["weight"][used].tolist()
    files = sorted((made.parents[1] / "parts/train").glob("*/*.png"))
    rows = read_manifest(made).source.rows
    for parent in found.parents:
        assert parent.source_row == rows[parent.source_index]
        path = files[parent.source_row]
        assert parent.name is not None
        assert parent.name.endswith(f"{path.parent.name}/{path.name}")


def test_the_drawn_numbers_are_those_of_the_plan(made: Path) -> None:
    plan = pq.read_table(made / "plan.parquet").to_pylist()
    varied = ("geometry_", "vary1_")
    for row, prefix in ((SOURCES + 3, varied), (MIXUP + 7, "mix1_"), (RICAP + 11, "mix2_")):
        drawn = info_row(str(made), row).drawn
        assert drawn == {
            name: value for name, value in plan[row].items() if name.startswith(prefix)
        }
        assert len(drawn) > 1
        assert plan[row]["noise_key"] == -1  # it serves decoded rows alone
    assert info_row(str(made), 4).drawn == {}


def test_mixed_rows_name_the_rows_that_were_mixed(made: Path) -> None:
    """Mixup mixes rows of the dataset here; their own parents are those of the mixture."""
    found = info_row(str(made), MIXUP + 7)
    assert len(found.parents) == 2
    for parent in found.parents:
        assert parent.row is not None
        assert stored(made, parent.row)["source_index"][0] == parent.source_index
        assert f"as row {parent.row} of this version" in as_text(found)
    assert {parent.row for parent in info_row(str(made), RICAP + 11).parents} == {None}


def test_a_version_outlives_its_source(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "d-x3/v1"
    shutil.copytree(made, copy)
    (copy / "manifest.json").chmod(0o644)
    values = json.loads((copy / "manifest.json").read_bytes())
    values["source"]["text"] = "gone"
    (copy / "manifest.json").write_text(json.dumps(values))
    found = info_row(str(copy), 4)
    assert [parent.name for parent in found.parents] == [None]
    assert found.parents[0].source_row == values["source"]["rows"][4]


def test_out_draws_the_row_beside_its_parents(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "row.png"
    found = info_row(str(made), MIXUP + 7, out)
    page = np.asarray(Image.open(out))
    rows = [parent.row for parent in found.parents]
    for row in (*rows, MIXUP + 7):
        assert row is not None
        assert holds(page, np.repeat(np.repeat(stored(made, row)["image"], 3, 0), 3, 1))
    assert not holds(page, np.repeat(np.repeat(stored(made, MIXUP + 8)["image"], 3, 0), 3, 1))


def holds(page: np.ndarray[Any, Any], tile: np.ndarray[Any, Any]) -> bool:
    assert tile.shape == (3 * HEIGHT, 3 * WIDTH, 3)
    starts = np.argwhere((page[: -len(tile), : -tile.shape[1]] == tile[0, 0]).all(axis=2))
    return any(
        np.array_equal(page[y : y + len(tile), x : x + tile.shape[1]], tile) for y, x in starts
    )


@pytest.mark.parametrize("row", [-1, 7 * SOURCES])
def test_a_row_that_is_not_there(made: Path, row: int) -> None:
    with pytest.raises(RecipeError, match=rf"has {7 * SOURCES} rows\n.*0 to {7 * SOURCES - 1}"):
        info_row(str(made), row)


def test_a_plan_that_cannot_be_read_is_named(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "v1"
    shutil.copytree(made, copy)
    (copy / "plan.parquet").chmod(0o644)
    (copy / "plan.parquet").write_bytes(b"no table")
    with pytest.raises(VerificationError, match=r"plan.parquet: has 8 bytes"):
        info_row(str(copy), 0)


def test_the_command(made: Path, tmp_path: Path) -> None:
    run, row = CliRunner().invoke, str(MIXUP + 7)
    told = run(app, ["info", str(made), "--row", row, "--out", str(tmp_path / "a.png")])
    assert told.exit_code == 0
    assert "method    mixup, round 0, view 0" in told.stdout
    assert (tmp_path / "a.png").is_file()
    answer = json.loads(run(app, ["info", str(made), "--row", row, "--json"]).stdout)
    assert (answer["dataset"], answer["row"], answer["method"]) == ("d-x3@v1", MIXUP + 7, "mixup")
    assert sum(answer["label"].values()) == pytest.approx(1)
    assert sum(parent["weight"] for parent in answer["parents"]) == pytest.approx(1)
    assert run(app, ["info", str(made), "--row", "999"]).exit_code == 2
    assert run(app, ["info", str(made), "--row", "1", "--quality"]).exit_code == 2
    assert run(app, ["info", str(made), "--out", "x.png"]).exit_code == 2


@pytest.mark.parametrize("row", [4, MIXUP + 7])
def test_images_that_have_changed_are_not_named(tmp_path: Path, row: int) -> None:
    """A name from a source of which the image is another now would be that of another image."""
    parts = write_parts(tmp_path)
    version = expanded(parts, tmp_path / "d", n_train=True)
    parents = info_row(str(version), row).parents
    assert all(parent.name is not None for parent in parents)
    files = sorted((parts / "train").glob("*/*.png"))
    changed = files[parents[-1].source_row]
    Image.fromarray(255 - np.asarray(Image.open(changed))).save(changed)
    names = [parent.name for parent in info_row(str(version), row).parents]
    assert names[-1] is None
    assert [name is None for name in names[:-1]] == [False] * (len(parents) - 1)
    shutil.copy(changed, files[0].with_name("0.png"))  # all others are shifted by one
    assert {parent.name for parent in info_row(str(version), row).parents} == {None}
