"""Nothing that is handed on names a folder of the machine that it was made on."""

import shlex
import shutil
from pathlib import Path

import pytest

from augfactory.commands.evaluate.evaluate import evaluate
from augfactory.commands.evaluate.request import EvaluateRequest
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.versions.export import export
from augfactory.commands.versions.lay_out import lay_out
from augfactory.commands.versions.reproduce import reproduce
from augfactory.records import SourceSpec
from augfactory.store.manifest import read_manifest
from augfactory.store.manifest_parts import About
from augfactory.vae.config import read_config
from tests.cli.in_process import answer, run
from tests.commands.made import SOURCES, train, write_parts
from tests.commands.tiny import stand_in_for


def naming(folder: Path, text: bytes) -> list[str]:
    """Return the files under ``folder`` that hold ``text``."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path.relative_to(folder)) for path in files if text in path.read_bytes()]


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return write_parts(tmp_path / "at home")


def made_with_model(parts: Path, base: Path) -> tuple[Path, Path]:
    """Train and expand, every path typed from the root of the disk; return version and model."""
    model = train(parts, base / "models" / "m")
    request = ExpandRequest(SourceSpec(str(model)), base / "sets" / "d", (2,))
    return expand(request, Progress())[0].path, model


def test_no_file_of_anything_holds_the_place_where_it_was_made(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for("quick", monkeypatch)
    root = str(tmp_path).encode()
    version, model = made_with_model(parts, tmp_path)
    other = export(str(version), "png", tmp_path / "sets" / "png", Progress()).path
    lay_out(str(version), "hf", tmp_path / "hf", Progress(), validation=SourceSpec(f"{parts}:test"))
    monkeypatch.chdir("/")  # with which they share no folder
    result = evaluate(
        EvaluateRequest(
            (str(version),),
            SourceSpec(f"{parts}:test"),
            classifier="quick",
            seeds=1,
            steps=3,
            out=tmp_path / "evaluation",
        ),
        Progress(),
    )
    # What is told here can be typed here; what is handed on cannot.
    assert {str(version), f"{parts}:test"} <= set(shlex.split(result.next_here))
    assert {"d-x2/v1", "parts:test"} <= set(shlex.split(result.verdict.next))
    for folder in (version, model, other, tmp_path / "hf", tmp_path / "evaluation"):
        assert naming(folder, root) == [], folder
    for entry in (read_manifest(version).source, read_config(model).source):
        assert entry.text == "parts"
    assert reproduce(str(version), Progress()).rows == 2 * SOURCES
    assert reproduce(str(other), Progress()).rows == 2 * SOURCES


def test_what_shares_only_the_root_of_the_disk_is_remembered_by_this_user(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("os.path.commonpath", lambda _: "/")
    version, model = made_with_model(parts, tmp_path)
    manifest = read_manifest(version)
    assert manifest.source.place is None
    assert manifest.model is not None
    assert (manifest.model["folder"], manifest.model["place"]) == ("m", None)
    assert naming(version, b"at home") == []
    assert naming(model, b"at home") == []
    assert reproduce(str(version), Progress()).rows == 2 * SOURCES
    shutil.rmtree(tmp_path / "cache" / "augfactory" / "places")
    named = reproduce(str(version), Progress(), source=str(parts), model=model)
    assert named.rows == 2 * SOURCES


def test_licence_description_and_author_change_no_identity(tmp_path: Path) -> None:
    parts = write_parts(tmp_path)
    plain = answer("expand", parts, "--factor", 2, "--out", "a", "--workers", 1, cwd=tmp_path)
    words = ("--licence", "MIT", "--description", "Nuts and bolts.", "--author", "Us")
    line = ("expand", parts, "--factor", 2, "--workers", 1, *words)
    told = answer(*line, "--out", "b", cwd=tmp_path)
    first, second = plain["datasets"][0], told["datasets"][0]
    assert first["content_hash"] == second["content_hash"]
    ours, theirs = (read_manifest(tmp_path / each["path"]) for each in (first, second))
    assert ours.recipe_id == theirs.recipe_id
    assert (ours.about, theirs.about) == (
        None,
        About(licence="MIT", description="Nuts and bolts.", author="Us"),
    )
    card = (tmp_path / second["path"] / "README.md").read_text(encoding="utf-8")
    assert "license: mit\n" in card
    said = run(*line, "--out", "a", cwd=tmp_path).stderr
    assert "its card stays as it was" in said
    assert "--author" in run(*line[:-1], "a\nb", "--out", "c", cwd=tmp_path, code=2).stderr
