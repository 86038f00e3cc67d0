"""`export --without`: a version without the rejected rows, which tells which ones it lacks."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.versions.reproduce import reproduce
from augfactory.commands.versions.verify import verify
from augfactory.evaluation.images import decoded_filter
from augfactory.records import SourceSpec
from augfactory.store.manifest import PLAN, Manifest, read_manifest
from augfactory.store.reader import open_version
from tests.cli.in_process import answer, run
from tests.commands.hostile import edit_manifest
from tests.commands.made import SOURCES, expanded, train

MIXUP, ROWS = 3 * SOURCES, 7 * SOURCES


def rejects(place: Path, *rows: int) -> Path:
    path = place / f"rows-{len(rows)}.txt"
    path.write_text("\n".join(map(str, rows)))
    return path


def plan_of(version: Path, table: str = PLAN) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = pq.read_table(version / table).to_pylist()
    return lines


def counted(version: Path) -> dict[str, dict[str, int]]:
    """Count the rows that are stored, method by method and class by class."""
    opened = open_version(version)
    found: dict[str, dict[str, int]] = {}
    for method, label in zip(opened.methods.tolist(), opened.source.labels.tolist(), strict=True):
        own = found.setdefault(method, {})
        name = opened.source.class_names[label]
        own[name] = own.get(name, 0) + 1
    return found


def check_holds(version: Path, whole: Path, left_out: list[int]) -> Manifest:
    """Hold a version to be the other rows of ``whole``, to verify and to be rendered again."""
    one, two = open_version(whole), open_version(version)
    kept = np.delete(np.arange(len(one.methods)), left_out)
    every = np.arange(len(kept))
    assert np.array_equal(two.source.read_images(every), one.source.read_images(kept))
    assert np.array_equal(two.source.read_soft_labels(every), one.source.read_soft_labels(kept))
    assert np.array_equal(two.source_index, one.source_index[kept])
    manifest = two.manifest
    assert manifest.left_out_from is not None
    assert manifest.left_out_from.content_hash == one.manifest.content_hash
    assert (manifest.recipe["left_out"], manifest.rows) == (left_out, len(kept))
    assert manifest.counts == counted(version)
    assert verify(str(version), Progress()).rows == len(kept)
    assert reproduce(str(version), Progress()).rows == len(kept)
    return manifest


def test_a_version_without_rejected_rows_tells_which(place: Path) -> None:
    whole = place / "d-x3/v1"
    parents = np.array([line["parent_row"] for line in plan_of(whole)])
    mixed = MIXUP + int(np.flatnonzero((parents[MIXUP:, :2] >= SOURCES).all(axis=1))[0])
    parent = int(parents[mixed, 0])
    left_out = sorted({3, parent, ROWS - 1})
    listed = rejects(place, *left_out)
    made = answer("export", "d-x3", "--without", listed, cwd=place)["datasets"][0]
    assert (made["version"], made["rows"]) == ("v2", ROWS - 3)
    second = place / "d-x3/v2"
    manifest = check_holds(second, whole, left_out)
    assert manifest.semantic_version == "2.0.0"
    # The same again is the same version, and the dataset itself is asked for as before.
    again = answer("export", "d-x3@v1", "--without", listed, cwd=place)["datasets"][0]
    assert (again["version"], again["existing"]) == ("v2", True)
    assert expanded(place / "parts", place / "d", n_train=True).name == "v1"

    lines = plan_of(second)
    kept = np.delete(np.arange(ROWS), left_out)
    assert [line["row"] for line in lines] == [*range(ROWS - 3)]
    assert [line["row_before"] for line in lines] == kept.tolist()
    assert [line["parent_row_before"] for line in lines] == parents[kept].tolist()
    expected = [
        [-2 if p in left_out else -1 if p < 0 else kept.tolist().index(p) for p in own]
        for own in parents[kept].tolist()
    ]
    assert [line["parent_row"] for line in lines] == expected
    gone = plan_of(second, "left-out.parquet")
    before = [line for line in plan_of(whole) if line["row"] in left_out]
    assert str(gone) == str(before)  # NaN equals nothing

    row = kept.tolist().index(mixed)
    told = run("info", "d-x3", "--row", str(row), cwd=place).stdout
    assert f"d-x3@v2 row {row}, row {mixed} of d-x3@v1" in told
    assert f"as row {parent} of d-x3@v1, which is left out here" in told
    named = f"3 rows of d-x3@v1: {left_out[0]}, {left_out[1]}, {left_out[2]}"
    assert named in run("info", "d-x3", cwd=place).stdout
    card = " ".join((second / "README.md").read_text().split())
    assert named.replace(":", ", which are left out:") in card
    assert "left_out none → 3 rows" in run("log", "d-x3", cwd=place).stdout
    assert (
        "d-x3@v1, of which rejected rows (3) are left out"
        in (second / "croissant.json").read_text()
    )
    removed = answer("diff", "d-x3@v1", "d-x3@v2", cwd=place)["rows"]
    assert (removed["same"], removed["removed"]["rows"]) == (ROWS - 3, 3)
    assert removed["added"]["rows"] == 0
    run("preview", "d-x3@v2", "--html", "--out", "page.html", cwd=place)


def test_rows_are_left_out_of_what_lacks_rows_already(place: Path) -> None:
    run("export", "d-x3", "--without", rejects(place, 4, 40), cwd=place)
    # Rows 3 and 4 of it are 3 and 5 of the first, row 50 is 52.
    told = run(
        "export", "d-x3", "--without", rejects(place, 3, 4, 50),
        "--to", "parquet", "--out", "other", cwd=place,
    )  # fmt: skip
    assert told.stdout.split()[0] == "other@v1"
    left_out = [3, 4, 5, 40, 52]
    manifest = check_holds(place / "other/v1", place / "d-x3/v1", left_out)
    assert (manifest.format, manifest.exported_from and manifest.exported_from.version) == (
        "parquet",
        "v2",
    )
    assert [line["row"] for line in plan_of(place / "other/v1", "left-out.parquet")] == left_out
    # Stored in another way, it lacks the same rows.
    run("export", "other", "--to", "png", cwd=place)
    check_holds(place / "other/v2", place / "d-x3/v1", left_out)
    assert read_manifest(place / "other/v2").semantic_version == "1.0.1"


def test_what_cannot_be_left_out_is_refused(place: Path) -> None:
    opened = open_version(place / "d-x3/v1")
    name = opened.source.class_names[1]
    of_one = np.flatnonzero(opened.source.labels == 1).tolist()
    told = run("export", "d-x3", "--without", rejects(place, *of_one), cwd=place, code=3).stderr
    assert f"all rows of {name} are in it" in told
    assert not (place / "d-x3/v2").exists()
    run("export", "d-x3", "--without", rejects(place, 2), cwd=place)
    refused = run("expand", "d-x3@v2", "--reject", rejects(place, 20), cwd=place, code=3).stderr
    assert "it is stored without rows of d-x3@v1" in refused
    assert "augfactory expand --reject FILE d-x3@v1" in refused


def test_a_manifest_that_hides_what_is_left_out_is_found(place: Path) -> None:
    run("export", "d-x3", "--without", rejects(place, 2), cwd=place)
    folder = place / "d-x3/v2"
    edit_manifest(folder, lambda told: told["recipe"].update(left_out=[ROWS]))
    run("verify", "d-x3@v2", cwd=place, code=4)
    edit_manifest(folder, lambda told: told["recipe"].pop("left_out"))
    told = run("verify", "d-x3@v2", cwd=place, code=4).stderr
    assert "it does not tell of which version rows were left out" in told


def test_filtered_rows_are_rendered_again_where_some_are_left_out(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded_filter, "STEPS", 2)
    model = train(made / "parts", tmp_path / "model")
    request = ExpandRequest(
        SourceSpec(str(model)), tmp_path / "f", (3,),
        vae={"share": 0.5, "filter": True}, geometry={"preset": "texture"},
    )  # fmt: skip
    whole = expand(request, Progress())[0].path
    opened = open_version(whole)
    assert opened.manifest.rejected is not None
    often = [
        row
        for row, line in enumerate(plan_of(whole))
        if opened.methods[row] == "vae" and sum(line[f"vae_{why}"] for why in ("unread", "copy"))
    ]
    left_out = sorted({0, often[0]})
    run("export", "f-x3", "--without", rejects(tmp_path, *left_out), cwd=tmp_path)
    manifest = check_holds(tmp_path / "f-x3/v2", whole, left_out)
    assert manifest.rejected not in (None, opened.manifest.rejected)
