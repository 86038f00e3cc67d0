"""`reproduce` renders a version again, tells what differs, and leaves nothing behind."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.progress import Bar, Progress
from augfactory.commands.versions import rendered
from augfactory.commands.versions.reproduce import Reproduced, reproduce
from augfactory.errors import InputDataError, RecipeError, ResourceError, VerificationError
from augfactory.pipeline.render import render_block
from augfactory.store.manifest import read_manifest
from augfactory.store.reader import read_row_ranges
from tests.commands.made import SOURCES, expanded, train, write_parts
from tests.commands.versions import read_rows


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source, two models, a dataset of the first and one without a model."""
    place = tmp_path_factory.mktemp("made")
    parts = write_parts(place)
    expanded(train(parts, place / "model"), place / "vae")
    train(parts, place / "other", seed=1)
    expanded(parts, place / "plain", n_train=True)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same folder, for one test to break; nothing may stay in the temporary folder."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    shutil.copytree(made, tmp_path / "place")
    for path in (tmp_path / "place").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    yield tmp_path / "place"
    assert list(temporary.iterdir()) == []
    assert not list((tmp_path / "place").rglob(".building-*"))


def edit(version: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads((version / "manifest.json").read_bytes())
    change(values)
    (version / "manifest.json").write_text(json.dumps(values))


def again(version: Path, **options: Any) -> Reproduced:
    return reproduce(str(version), Progress(), **options)


@pytest.mark.parametrize("name", ["vae-x3", "plain-x3"])
def test_a_version_is_rendered_again_bit_by_bit(place: Path, name: str) -> None:
    manifest = read_manifest(place / name / "v1")
    assert {"mixup", "ricap", "vae" if name == "vae-x3" else "geometry"} <= set(manifest.counts)
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    found = again(place / name / "v1")
    assert (found.rows, found.content_hash) == (SOURCES * 7, manifest.content_hash)
    assert found.warnings == ()
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before


@pytest.mark.usefixtures("forked_workers")
def test_a_png_tree_and_two_workers(
    place: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from augfactory.commands.expand.rendering import shard

    monkeypatch.setattr(shard, "WORKER_BYTES", 1)  # else so few rows are left to one process
    version = expanded(made / "model", place / "tree", storage="png")
    found = again(version, workers=2)
    assert found.content_hash == read_manifest(made / "vae-x3/v1").content_hash


def test_another_seed_in_the_manifest_gives_other_rows(place: Path) -> None:
    version = place / "plain-x3/v1"
    edit(version, lambda values: values["recipe"].update(seed=9))
    with pytest.raises(
        VerificationError,
        match=rf"not the same: \d+ of {SOURCES * 7} rows differ, "
        rf"the first is row {SOURCES} in shards/00000.h5 \(rows 0 to {3 * SOURCES - 1}\)",
    ):
        again(version)


def test_an_edited_byte_of_the_files_is_told_with_its_row(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendered, "read_row_ranges", partial(read_row_ranges, rows=25))
    version = place / "vae-x3/v1"
    shard = version / "shards/00001.h5"
    data = bytearray(shard.read_bytes())
    pixels = read_rows(shard).image
    data[data.index(pixels[4].tobytes()) + 17] ^= 1
    shard.write_bytes(data)
    row = 3 * SOURCES + 4
    with pytest.raises(
        VerificationError,
        match=rf"its files hold something else: 1 of {SOURCES * 7} rows differ, "
        rf"the first is row {row} in shards/00001.h5",
    ):
        again(version)


def test_rendering_that_changed_is_found(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a method had been changed without a new number."""
    from augfactory.commands.expand.rendering import shard as render

    def brighter(*arguments: Any) -> Any:
        images, labels = render_block(*arguments)
        if arguments[1].method[0] == "ricap":
            images = images ^ np.uint8(1)
        return images, labels

    monkeypatch.setattr(render, "render_block", brighter)
    with pytest.raises(VerificationError, match=rf"{2 * SOURCES} of .*row {5 * SOURCES} in"):
        again(place / "plain-x3/v1")


def test_a_source_that_changed_is_told(place: Path) -> None:
    copy = place / "parts"
    assert again(place / "plain-x3/v1", source=str(copy)).rows == SOURCES * 7
    path = sorted((copy / "train").glob("*/*.png"))[
        read_manifest(place / "plain-x3/v1").source.rows[0]
    ]
    pixels = np.array(Image.open(path), dtype=np.uint8)
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    with pytest.raises(InputDataError, match=r"no longer those that plain-x3@v1 was made from"):
        again(place / "plain-x3/v1", source=str(copy))


def test_a_source_with_fewer_rows_is_told(place: Path) -> None:
    for path in sorted((place / "parts/train/frame").iterdir()):
        path.unlink() if path.stem > "000" else None
    with pytest.raises(InputDataError, match=r"it has 17 rows, and not"):
        again(place / "plain-x3/v1", source=str(place / "parts"))


def test_a_source_that_is_gone_is_told_and_can_be_named(place: Path) -> None:
    version = place / "plain-x3/v1"
    edit(version, lambda values: values["source"].update(text="gone/parts", place="gone"))
    with pytest.raises(InputDataError, match=r"gone/parts: [^\n]*no such[^\n]*\n.*--source"):
        again(version)
    assert again(version, source=str(place / "parts")).rows == SOURCES * 7


def test_a_model_that_is_gone_is_told_and_can_be_named(place: Path) -> None:
    version = place / "vae-x3/v1"
    edit(version, lambda values: values["model"].update(folder="gone/model", place="gone"))
    with pytest.raises(InputDataError, match=r"gone/model: [^\n]*no finished[^\n]*\n.*--model"):
        again(version)
    assert again(version, model=place / "model").rows == SOURCES * 7
    edit(version, lambda values: [values["model"].pop(key) for key in ("folder", "place")])
    with pytest.raises(InputDataError, match=r"does not say where its model is"):
        again(version)
    assert again(version, model=place / "model").rows == SOURCES * 7


def test_another_model_is_told(place: Path) -> None:
    with pytest.raises(InputDataError, match=r"none of its weights are those that vae-x3@v1"):
        again(place / "vae-x3/v1", model=place / "other")
    weights = place / "model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(InputDataError, match=r"its sha256 differs"):
        again(place / "vae-x3/v1", model=place / "model")


def test_the_weights_are_found_among_the_checkpoints_of_a_model(place: Path) -> None:
    """As where a training went on after the version was made."""
    other, weights = place / "other", (place / "model/model.safetensors").read_bytes()
    (other / "checkpoints").mkdir(exist_ok=True)
    (other / "checkpoints/loss-7.safetensors").write_bytes(weights)
    config = json.loads((other / "config.json").read_bytes())
    digest = hashlib.sha256(weights).hexdigest()
    config["files"]["checkpoints/loss-7.safetensors"] = digest
    (other / "config.json").write_text(json.dumps(config))
    assert again(place / "vae-x3/v1", model=other).rows == SOURCES * 7


def test_a_model_for_a_version_without_one_is_refused(place: Path) -> None:
    with pytest.raises(RecipeError, match=r"plain-x3@v1 was made without a model"):
        again(place / "plain-x3/v1", model=place / "model")


def test_other_versions_of_methods_and_libraries_are_told_before_rendering(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = place / "plain-x3/v1"
    edit(version, lambda values: values["libraries"].update(numpy="0.1"))
    edit(version, lambda values: values["versions"].update(ricap=0))
    said: list[str] = []

    class Listening(Progress):
        def say(self, text: str) -> None:
            said.append(text)

        @contextmanager
        def bar(self, text: str, total: int, unit: str, done: int = 0) -> Iterator[Bar]:
            del total, unit, done
            said.append(text)
            yield Bar()

    found = reproduce(str(version), Listening())
    assert found.warnings[0] == "method version differs: ricap 0 → 1"
    assert found.warnings[1].startswith("library differs: numpy 0.1 → ")
    assert said.index(f"warning: {found.warnings[1]}") < said.index("making reproduction")
    edit(version, lambda values: values["recipe"].update(seed=1))
    with pytest.raises(VerificationError, match=r"ricap 0 → 1; library differs: numpy"):
        again(version)


def test_a_recipe_of_another_program_is_told(place: Path) -> None:
    version = place / "plain-x3/v1"
    edit(version, lambda values: values["recipe"]["mix"][0].update(method="mixdown"))
    with pytest.raises(
        InputDataError,
        match=r"not one that this program can render: mix.0.method: there is no method 'mixdown'",
    ):
        again(version)


class Killed(BaseException):
    """What Ctrl-C looks like from inside."""


class KillWhileMaking(Progress):
    """Break off when the first shard is there."""

    @contextmanager
    def bar(self, text: str, total: int, unit: str, done: int = 0) -> Iterator[Bar]:
        del total, unit, done

        class Fuse(Bar):
            def advance(self, done: int = 1, latest: str = "", **figures: float) -> None:
                del done, latest, figures
                if text.startswith("making"):
                    shards = list(Path(tempfile.gettempdir()).rglob("shards/*.h5"))
                    assert shards, "it is not rendered where this test looks"
                    raise Killed

        yield Fuse()


def test_an_interruption_leaves_nothing_behind(place: Path) -> None:
    with pytest.raises(Killed):
        reproduce(str(place / "plain-x3/v1"), KillWhileMaking())


def test_a_full_disk_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augfactory.store.disk.room.SPARE_BYTES", 2**60)
    with pytest.raises(ResourceError, match="TMPDIR"):
        again(place / "plain-x3/v1")


def test_the_command_answers_with_words_and_exit_codes(place: Path) -> None:
    version = str(place / "plain-x3/v1")
    run = CliRunner().invoke
    told = run(app, ["reproduce", version, "--workers", "1", "--quiet"])
    assert told.exit_code == 0
    assert told.stdout.startswith("identical: plain-x3@v1, 105 rows, content ")
    answer = run(app, ["reproduce", version, "--workers", "1", "--json", "--quiet"])
    assert json.loads(answer.stdout)["identical"] is True
    assert run(app, ["reproduce", version, "--source", "gone", "--quiet"]).exit_code == 3
    edit(place / "plain-x3/v1", lambda values: values.update(content_hash="0" * 64))
    wrong = run(app, ["reproduce", version, "--workers", "1", "--json", "--quiet"])
    assert wrong.exit_code == 4
    assert json.loads(wrong.stdout)["error"]["exit_code"] == 4
