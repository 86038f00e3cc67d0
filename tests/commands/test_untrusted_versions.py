"""A version from a stranger reads no file of this machine, writes none, and takes no memory.

Each test runs every way into a version: only an error of augfactory may come out.
"""

import contextlib
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

import augfactory
from augfactory.cli.app import app
from augfactory.commands.progress import Progress
from augfactory.commands.versions.reproduce import reproduce
from augfactory.errors import AugfactoryError, VerificationError
from augfactory.guarded.files import sha256_of
from augfactory.store import checked
from augfactory.store.manifest import read_manifest
from tests.commands.hostile import (
    ROWS,
    copy_version,
    edit_manifest,
    edit_shard,
    make_version,
    rewrite,
    sums_anew,
)

SECRET = b"TOPSECRET" * 1000


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return copy_version(tmp_path)


def read_all(version: Path) -> None:
    dataset = augfactory.load(str(version), verify=False)
    for row in range(len(dataset)):
        dataset[row]
    _ = dataset.version.methods, dataset.version.roots


def run(*arguments: str) -> int:
    """Run a command; only a documented exit code may come out."""
    found = CliRunner().invoke(app, [*arguments, "--quiet"])
    assert "Traceback" not in found.output
    assert "defect" not in found.output, found.output
    return found.exit_code


def every_way(version: Path, out: Path) -> dict[str, int]:
    """Return the exit code of each command that reads a version."""
    name = str(version)
    return {
        "expand": run("expand", name, "--factor", "2", "--out", str(out / "leak")),
        "info": run("info", name, "--row", "5"),
        "export": run("export", name, "--to", "png", "--out", str(out / "png")),
        "reproduce": run("reproduce", name),
        "verify": run("verify", name),
        "preview": run("preview", name, "--out", str(out / "sheet.png")),
        "log": run("log", name),
    }


def external(column: str) -> Callable[[h5py.File, Path], None]:
    def change(file: h5py.File, secret: Path) -> None:
        shape, dtype = file[column].shape, file[column].dtype
        del file[column]
        storage = [(str(secret), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset(column, shape, dtype, external=storage)

    return change


def linked(column: str) -> Callable[[h5py.File, Path], None]:
    def change(file: h5py.File, secret: Path) -> None:
        other = secret.with_name("other.h5")
        with h5py.File(other, "w") as target:
            target["a"] = file[column][()]
        del file[column]
        file[column] = h5py.ExternalLink(str(other), "/a")

    return change


@pytest.mark.parametrize("column", ["soft_label", "label", "method", "weight", "image"])
@pytest.mark.parametrize("way", [external, linked])
def test_a_shard_that_leads_to_another_file_is_refused_everywhere(
    tmp_path: Path,
    version: Path,
    way: Callable[[str], Callable[[h5py.File, Path], None]],
    column: str,
) -> None:
    """H1: also where every sum was computed again, so that no hash tells."""
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    edit_shard(version, lambda file: way(column)(file, secret))
    with pytest.raises(VerificationError):
        read_all(version)
    codes = every_way(version, tmp_path)
    for reads_no_pixels in ("log", *(["info"] if column == "image" else [])):
        del codes[reads_no_pixels]
    assert set(codes.values()) == {4}, codes
    for path in (*tmp_path.glob("leak*/v*/shards/*"), *tmp_path.glob("png/v*/train/*")):
        assert b"TOPSECRET" not in path.read_bytes()


def test_an_edited_shard_is_refused_before_it_is_read(tmp_path: Path, version: Path) -> None:
    """H1: the manifest's hashes are held to when a version is opened."""
    path = version / "shards/00001.h5"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    rewrite(path, bytes(data))
    with pytest.raises(VerificationError, match=r"00001.h5: its content was changed"):
        augfactory.load(str(version))[0]
    assert run("expand", str(version), "--factor", "2", "--out", str(tmp_path / "leak")) == 4
    assert run("info", str(version), "--row", "1") == 4
    assert not (tmp_path / "leak-x2").exists()
    assert len(augfactory.load(str(version), verify=False)[0]) == 2


def test_huge_arrays_that_were_never_written_take_no_memory(version: Path) -> None:
    def change(file: h5py.File) -> None:
        del file["label"]
        file.create_dataset("label", (2**33,), "i8")

    edit_shard(version, change)
    with pytest.raises(VerificationError, match="never written"):
        read_all(version)


@pytest.mark.parametrize("where", ["../../ESCAPED", "/ESCAPED", "a/b", "..", "."])
def test_reproduce_writes_where_it_wants_and_not_where_a_manifest_says(
    tmp_path: Path, version: Path, where: str
) -> None:
    """H2."""
    name = f"{tmp_path}/elsewhere{where}" if where.startswith("/") else where
    edit_manifest(version, lambda values: values.update(name=name))
    with pytest.raises(VerificationError, match="cannot be a name"):
        reproduce(str(version), Progress())
    assert not list(tmp_path.rglob("*ESCAPED*"))


def at(*keys: str | int) -> Callable[[Any], Callable[[dict[str, Any]], None]]:
    def to(value: Any) -> Callable[[dict[str, Any]], None]:
        def change(values: Any) -> None:
            for key in keys[:-1]:
                values = values[key]
            values[keys[-1]] = value

        return change

    return to


def without(*keys: str) -> Callable[[dict[str, Any]], None]:
    def change(values: Any) -> None:
        for key in keys[:-1]:
            values = values[key]
        del values[keys[-1]]

    return change


EDITS: dict[str, Callable[[dict[str, Any]], None]] = {
    "recipe without format": without("recipe", "format"),
    "unknown format": at("recipe", "format")("hdf6"),
    "recipe key renamed": at("recipe", "facteur")(3),
    "recipe of another type": at("recipe", "mix")(5),
    "unknown method": at("recipe", "mix", 0, "method")("blend"),
    "wrong parameter": at("recipe", "mix", 0, "parameters", "alpha")(-1),
    "huge factor": at("recipe", "factor")(99_999),
    "no rows of the source": at("source", "rows")([]),
    "negative rows": at("source", "rows")([-1] * 12),
    "huge rows": at("source", "rows")([2**70] * 12),
    "too few rows": at("source", "rows")([0]),
    "roots": at("source", "roots")([]),
    "roots of nothing": at("source", "roots")([[]] * 12),
    "huge roots": at("source", "roots")([[2**80]] * 12),
    "no pixels": at("image_shape")([0, 14, 3]),
    "huge images": at("image_shape")([2**19, 2**19, 3]),
    "two channels": at("image_shape")([9, 14, 2]),
    "no row": at("rows")(0),
    "rows": at("rows")(ROWS + 1),
    "huge number of rows": at("rows")(2**61),
    "fewer classes": at("class_names")(["ant"]),
    "renamed class": at("class_names")(["ant", "bee", "dog"]),
    "control character": at("class_names")(["ant", "bee", "c\x1b[2Jow"]),
    "two classes of one name": at("class_names")(["ant", "bee", "bee"]),
    "NUL in a path": at("files", 0, "path")("shards/\0"),
    "a path out": at("files", 0, "path")("../../secret"),
    "an absolute path": at("files", 0, "path")("/etc/passwd"),
    "a file twice": lambda values: values["files"].append(values["files"][0]),
    "a file that is none of ours": lambda values: values["files"].append(
        {"path": "notes.txt", "size": 1, "sha256": "0" * 64}
    ),
    "counts": at("counts", "original", "ant")(99),
    "statistics": at("statistics", "repeats")(7),
    "version": at("version")("v0"),
    "schema": at("schema_version")(99),
    "seconds": at("seconds")(-1),
    "a model": at("model")({"sha256": 5}),
    "no content hash": at("content_hash")(""),
    "another content hash": at("content_hash")("0" * 64),
    "deep": at("recipe", "deep")([[[[[[]]]]]]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_manifest_is_exit_code_4_even_when_its_sums_were_renewed(
    tmp_path: Path, version: Path, edit: str
) -> None:
    """M1, L6: what the data can tell better than the manifest is held to the data."""
    breaking_paths = ("NUL in a path", "a path out", "an absolute path", "a file that is")
    if edit.startswith(breaking_paths):
        (version / "notes.txt").write_bytes(b"x")
        path = version / "manifest.json"
        values = json.loads(path.read_bytes())
        EDITS[edit](values)
        rewrite(path, json.dumps(values).encode())
    else:
        edit_manifest(version, EDITS[edit])
    assert run("verify", str(version)) == 4
    codes = every_way(version, tmp_path)
    assert set(codes.values()) <= {0, 2, 3, 4}, codes
    with contextlib.suppress(VerificationError):
        read_all(version)


def test_deep_and_endless_numbers_in_a_manifest(version: Path) -> None:
    for text in ("[" * 100_000, '{"rows": ' + "9" * 5000 + "}", "null", "[]", '{"a": NaN}'):
        rewrite(version / "manifest.json", text.encode())
        with pytest.raises(VerificationError, match=r"manifest.json: cannot be read"):
            augfactory.load(str(version)).manifest  # noqa: B018
        assert run("verify", str(version)) == 4


@pytest.mark.parametrize("path", ["shards/00000.h5", "plan.parquet", "SHA256SUMS", "manifest.json"])
@pytest.mark.parametrize("kind", ["FIFO", "device", "link", "folder"])
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, version: Path, path: str, kind: str
) -> None:
    """M11: nothing waits for a FIFO or reads a device without end."""
    place = version / path
    copy = tmp_path / "copy"
    copy.write_bytes(place.read_bytes())
    place.unlink()
    if kind == "FIFO":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("/dev/zero" if kind == "device" else copy)
    codes = every_way(version, tmp_path)
    assert codes["verify"] == 4
    assert set(codes.values()) <= {0, 3, 4}, codes
    if path == "shards/00000.h5":
        assert codes["expand"] == codes["export"] == codes["info"] == codes["reproduce"] == 4


@pytest.mark.parametrize("storage", ["png", "parquet", "webdataset"])
def test_other_formats_are_held_to_what_they_write(tmp_path: Path, storage: Any) -> None:
    """A picture that declares more pixels than any memory holds; text where columns belong."""
    version = make_version(tmp_path, storage)
    bomb = b"\x89PNG\r\n\x1a\n"
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 1000)),
        (b"IEND", b""),
    ):
        bomb += struct.pack(">I", len(data)) + kind + data
        bomb += struct.pack(">I", zlib.crc32(kind + data))
    pattern = {"png": "train/*/00000041.png", "parquet": "data/*1-of*", "webdataset": "shards/*1.*"}
    path = next(version.glob(pattern[storage]))
    stored = bytearray(path.read_bytes())
    place = stored.index(b"\x89PNG")
    stored[place : place + len(bomb)] = bomb
    rewrite(path, bytes(stored))
    sums_anew(version)
    with pytest.raises(VerificationError):
        read_all(version)
    assert run("verify", str(version)) == 4


@pytest.mark.parametrize("name", [b"../../x.png", b"00000000.txt", b"00000001.png", b"/etc/passwd"])
def test_members_of_a_tar_are_called_as_they_were_written(tmp_path: Path, name: bytes) -> None:
    """L6: a reader of somebody else's would unpack them."""
    version = make_version(tmp_path, "webdataset")
    path = version / "shards/00000.tar"
    data = bytearray(path.read_bytes())
    header = bytearray(data[:512])
    header[:100] = name.ljust(100, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    data[:512] = header
    rewrite(path, bytes(data))
    sums_anew(version)
    with pytest.raises(VerificationError, match=r"stands where it was not written|is not its"):
        read_all(version)
    assert run("verify", str(version)) == 4


def test_images_come_from_the_files_that_were_checked_and_no_others(version: Path) -> None:
    """A manifest that lists another file as the shard, beside the one that is read."""
    (version / "shards/other.h5").write_bytes((version / "shards/00000.h5").read_bytes())
    edit_manifest(version, at("files", 0, "path")("shards/other.h5"))
    with pytest.raises(VerificationError, match="are not its shards"):
        read_all(version)


def test_columns_that_do_not_fit_the_manifest_are_refused(version: Path) -> None:
    def change(file: h5py.File) -> None:
        file["source_index"][3, 0] = 12

    edit_shard(version, change)
    with pytest.raises(VerificationError, match="source_index goes from"):
        read_all(version)


def test_reproduce_holds_every_column_to_what_it_renders(version: Path) -> None:
    """L6: the content hash covers pixels and shares; round and weight stand beside them."""

    def change(file: h5py.File) -> None:
        file["round"][3] = 77

    edit_shard(version, change)
    with pytest.raises(VerificationError, match="the column round"):
        reproduce(str(version), Progress())


def test_a_content_hash_that_was_kept_elsewhere_is_compared_with(version: Path) -> None:
    own = read_manifest(version).content_hash
    assert run("verify", str(version), "--content-hash", own) == 0
    assert run("verify", str(version), "--content-hash", own[:63]) == 2
    assert run("verify", str(version), "--content-hash", "0" * 64) == 4
    assert run("verify", str(version), "--content-hash", "hash") == 2


def test_what_was_checked_is_remembered_until_it_changes(
    version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    real = sha256_of

    def counting(file: Any) -> tuple[int, str]:
        hashed.append(file.name)
        return real(file)

    monkeypatch.setattr(checked, "sha256_of", counting)
    checked._passed_here.clear()
    for _ in range(2):
        _ = augfactory.load(str(version)).version
        checked._passed_here.clear()  # as in another process: it is kept on the disk
    assert len(hashed) == 3  # two shards and the plan, once
    os.utime(version / "shards/00000.h5")
    _ = augfactory.load(str(version)).version
    assert [Path(path).name for path in hashed[3:]] == ["00000.h5"]
    damaged = bytearray((version / "shards/00000.h5").read_bytes())
    damaged[-1] ^= 1
    rewrite(version / "shards/00000.h5", bytes(damaged))
    with pytest.raises(AugfactoryError, match="content was changed"):
        _ = augfactory.load(str(version)).version
    assert np.array_equal(augfactory.load(str(version), verify=False).version.rounds[:3], [0, 0, 0])
