"""A tar file as WebDataset means it, of which any two writers make the same bytes."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augfactory.records import Rows
from augfactory.store.formats import webdataset
from augfactory.store.formats.storage_format import FinishedShard
from tests.store.conftest import make_rows


def test_plain_tarfile_reads_three_files_for_each_row(rows: Rows) -> None:
    contents = {}
    with tarfile.open(fileobj=io.BytesIO(webdataset.shard_bytes(rows, first=100))) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            contents[member.name] = file.read()
    assert list(contents) == [
        f"{row:08d}.{part}" for row in range(100, 110) for part in ("png", "cls", "json")
    ]
    for place in range(10):
        key = f"{100 + place:08d}"
        with Image.open(io.BytesIO(contents[f"{key}.png"])) as image:
            assert np.array_equal(np.asarray(image), rows.image[place])
        assert int(contents[f"{key}.cls"]) == rows.soft_label[place].argmax()
        described = json.loads(contents[f"{key}.json"])
        assert np.array_equal(np.float32(described["soft_label"]), rows.soft_label[place])
        assert described["source_index"] == rows.source_index[place].tolist()
        assert described["weight"] == [0.75, 0.25]
        assert described["method"] == rows.method[place]


def test_no_time_and_no_user_is_in_it(rows: Rows) -> None:
    with tarfile.open(fileobj=io.BytesIO(webdataset.shard_bytes(rows, first=0))) as archive:
        for member in archive:
            assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o444)
            assert (member.uname, member.gname) == ("", "")


def test_a_replaced_archive_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    for seed, count in ((0, 4), (1, 6)):
        rows = make_rows(count, seed=seed)
        path.write_bytes(webdataset.shard_bytes(rows, first=0))
        assert np.array_equal(webdataset._read_light(path, 0, 3)["soft_label"], rows.soft_label)


def test_members_that_we_did_not_write_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("notes.txt")
        archive.addfile(member, io.BytesIO())
    with pytest.raises(ValueError, match=r"notes\.txt"):
        webdataset._read_light(path, 0, 3)


def test_timm_is_told_of_every_shard(tmp_path: Path) -> None:
    shards = [
        FinishedShard(rows, (webdataset.shard_path(index, 2),), tmp_path / "none")
        for index, rows in enumerate((64, 7))
    ]
    assert webdataset.FORMAT.finish(tmp_path, ["Bär"], shards, []) == ["_info.json"]
    assert json.loads((tmp_path / "_info.json").read_text(encoding="utf-8")) == {
        "class_names": ["Bär"],
        "splits": {
            "train": {
                "name": "train",
                "num_samples": 71,
                "filenames": ["shards/00000.tar", "shards/00001.tar"],
                "shard_lengths": [64, 7],
            }
        },
    }
