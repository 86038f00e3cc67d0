"""Zip and tar files: of class folders, WebDataset samples, and of what strangers may put in."""

import io
import json
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.source_rows import fingerprint, rows_of
from augfactory.sources.opening import open_source
from augfactory.sources.recorded import open_rows
from tests.sources.written import HEIGHT, WIDTH, encoded, image_of, noise, write_class_folders

IMAGES = noise(6, HEIGHT, WIDTH, 3)
LABELS = np.array([0, 1, 2, 0, 1, 2])
PACKED = ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"]


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """Write an archive of the kind that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    mode: Any = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(
        path.suffix[1:], "w"
    )
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def png(row: int) -> bytes:
    return encoded(image_of(IMAGES[row]))


def opened(path: object) -> Source:
    return open_source(SourceSpec(str(path)))


def refusal(path: object) -> str:
    def read() -> None:
        source = opened(path)
        source.read_images(np.arange(len(source)))

    with pytest.raises(InputDataError) as caught:
        read()
    return str(caught.value)


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("top", ["", "photos/", "./"])
def test_an_archive_is_what_its_folder_is(tmp_path: Path, name: str, top: str) -> None:
    write_class_folders(tmp_path / "set", IMAGES, LABELS)
    (tmp_path / "set" / "1" / "deep").mkdir()
    image_of(IMAGES[0]).save(tmp_path / "set" / "1" / "deep" / "a.png")
    if top == "./" and name.endswith("zip"):
        top = "a/b/"
    files = {
        f"{top}{path.relative_to(tmp_path / 'set').as_posix()}": path.read_bytes()
        for path in sorted((tmp_path / "set").rglob("*.png"), reverse=True)
    }
    files |= {"__MACOSX/x.png": b"", f"{top}0/.hidden.png": b"", f"{top}0/notes.txt": b"x"}
    before = sorted(tmp_path.iterdir())
    archive = pack(tmp_path / name, files)
    source = opened(archive)
    assert source.class_names == ("0", "1", "2")
    assert fingerprint(source) == fingerprint(opened(tmp_path / "set"))
    assert source.row_name(4).endswith("1/deep/a.png")
    assert sorted(tmp_path.iterdir()) == sorted([*before, archive])
    assert len(open_rows(rows_of(SourceSpec(str(archive)), source))[1]) == 7


def test_splits_in_an_archive(tmp_path: Path) -> None:
    rows = [("train", 0), ("train", 1), ("train", 2), ("valid", 3), ("valid", 4), ("test", 5)]
    files = {f"set/{split}/k{row % 3}/{row}.png": png(row) for split, row in rows}
    path = pack(tmp_path / "a.zip", files)
    for suffix, split, numbers in (
        ("", "train", [0, 1, 2]), (":train", "train", [0, 1, 2]), (":val", "validation", [3, 4]),
    ):  # fmt: skip
        source = opened(f"{path}{suffix}")
        assert (source.split, source.class_names) == (split, ("k0", "k1", "k2"))
        assert np.array_equal(source.read_images(np.arange(len(source))), IMAGES[numbers])
    files["set/test/new/x.png"] = png(0)
    assert "has a class new" in refusal(f"{pack(path, files)}:test")


def test_webdataset_samples(tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    for split, rows in (("train", range(4)), ("val", range(4, 6))):
        for place in rows:
            files = {
                f"x/{place:05d}.png": png(place),
                f"x/{place:05d}.cls": str(place % 2).encode(),
            }
            pack(shards / f"set-{split}-{place:03d}.tar", files)
    for suffix, split, numbers in (
        ("", "train", [0, 1, 2, 3]), (":val", "validation", [4, 5]),
    ):  # fmt: skip
        source = opened(f"{shards}{suffix}")
        assert (source.split, source.class_names) == (split, ("0", "1"))
        assert source.labels.tolist() == [number % 2 for number in numbers]
        assert np.array_equal(source.read_images(np.arange(len(source))), IMAGES[numbers])
    (tmp_path / "_info.json").write_text(json.dumps({"class_names": ["ape", "bee"]}))
    assert opened(shards).class_names == ("ape", "bee")
    assert "no shard is of the test split" in refusal(f"{shards}:test")


@pytest.mark.parametrize("ending", ["json", "txt"])
def test_samples_whose_classes_have_names(tmp_path: Path, ending: str) -> None:
    files: dict[str, bytes] = {}
    for row in range(4):
        name = "dog" if row % 2 else "ape"
        text = json.dumps({"width": 3, "label": name}) if ending == "json" else name
        files |= {f"{row}.jpg": png(row), f"{row}.{ending}": text.encode()}
    source = opened(pack(tmp_path / "a.tar", files))
    assert source.class_names == ("ape", "dog")
    assert source.labels.tolist() == [0, 1, 0, 1]
    assert np.array_equal(source.read_images(np.array([3, 3])), IMAGES[[3, 3]])
    assert "nothing tells its class" in refusal(
        pack(tmp_path / "b.tar", {**files, "9.png": png(0)})
    )
    files[f"0.{ending}"] = b"" if ending == "txt" else b"[]"
    assert "it tells no class" in refusal(pack(tmp_path / "c.tar", files))


GOOD = {"a/0.png": png(0), "b/1.png": png(1)}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
@pytest.mark.parametrize("member", ["../a/2.png", "/etc/2.png", "a/../../2.png", "a\\2.png"])
def test_members_that_lead_out(tmp_path: Path, name: str, member: str) -> None:
    path = tmp_path / name
    if member.startswith("a\\") and name.endswith("zip"):
        pytest.skip("zipfile turns it into a slash")
    assert "which leads out of it" in refusal(pack(path, {**GOOD, member: png(2)}))


def test_members_that_are_no_files(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        path = pack(tmp_path / "a.tar", GOOD)
        with tarfile.open(path, "a") as tar:
            member = tarfile.TarInfo("a/link.png")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        assert "a/link.png is a link or a special file" in refusal(path)
    path = pack(tmp_path / "a.zip", GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("a/link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert "a/link.png is a link or a special file" in refusal(path)


def test_bombs_and_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path / "a.zip", GOOD)
    whole = path.read_bytes()
    for declared in (10**6, 2**31):
        # Both headers of the first member declare a length that it has not.
        size = len(png(0)).to_bytes(4, "little")
        path.write_bytes(whole.replace(size, declared.to_bytes(4, "little")))
        assert str(path) in refusal(path)
    path.write_bytes(whole[:-10])
    assert "cannot be read as an archive" in refusal(path)
    tar = pack(tmp_path / "a.tar", GOOD)
    tar.write_bytes(tar.read_bytes()[:700])
    assert str(tar) in refusal(tar)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/0.png", png(0))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a/0.png", png(0))
    assert "two members are called a/0.png" in refusal(path)
    monkeypatch.setattr("augfactory.sources.parsing.archive_files.MOST_HELD", 5000)
    packed = pack(tmp_path / "a.tar.gz", {**GOOD, "a/zero.txt": bytes(10_000)})
    assert "more than 5,000 bytes" in refusal(packed)


def test_archives_of_something_else(tmp_path: Path) -> None:
    assert "no class folders" in refusal(pack(tmp_path / "a.zip", {"a.png": png(0)}))
    assert "only one class folder, a" in refusal(pack(tmp_path / "a.zip", {"a/0.png": png(0)}))
    assert "Leave :validation off" in refusal(f"{pack(tmp_path / 'a.zip', GOOD)}:val")
    bad = pack(tmp_path / "a.zip", {**GOOD, "b/2.png": b"nothing"})
    assert f"{bad}/b/2.png: cannot be read as an image" in refusal(bad)
