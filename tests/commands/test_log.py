"""`log` lists versions, newest first, with what sets each apart from the one before."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.versions.log import as_json, log
from augfactory.errors import InputDataError
from augfactory.store.manifest import read_manifest
from tests.commands.made import SOURCES, expanded, write_parts


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of three versions: of a subset, of another seed, of the whole source as PNG."""
    place = tmp_path_factory.mktemp("logged")
    parts = write_parts(place)
    expanded(parts, place / "d", n_train=True)
    expanded(parts, place / "d", n_train=True, seed=5)
    expanded(parts, place / "d", seed=5, storage="png")
    return place / "d-x3"


def test_versions_are_listed_newest_first_with_what_changed(dataset: Path) -> None:
    found = as_json(log(str(dataset)))
    assert found["name"] == "d-x3"
    newest, second, first = found["versions"]
    assert [each["version"] for each in (newest, second, first)] == ["v3", "v2", "v1"]
    assert first["changes"] is None
    subset = read_manifest(dataset / "v1").source.rows, read_manifest(dataset / "v2").source.rows
    both = len(set(subset[0]) & set(subset[1]))
    rows_changed = [f"source rows +{SOURCES - both} −{SOURCES - both}"] if both < SOURCES else []
    assert second["changes"] == ["seed 0 → 5", *rows_changed]
    assert newest["changes"] == ["format hdf5 → png", f"source rows +{24 - SOURCES} −0"]
    assert first["recipe"] == "x3, geometry photo, randaugment, mixup 2, ricap 2, seed 0"
    assert newest["recipe"].endswith("seed 5, png")
    for each in found["versions"]:
        manifest = read_manifest(Path(each["path"]))
        assert each["content_hash"] == manifest.content_hash
        assert (each["created"], each["rows"]) == (manifest.created, manifest.rows)


def test_an_address_lists_what_was_there_by_then(dataset: Path) -> None:
    assert [entry.manifest.version for entry in log(f"{dataset}@v2")] == ["v2", "v1"]
    assert [entry.manifest.version for entry in log(str(dataset / "v1"))] == ["v1"]


def test_the_command_prints_a_line_for_each(dataset: Path) -> None:
    done = CliRunner().invoke(app, ["log", str(dataset)])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == [
        "d-x3@v3",
        "d-x3@v2",
        "d-x3@v1",
    ]
    assert sum("changed: " in line for line in lines) == 2
    answer = CliRunner().invoke(app, ["log", str(dataset), "--json"])
    assert [each["version"] for each in json.loads(answer.stdout)["versions"]] == ["v3", "v2", "v1"]


def test_a_name_that_is_not_there(dataset: Path) -> None:
    with pytest.raises(InputDataError, match="there is no dataset of this name"):
        log(str(dataset.with_name("nothing")))
    assert CliRunner().invoke(app, ["log", "nothing"]).exit_code == 3
