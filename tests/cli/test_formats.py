"""Parquet and WebDataset, and `export`, as a user runs them: kills of real processes, refusals."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.cli import in_process
from tests.cli.in_process import answer
from tests.commands.tiny import stand_in_for
from tests.pictures import write_class_folders
from tests.processes import StopCommand

FORMATS = ("hdf5", "parquet", "webdataset", "lance")
REQUEST = ("expand", "parts", "--factor", 40, "--mixup", 5)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with training and test images and one dataset of three shards."""
    folder = tmp_path_factory.mktemp("place")
    write_class_folders(folder / "parts" / "train", 12)
    write_class_folders(folder / "parts" / "test", 6, seed=1)
    answer(*REQUEST, "--out", "whole", cwd=folder)
    return folder


def data_of(version: Path) -> dict[str, str]:
    return {
        str(path.relative_to(version)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("data", "shards", "train.lance/data", "train.lance/_versions")
        for path in sorted(version.glob(f"{folder}/*"))
    }


@pytest.mark.parametrize(
    ("storage", "killed"), [("parquet", "expand"), ("webdataset", "export"), ("lance", "expand")]
)
def test_expand_and_export_end_with_the_same_bytes_after_a_kill_too(
    place: Path, storage: str, killed: str, stop_command: StopCommand
) -> None:
    whole = answer("info", "whole-x40", cwd=place)
    dry = answer(*REQUEST, "--format", storage, "--out", storage, "--dry-run", cwd=place)
    name, out = f"{storage}-x40", f"{storage}-export"
    requests = {
        "expand": (name, (*REQUEST, "--format", storage, "--out", storage, "--workers", 1)),
        "export": (out, ("export", "whole-x40@v1", "--to", storage, "--out", out)),
    }
    where, request = requests[killed]
    stop_command(*request, cwd=place, once=f"{where}/.building-*/.state/0*.json")
    assert not list(place.glob(f"{where}/v*"))
    assert "not finished" in in_process.run("info", where, cwd=place, code=3).stderr
    ended = {
        command: in_process.run(*request, "--json", cwd=place)
        for command, (_, request) in requests.items()
    }
    for command, done in ended.items():
        assert ("are kept from an earlier run" in done.stderr) == (command == killed)
        dataset = json.loads(done.stdout)["datasets"][0]
        assert dataset["content_hash"] == whole["content_hash"]
        assert answer("verify", f"{dataset['name']}@v1", cwd=place)["verified"]
    assert data_of(place / name / "v1") == data_of(place / out / "v1")
    told = answer("info", name, cwd=place)
    size = sum(
        one["size"]
        for one in told["files"]
        if one["path"].startswith(("data/", "shards/", "train.l"))
    )
    assert size < dry["datasets"][0]["bytes"] < 20 * size
    assert not list(place.glob(f"{name}/.building-*"))


def test_evaluate_reads_every_format_alike(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for("quick", monkeypatch)
    monkeypatch.setattr("augfactory.commands.evaluate.report.write_report", lambda *_: [])
    made = ("expand", "parts", "--factor", 2, "--mixup", 1)
    names = [f"{storage}-e-x2" for storage in FORMATS]
    for storage in FORMATS:
        answer(*made, "--format", storage, "--out", f"{storage}-e", cwd=place)
    request = ("--test", "parts:test", "--seeds", 1, "--steps", 4, "--workers", 1, "--out", "ev")
    found = answer("evaluate", *names, *request, cwd=place)
    arms = [arm for arm in found["arms"] if arm["name"] in names]
    assert len(arms) == len(FORMATS)
    assert len({json.dumps({**arm, "name": ""}["nll"]) for arm in arms}) == 1


def test_export_says_what_is_wrong(place: Path) -> None:
    unknown = in_process.run("export", "whole-x40", "--to", "parkuet", cwd=place, code=2)
    assert "Did you mean 'parquet'?" in unknown.stderr
    absent = in_process.run("export", "hole-x40", "--to", "parquet", cwd=place, code=3)
    assert "Did you mean whole-x40" in absent.stderr
    quiet = in_process.run("export", "whole-x40", "--to", "hdf5", "--quiet", cwd=place)
    assert quiet.stderr == ""
    assert quiet.stdout == "whole-x40@v1  whole-x40/v1  exists already\n"
    first = in_process.run("expand", "parts", "--factor", 2, "--out", "broken", cwd=place)
    assert "Earlier versions" not in first.stdout
    other = ("expand", "parts", "--factor", 2, "--preset", "texture", "--out", "broken")
    second = in_process.run(*other, cwd=place).stdout
    assert "broken-x2@v2" in second
    assert "Earlier versions are kept: augfactory log broken-x2\n" in second
    shutil.rmtree(place / "broken-x2" / "v2")
    taken = in_process.run("preview", "whole-x40", "--out", "parts", cwd=place, code=5)
    assert "It is a folder: name a file in it, or another one." in taken.stderr
    shard = place / "broken-x2" / "v1" / "shards" / "00000.h5"
    shard.chmod(0o644)
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    damaged = in_process.run("export", "broken-x2", "--to", "parquet", cwd=place, code=4)
    assert "shards/00000.h5: is not as it was published" in damaged.stderr
    assert "Traceback" not in damaged.stderr + unknown.stderr + absent.stderr
    assert not list(place.glob("broken-x2/.building-*"))
