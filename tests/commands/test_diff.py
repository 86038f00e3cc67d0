"""`diff` counts removed, added and changed rows, and names what differs in the request."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.versions import diff as module
from augfactory.commands.versions.diff import as_json, as_text, diff
from augfactory.errors import InputDataError, VerificationError
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import Rows, SourceSpec
from augfactory.store.formats import hdf5
from augfactory.store.manifest import (
    MANIFEST,
    content_hash,
    file_entry,
    manifest_bytes,
    read_manifest,
    row_digests,
)
from augfactory.store.reader import read_row_ranges
from tests.commands.versions import read_rows, write_source, write_version
from tests.evaluation.memory import CLASS_NAMES, patterns

SHARD = "shards/00000.h5"
CHOSEN = list(range(20, 40))


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """A version of 60 rows: 20 originals, two noisy copies of each."""
    source = write_source(tmp_path / "train.h5", *patterns("train", 50))
    return write_version(tmp_path / "made/v1", source, CHOSEN, 3)


def test_a_damaged_copy_is_not_equal(version: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(version, tmp_path / "copied/v1")
    assert diff(str(version), str(copy), Progress()).equal_content
    data = bytearray((copy / SHARD).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / SHARD).write_bytes(data)
    for first, second in ((version, copy), (copy, version)):
        with pytest.raises(VerificationError, match="its content was changed"):
            diff(str(first), str(second), Progress())


def rewritten(version: Path, rows: Rows, **manifest_changes: Any) -> Path:
    """Write a version of these rows beside ``version``."""
    folder = version.with_name("v2")
    (folder / "shards").mkdir(parents=True)
    manifest = read_manifest(version)
    changed = manifest.model_copy(update=manifest_changes)
    (folder / SHARD).write_bytes(hdf5.shard_bytes(rows, changed.class_names))
    shape = rows.image.shape[1:]
    digest = content_hash((shape[0], shape[1], shape[2]), changed.class_names, [row_digests(rows)])
    final = changed.model_copy(
        update={
            "version": "v2",
            "rows": len(rows),
            "image_shape": shape,
            "files": [file_entry(folder, SHARD)],
            "content_hash": digest,
        }
    )
    (folder / MANIFEST).write_bytes(manifest_bytes(final))
    return folder


def taken(rows: Rows, places: list[int]) -> Rows:
    return Rows(**{name: values[places] for name, values in vars(rows).items()})


def compared(a: Path, b: Path) -> dict[str, Any]:
    found = diff(str(a), str(b), Progress())
    assert as_text(found)
    return json.loads(json.dumps(as_json(found), allow_nan=False))  # type: ignore[no-any-return]


def fates(found: dict[str, Any]) -> dict[str, Any]:
    rows = found["rows"]
    return {"same": rows["same"], **{w: rows[w]["counts"] for w in ("changed", "removed", "added")}}


def test_a_version_equals_itself(version: Path) -> None:
    found = compared(version, version)
    assert found["equal_content"] is True
    assert fates(found) == {"same": 60, "changed": {}, "removed": {}, "added": {}}
    nothing = ("recipe", "methods", "model", "images", "libraries")
    assert [found[what] for what in nothing] == [[], [], [], [], []]
    assert found["source"] == {"differences": [], "rows": None}


def test_one_edited_byte_is_one_changed_row(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read_row_ranges", partial(read_row_ranges, rows=25))
    rows = read_rows(version / SHARD)
    rows.image[27, 3, 2, 1] ^= 1
    found = compared(version, rewritten(version, rows))
    assert found["equal_content"] is False
    name = CLASS_NAMES[int(rows.label[27])]
    assert fates(found) == {"same": 59, "changed": {"vae": {name: 1}}, "removed": {}, "added": {}}


def test_removed_and_added_rows_are_counted_by_method_and_class(version: Path) -> None:
    rows = read_rows(version / SHARD)
    # Row 7 is an original, 27 and 47 are copies of it; 31 is of another class.
    kept = [row for row in range(60) if row not in (7, 27, 31)]
    other = rewritten(version, taken(rows, kept))
    of_7, of_31 = (CLASS_NAMES[int(rows.label[row])] for row in (7, 31))
    counts = {"original": {of_7: 1}, "vae": {of_7: 1, of_31: 1}}
    there = compared(version, other)
    assert fates(there) == {"same": 57, "changed": {}, "removed": counts, "added": {}}
    assert there["rows"]["removed"]["rows"] == 3
    back = compared(other, version)
    assert fates(back) == {"same": 57, "changed": {}, "removed": {}, "added": counts}


def test_another_order_is_told_as_such(version: Path) -> None:
    rows = read_rows(version / SHARD)
    other = rewritten(version, taken(rows, [*range(1, 60), 0]))
    found = diff(str(version), str(other), Progress())
    assert not found.equal_content
    assert fates(as_json(found)) == {"same": 60, "changed": {}, "removed": {}, "added": {}}
    assert "the same rows, in another order" in as_text(found)


def test_repeated_rows_are_paired_as_often_as_both_have_them(version: Path) -> None:
    rows = read_rows(version / SHARD)
    once = rewritten(version, taken(rows, [0, 1]))
    once = once.rename(once.with_name("v3"))
    several = rewritten(version, taken(rows, [0, 0, 0, 1]))
    assert fates(compared(several, once)) == {
        "same": 2,
        "changed": {},
        "removed": {"original": {CLASS_NAMES[int(rows.label[0])]: 2}},
        "added": {},
    }


def test_source_rows_count_as_such_not_by_their_place(tmp_path: Path) -> None:
    """What is made of source row 30 is compared with what is made of it, wherever it stands."""
    source = write_source(tmp_path / "train.h5", *patterns("train", 50))
    a = write_version(tmp_path / "a/v1", source, [20, 30], 2, seed=1)
    b = write_version(tmp_path / "b/v1", source, [30, 41], 2, seed=2)
    found = compared(a, b)
    first, second = CLASS_NAMES[0], CLASS_NAMES[1]
    assert fates(found) == {
        "same": 1,
        "changed": {"vae": {first: 1}},
        "removed": {"original": {first: 1}, "vae": {first: 1}},
        "added": {"original": {second: 1}, "vae": {second: 1}},
    }
    assert found["source"]["rows"] == {"both": 1, "only_a": 1, "only_b": 1}


def test_other_class_names_are_told_and_labels_compared_by_name(version: Path) -> None:
    rows = read_rows(version / SHARD)
    names = ["aardvark", *CLASS_NAMES]
    wider = np.concatenate([np.zeros((60, 1), dtype=np.float32), rows.soft_label], axis=1)
    found = compared(
        version, rewritten(version, replace(rows, soft_label=wider), class_names=names)
    )
    assert fates(found) == {"same": 60, "changed": {}, "removed": {}, "added": {}}
    assert found["images"] == [{"key": "class_names", "a": list(CLASS_NAMES), "b": names}]


def test_a_renamed_class_changes_its_rows(version: Path) -> None:
    rows = read_rows(version / SHARD)
    names = ["renamed", *CLASS_NAMES[1:]]
    found = compared(version, rewritten(version, rows, class_names=names))
    assert fates(found) == {
        "same": 54,
        "changed": {"original": {"renamed": 2}, "vae": {"renamed": 4}},
        "removed": {},
        "added": {},
    }


def test_another_image_shape_is_told(version: Path) -> None:
    """Turned by a quarter, images of one colour hold the same bytes; they are not the same."""
    rows = read_rows(version / SHARD)
    turned = replace(rows, image=rows.image.reshape(60, 6, 9, 3))
    found = compared(version, rewritten(version, turned))
    assert found["rows"]["same"] == 0
    assert found["rows"]["changed"]["rows"] == 60
    assert found["images"] == [{"key": "image_shape", "a": [9, 6, 3], "b": [6, 9, 3]}]


def expanded(place: Path, seed: int = 0, storage: str = "hdf5", ricap: int = 0) -> Path:
    if not (place / "set.npz").exists():
        random = np.random.default_rng(3)
        images = random.integers(0, 256, (12, 9, 14, 3), dtype=np.uint8)
        np.savez(place / "set.npz", images=images, labels=np.arange(12) % 3)
    mix = [mix_stage("test", "mixup", 2, "originals", {})]
    mix += [mix_stage("test", "ricap", ricap, "originals", {})] if ricap else []
    request = ExpandRequest(
        SourceSpec(str(place / "set.npz")),
        place / "d",
        (3,),
        mix=tuple(mix),
        seed=seed,
        format=storage,
    )
    return expand(request, Progress())[0].path


def test_another_seed_changes_what_is_drawn(tmp_path: Path) -> None:
    found = compared(expanded(tmp_path), expanded(tmp_path, seed=1))
    assert found["recipe"] == [{"key": "seed", "a": 0, "b": 1}]
    rows = found["rows"]
    assert rows["changed"]["counts"]["geometry"] == {"0": 8, "1": 8, "2": 8}
    assert rows["same"] >= 12  # the originals, and mixtures that gave one image all the weight
    assert "geometry" not in rows["removed"]["counts"]
    assert set(rows["removed"]["counts"]) <= {"mixup"}  # other partners
    for what in ("removed", "added"):
        assert rows["same"] + rows["changed"]["rows"] + rows[what]["rows"] == 60


def test_another_format_has_equal_content(tmp_path: Path) -> None:
    found = compared(expanded(tmp_path), expanded(tmp_path, storage="png"))
    assert found["equal_content"] is True
    assert found["recipe"] == [{"key": "format", "a": "hdf5", "b": "png"}]


def test_a_further_stage_adds_rows(tmp_path: Path) -> None:
    found = compared(expanded(tmp_path), expanded(tmp_path, ricap=3))
    assert found["rows"]["same"] == 60
    assert found["rows"]["added"]["rows"] == 36
    assert set(found["rows"]["added"]["counts"]) == {"ricap"}
    keys = {each["key"]: each for each in found["recipe"]}
    assert keys["mix.2.copies"] == {"key": "mix.2.copies", "b": 3}
    assert found["methods"] == [{"key": "ricap", "b": 1}]


def test_the_command_answers_with_0_whether_they_differ_or_not(version: Path) -> None:
    rows = read_rows(version / SHARD)
    other = rewritten(version, taken(rows, list(range(59))))
    for b, equal in ((version, True), (other, False)):
        done = CliRunner().invoke(app, ["diff", str(version), str(b), "--json", "--quiet"])
        assert done.exit_code == 0
        assert json.loads(done.stdout)["equal_content"] is equal
    done = CliRunner().invoke(app, ["diff", str(version), str(other)])
    assert "1 removed" in done.stdout


def test_a_version_that_is_not_there_is_named(version: Path) -> None:
    with pytest.raises(InputDataError, match=r"v9"):
        diff(str(version), f"{version.parent}@v9", Progress())
