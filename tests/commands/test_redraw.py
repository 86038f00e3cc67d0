"""`expand --reject`: rejected rows are drawn anew, and no other row changes by a byte."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.rendering import shard
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.vae.plan import VaeTrainRequest
from augfactory.commands.vae.train import vae_train
from augfactory.commands.versions.reproduce import reproduce
from augfactory.commands.versions.verify import verify
from augfactory.errors import ResourceError
from augfactory.evaluation.images import decoded_filter
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.pipeline.render import render_block
from augfactory.records import Int64Array, SourceSpec
from augfactory.store.manifest import PLAN, read_manifest
from augfactory.store.reader import Version, open_version, read_parent_rows
from augfactory.store.shards import publish_shard
from tests.cli.in_process import answer, run
from tests.commands.hostile import edit_manifest
from tests.commands.made import SOURCES
from tests.commands.versions import write_source
from tests.evaluation.memory import patterns

MIXUP, RICAP = 3 * SOURCES, 5 * SOURCES


def listed(version: Path, *rows: int) -> Path:
    """Write the list that the page of this version would save."""
    manifest = read_manifest(version)
    path = version.parents[1] / f"{manifest.name}-{manifest.version}-rejects.json"
    told = {
        "version": f"{manifest.name}@{manifest.version}",
        "content_hash": manifest.content_hash,
        "rejected": rows,
    }
    path.write_text(json.dumps(told))
    return path


def changed(before: Version, after: Version) -> list[int]:
    """Return the rows whose pixels or labels differ."""
    rows = np.arange(len(before.methods))
    pixels, labels = (
        np.array(read(rows) != other(rows)).reshape(len(rows), -1).any(axis=1)
        for read, other in (
            (before.source.read_images, after.source.read_images),
            (before.source.read_soft_labels, after.source.read_soft_labels),
        )
    )
    found: list[int] = np.flatnonzero(pixels | labels).tolist()
    return found


def plan_of(version: Path) -> dict[int, dict[str, Any]]:
    return {line["row"]: line for line in pq.read_table(version / PLAN).to_pylist()}


def mixed_of(version: Version, row: int) -> Int64Array:
    """Return the pixels of a mixup of two rows as they are in ``version``, computed by hand."""
    parents = read_parent_rows(version)[row][:2]
    images = version.source.read_images(parents).astype(np.float64)
    return np.rint(np.tensordot(version.weight[row][:2], images, axes=1)).astype(np.int64)


def test_rejected_rows_alone_are_drawn_anew_and_again(place: Path) -> None:
    first = place / "d-x3/v1"
    one = open_version(first)
    parents = read_parent_rows(one)
    # A mixture of two images that were varied, and as even as there is one.
    varied = np.flatnonzero((parents[MIXUP:RICAP, :2] >= SOURCES).all(axis=1)) + MIXUP
    mixed = int(varied[one.weight[varied].max(axis=1).argmin()])
    parent = int(parents[mixed][0])
    assert one.weight[mixed].max() < 0.9
    others = [row for row in range(MIXUP, RICAP) if parent in parents[row] and row != mixed]
    rows = sorted([parent, SOURCES + 3, RICAP + 2])
    told = run("expand", "d-x3", "--reject", listed(first, *rows), cwd=place)
    assert told.stdout.split()[0] == "d-x3@v2"
    assert f"row{'s' * bool(others)} " in told.stderr
    assert str(mixed) in told.stderr.partition("mixed from rejected rows")[0]
    two = open_version(place / "d-x3/v2")
    assert changed(one, two) == rows
    assert np.array_equal(two.source_index[parent], one.source_index[parent])
    assert (two.methods == one.methods).all()
    # What was mixed from it is mixed from what it was; mixed anew it is of what it is.
    assert np.abs(mixed_of(one, mixed) - two.source.read_images(np.array([mixed]))[0]).max() == 0

    rows = sorted([parent, mixed])
    again = run("expand", "d-x3", "--reject", listed(place / "d-x3/v2", *rows), cwd=place)
    assert again.stdout.split()[0] == "d-x3@v3"
    three = open_version(place / "d-x3/v3")
    assert changed(two, three) == rows
    assert parent in changed(one, three)
    assert (
        np.abs(mixed_of(three, mixed) - three.source.read_images(np.array([mixed]))[0]).max() == 0
    )
    for version in (two, three):
        assert reproduce(str(version.folder), Progress()).rows == 7 * SOURCES
        assert verify(str(version.folder), Progress()).rows == 7 * SOURCES


def test_what_was_rejected_is_kept_and_told(place: Path) -> None:
    first = place / "d-x3/v1"
    manifest = read_manifest(first)
    assert "redrawn" not in first.joinpath("manifest.json").read_text()
    answer("expand", first, "--reject", listed(first, 40, 41, MIXUP), cwd=place)
    found = read_manifest(place / "d-x3/v2")
    assert found.rejected_rows == [[40, 41, MIXUP]]
    (of,) = found.redrawn_from
    assert (of.name, of.version, of.content_hash) == ("d-x3", "v1", manifest.content_hash)
    assert found.recipe == {**manifest.recipe, "redrawn": [[[40, 0], [41, 0], [MIXUP, 0]]]}
    assert f"3 rejected rows of d-x3@v1: 40–41, {MIXUP}" in run("info", "d-x3", cwd=place).stdout
    card = " ".join((place / "d-x3/v2/README.md").read_text().split())
    assert f"drawn anew: 40–41, {MIXUP} of d-x3@v1. All others are as they were." in card
    assert '"redrawn"' not in card
    croissant = (place / "d-x3/v2/croissant.json").read_text()
    assert "of which rejected rows were drawn anew" in croissant
    said = run("diff", "d-x3@v1", "d-x3@v2", cwd=place).stdout
    assert "redrawn none → 3 rows" in said
    assert f"{7 * SOURCES - 3} rows are the same" in said
    assert "3 rows drawn anew" in run("log", "d-x3", cwd=place).stdout
    copied = answer("export", "d-x3@v2", "--to", "png", cwd=place)["datasets"][0]
    assert copied["content_hash"] == found.content_hash
    assert read_manifest(place / copied["path"]).redrawn_from == found.redrawn_from


def test_the_same_list_is_answered_with_the_version_that_it_made(place: Path) -> None:
    path = listed(place / "d-x3/v1", SOURCES)
    made = [answer("expand", "d-x3", "--reject", path, cwd=place)["datasets"][0] for _ in "ab"]
    assert [each["existing"] for each in made] == [False, True]
    assert made[1]["version"] == "v2"
    dry = answer("expand", "d-x3@v1", "--reject", listed(place / "d-x3/v1", 22), "--dry-run",
                 cwd=place)  # fmt: skip
    assert dry["datasets"][0]["version"] == "v3"
    assert not (place / "d-x3/v3").exists()


OPTIONS = ("--factor", 2, "--preset", "photo", "--mixup", 1, "--seed", 4, "--validation", "0.25")


def test_the_request_that_made_it_does_so_too(place: Path) -> None:
    ask = ("expand", "parts", "--out", "own", *OPTIONS)
    run(*ask, "--licence", "CC0-1.0", cwd=place)
    first = place / "own-x2/v1"
    path = listed(first, 20)
    made = answer(*ask, "--reject", path, cwd=place)["datasets"][0]
    assert changed(open_version(first), open_version(place / made["path"])) == [20]
    found = read_manifest(place / made["path"])
    assert found.validation is not None
    assert found.validation == read_manifest(first).validation
    assert found.about is not None
    assert found.about.licence == "CC0-1.0"
    assert answer("expand", "own-x2", "--reject", path, cwd=place)["datasets"][0]["existing"]
    for change, said in (
        (("--seed", 5), r"seed 4 → 5"),
        (("--mixup", 2), "mix.1.copies 1 → 2"),
        (("--n-train", 9), "the source images"),
    ):
        told = run(*ask, "--reject", path, *change, cwd=place, code=3).stderr
        assert "was made for own-x2@v1, and this request is another" in told
        assert said in told
    told = run(*ask[:3], "other", *OPTIONS, "--reject", path, cwd=place, code=3).stderr
    assert "was made for no version of other-x2" in told
    assert sorted(each.name for each in (place / "own-x2").iterdir()) == ["v1", "v2"]


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        ([], 3, "lists no row"),
        ([7 * SOURCES], 3, f"row {7 * SOURCES} is not in d-x3@v1"),
        ([0, 4], 3, "rows 0, 4 of d-x3@v1 hold images as they are in the source"),
    ],
)
def test_a_list_that_nothing_can_be_drawn_of_is_told(
    place: Path, rows: list[int], code: int, said: str
) -> None:
    told = run("expand", "d-x3", "--reject", listed(place / "d-x3/v1", *rows), cwd=place, code=code)
    assert said in told.stderr
    assert not (place / "d-x3/v2").exists()


def test_wrong_words_are_told(place: Path) -> None:
    path = listed(place / "d-x3/v1", 20, 0)
    told = run("expand", "d-x3", "--reject", path, "--factor", 3, cwd=place, code=2).stderr
    assert "--factor" in told
    assert "says itself how it was made" in told
    told = run("expand", "parts", "--factor", 3, cwd=place, code=2).stderr
    assert "Missing option '--out'" in told
    run("expand", "d-x3", "--reject", path, "--model", "parts", cwd=place, code=2)
    told = run("expand", "d-x3", "--reject", path, cwd=place).stderr  # one can be, one cannot
    assert "row 0 of d-x3@v1 holds" in told
    assert "export --without" in told
    assert read_manifest(place / "d-x3/v2").rejected_rows == [[20]]
    told = run("expand", "d-x3@v2", "--reject", path, cwd=place, code=3).stderr
    assert "was made for d-x3@v1, whose rows are others than those of d-x3@v2" in told
    (place / "typed.txt").write_text("21  # a line\n")
    told = run("expand", "d-x3", "--reject", "typed.txt", cwd=place, code=3).stderr
    assert "Name it: d-x3@v2" in told
    run("expand", "d-x3@v1", "--reject", "typed.txt", cwd=place)
    assert read_manifest(place / "d-x3/v3").rejected_rows == [[21]]


def test_a_program_that_makes_other_rows_changes_none(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, whole = place / "d-x3/v1", render_block

    def brighter(*arguments: Any) -> Any:
        images, labels = whole(*arguments)
        return images ^ np.uint8(arguments[1].method[0] == "ricap"), labels

    with monkeypatch.context() as patch:
        patch.setattr(shard, "render_block", brighter)
        told = run("expand", first, "--reject", listed(first, 20), cwd=place, code=4).stderr
    assert f"rows {RICAP}, {RICAP + 1}" in told
    assert "nothing was published" in told
    assert [each.name for each in (place / "d-x3").iterdir()] == ["v1"]
    edit_manifest(first, lambda values: values["versions"].update(ricap=0))
    told = run("expand", first, "--reject", listed(first, 20), cwd=place, code=3).stderr
    assert "ricap 0 → 1" in told


def test_an_interrupted_redraw_goes_on(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = listed(place / "d-x3/v1", SOURCES, MIXUP + 1, RICAP + 1)
    whole, left = publish_shard, [2]

    def stopping(*arguments: Any) -> None:
        if not left[0]:
            raise ResourceError("here", "is stopped", "Go on.")
        left[0] -= 1
        whole(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(shard, "publish_shard", stopping)
        run("expand", "d-x3", "--reject", path, "--workers", 1, cwd=place, code=5)
    told = run("expand", "d-x3", "--reject", path, cwd=place).stderr
    assert "rows are kept from an earlier run" in told
    before, after = (open_version(place / "d-x3" / each) for each in ("v1", "v2"))
    assert changed(before, after) == [SOURCES, MIXUP + 1, RICAP + 1]


def filtered(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a version of decoded images, filtered, and of mixtures among these."""
    monkeypatch.setattr(decoded_filter, "STEPS", 12)
    images, labels = patterns("few", 30)
    write_source(place / "tall.h5", images.repeat(3, axis=1).repeat(3, axis=2), labels)
    train = VaeTrainRequest(
        SourceSpec(str(place / "tall.h5")), place / "model", steps=2, batch=9, verdict=False
    )
    request = ExpandRequest(
        SourceSpec(str(vae_train(train, Progress()).out)), place / "f", (3,),
        vae={"share": 0.5, "filter": True}, geometry={"preset": "texture"},
        mix=(mix_stage("test", "mixup", 3, "expanded", {}),),
    )  # fmt: skip
    return expand(request, Progress())[0].path


def test_decoded_rows_are_drawn_anew_past_the_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = filtered(tmp_path, monkeypatch)
    one, plan = open_version(first), plan_of(first)
    decoded = np.flatnonzero(one.methods == "vae")
    mixed = np.isin(decoded, read_parent_rows(one)[one.methods == "mixup"])
    often = np.array([sum(plan[row][f"vae_{why}"] for why in ("unread", "blank", "copy"))
                      for row in decoded.tolist()])  # fmt: skip
    # One that the filter had drawn again and that was mixed, and one that it left alone.
    rows = [int(decoded[mixed & (often > 0)][0]), int(decoded[often == 0][0])]
    versions = [one]
    for _ in "ab":
        path = listed(versions[-1].folder, *sorted(rows))
        (made,) = answer("expand", "f-x3", "--reject", path, cwd=tmp_path)["datasets"]
        versions.append(open_version(tmp_path / made["path"]))
        assert changed(versions[-2], versions[-1]) == sorted(rows)
        assert reproduce(str(versions[-1].folder), Progress()).rows == len(one.methods)
    images = [version.source.read_images(np.array(rows)) for version in versions]
    assert (images[0] != images[2]).any(axis=(1, 2, 3)).all()
    again = versions[-1].manifest.recipe["redrawn"]
    number = min(int(often[decoded == rows[0]][0]), 7)
    assert [rows[0], number] in again[0]
    assert dict(again[1])[rows[0]] > number


def test_unlabelled_rows_keep_their_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from augfactory.commands.expand import pseudo_labelling

    images, labels = patterns("few", 54)
    tall = np.repeat(images, 2, axis=1)
    write_source(tmp_path / "few.h5", tall[:30], labels[:30])
    write_source(tmp_path / "more.h5", tall[30:], labels[30:])
    request = ExpandRequest(
        SourceSpec(str(tmp_path / "few.h5")), tmp_path / "u", (2,),
        geometry={"preset": "texture"}, unlabelled=SourceSpec(str(tmp_path / "more.h5")),
        pseudo_label={"teachers": 2, "steps": 4, "views": 1, "keep": 0.5},
    )  # fmt: skip
    first = expand(request, Progress())[0].path
    one = open_version(first)
    rows = np.flatnonzero(one.methods == "pseudo-label")
    varied, as_it_was = (int(rows[one.rounds[rows] == round_][0]) for round_ in (1, 0))
    taught: list[Callable[..., Any]] = []
    monkeypatch.setattr(pseudo_labelling, "label", taught.append)
    told = run("expand", first, "--reject", listed(first, as_it_was, varied), cwd=tmp_path).stderr
    assert f"row {as_it_was} of u-x2@v1 holds" in told
    assert not taught
    two = open_version(tmp_path / "u-x2/v2")
    assert changed(one, two) == [varied]
    assert reproduce(str(two.folder), Progress()).rows == len(one.methods)
